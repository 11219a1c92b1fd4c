"""The report: one HTML file with everything in it, plots as SVG and the same figures as tables."""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from django.template.loader import render_to_string

from storefront.rehearsal.performance import Recording
from storefront.rehearsal.verdict import Finding

WIDTH, HEIGHT = 720.0, 180.0
Series = Mapping[str, Mapping[int, float]]  # name → second → value
FAULT_WORDS = {"valkey": "the broker is killed", "worker": "a worker is killed"}


@dataclass(frozen=True)
class Line:
    """One line of a plot, and its points in the picture."""

    name: str
    points: str


@dataclass(frozen=True)
class Plot:
    """One picture. `rows`: second, then one value a line."""

    title: str
    unit: str
    top: str
    lines: tuple[Line, ...]
    marks: tuple[tuple[float, str], ...]
    ticks: tuple[tuple[float, int], ...]
    rows: tuple[tuple[int, tuple[str, ...]], ...]


def write_report(file: Path, *, recording: Recording, findings: Sequence[Finding], facts: Mapping[str, object]) -> None:
    """Write it, self-contained."""
    held = all(finding.holds for finding in findings)
    context = {
        "findings": findings,
        "held": held,
        "facts": facts,
        "plots": draw_plots(recording),
        "faults": [(f"{at:.1f}", FAULT_WORDS[name]) for at, name in recording.faults],
        "refusals": sorted(recording.seen.no.items()),
    }
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(render_to_string("rehearsal/report.html", context))


def draw_plots(recording: Recording) -> list[Plot]:
    seen = recording.seen
    reserving = [sample for sample in seen.samples if sample.what in ("form", "API")]
    failed = [sample for sample in seen.samples if not sample.status or sample.status >= 500]
    last = max([sample.at for sample in seen.samples] + [at for at, _, _ in recording.mails], default=1)
    marks = [(at, FAULT_WORDS[name]) for at, name in recording.faults]

    def draw(title: str, unit: str, series: Series, *, holds: bool = False) -> Plot:
        return _draw(title, unit, series, range(min(0, math.floor(_first(series))), math.ceil(last) + 1), marks, holds)

    return [
        draw("Arrivals", "a second", {"arrivals": _per_second(seen.arrivals)}),
        draw("Reservations", "a second", {"reservations": _per_second(recording.reserved)}),
        draw("Time to reserve", "ms", _percentiles((sample.at, sample.seconds * 1000) for sample in reserving)),
        draw("In the waiting room", "people", {"waiting": _latest(seen.waiting)}, holds=True),
        draw(
            "Mails",
            "in all",
            {
                "owed": _latest((at, owed) for at, owed, _ in recording.mails),
                "sent": _latest((at, sent) for at, _, sent in recording.mails),
            },
            holds=True,
        ),
        draw("Errors", "a second", {"errors": _per_second(sample.at for sample in failed)}),
    ]


def _first(series: Series) -> float:
    return min((second for values in series.values() for second in values), default=0)


def _per_second(instants: Iterable[float]) -> dict[int, float]:
    return dict(Counter(math.floor(at) for at in instants))


def _latest(points: Iterable[tuple[float, float]]) -> dict[int, float]:
    return {math.floor(at): value for at, value in sorted(points)}


def _percentiles(samples: Iterable[tuple[float, float]]) -> dict[str, dict[int, float]]:
    by_second: dict[int, list[float]] = defaultdict(list)
    for at, value in samples:
        by_second[math.floor(at)].append(value)
    return {
        f"p{share}": {second: percentile(values, share) for second, values in by_second.items()}
        for share in (50, 95, 99)
    }


def percentile(values: Sequence[float], share: int) -> float:
    """The nearest rank."""
    ordered = sorted(values)
    return ordered[max(0, math.ceil(len(ordered) * share / 100) - 1)]


def _draw(
    title: str, unit: str, series: Series, seconds: range, marks: Sequence[tuple[float, str]], holds: bool
) -> Plot:
    """`holds`: a value lasts until the next; else where there is none it is nought."""
    filled = {name: _fill(values, seconds, holds) for name, values in series.items()}
    top = _round_up(max((value for values in filled.values() for value in values), default=0))
    across = WIDTH / max(1, len(seconds) - 1)

    def x(second: float) -> float:
        return round((second - seconds.start) * across, 1)

    def y(value: float) -> float:
        return round(HEIGHT - value / top * HEIGHT, 1)

    lines = tuple(
        Line(name, " ".join(f"{x(at)},{y(value)}" for at, value in zip(seconds, values, strict=True)))
        for name, values in filled.items()
    )
    step = max(1, len(seconds) // 8)
    columns = zip(*filled.values(), strict=True)
    return Plot(
        title=title,
        unit=unit,
        top=f"{top:g}",
        lines=lines,
        marks=tuple((x(at), words) for at, words in marks),
        ticks=tuple((x(at), at) for at in seconds if at % step == 0),
        rows=tuple(
            (at, tuple(f"{value:g}" for value in map(round, values)))
            for at, values in zip(seconds, columns, strict=True)
        ),
    )


def _fill(values: Mapping[int, float], seconds: range, holds: bool) -> list[float]:
    found, last = [], 0.0
    for second in seconds:
        last = values.get(second, last if holds else 0.0)
        found.append(last)
    return found


def _round_up(value: float) -> float:
    """The next of 1, 2, 5, 10, 20, 50 …"""
    size = 10 ** math.floor(math.log10(value)) if value > 0 else 1
    return next((step * size for step in (1, 2, 5) if step * size >= value), 10 * size) if value > 0 else 1
