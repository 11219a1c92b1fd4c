"""Interleaved runs, and the figures that come of them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from statistics import median

from bench.figures import FIGURES
from bench.load import Run

WARM_SECONDS = 1
Lane = Callable[[float], Run]  # takes seconds


@dataclass(frozen=True)
class Plan:
    """How long, how often, and which figures."""

    seconds: float
    runs: int
    wanted: frozenset[str]

    def wants(self, *names: str) -> bool:
        return bool(self.wanted.intersection(names))


@dataclass(frozen=True)
class Result:
    """One figure. `ratio` is the median of the ratios of each round; `min` and `max` bound the value."""

    name: str
    value: float
    unit: str
    ratio: float
    against: str
    must: float
    aim: float
    is_limit: bool
    is_met: bool
    runs: int
    min: float
    max: float
    ratio_min: float
    ratio_max: float
    yardstick: float

    def as_json(self) -> dict[str, object]:
        return {name: _short(value) for name, value in asdict(self).items()}


def _short(value: object) -> object:
    """Four digits say more than is known."""
    return float(f"{value:.4g}") if isinstance(value, float) else value


def make_result(name: str, values: Sequence[float], yardsticks: Sequence[float]) -> Result:
    figure = FIGURES[name]
    ratios = [value / yardstick for value, yardstick in zip(values, yardsticks, strict=True)]
    return Result(
        name=name,
        value=median(values),
        unit=figure.unit,
        ratio=median(ratios),
        against=figure.against,
        must=figure.must,
        aim=figure.aim,
        is_limit=figure.is_limit,
        is_met=figure.is_met(median(ratios)),
        runs=len(values),
        min=min(values),
        max=max(values),
        ratio_min=min(ratios),
        ratio_max=max(ratios),
        yardstick=median(yardsticks),
    )


def interleave(lanes: Mapping[str, Lane], plan: Plan) -> dict[str, list[Run]]:
    """A B C A B C A B C, after a short turn of each that does not count; each lane's runs in order."""
    for lane in lanes.values():
        lane(WARM_SECONDS)
    found: dict[str, list[Run]] = {name: [] for name in lanes}
    for number in range(1, plan.runs + 1):
        for name, lane in lanes.items():
            run = lane(plan.seconds)
            found[name].append(run)
            print(f"  {number}/{plan.runs}  {name:<24}{run}", flush=True)
    return found


def rates(runs: Sequence[Run]) -> list[float]:
    return [run.rate for run in runs]
