"""What may be done where: the gate's decision, the launch's window and what is left, as one answer."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from reservations.models import AllotmentMarket, Decision, Launch, LaunchMarket, Price, Variant
from reservations.queries.facts import World, current_world
from reservations.rules import gate, opening


@dataclass(frozen=True, kw_only=True)
class Availability:
    """One variant in one destination at one instant."""

    sku: str
    market: str
    subdivision: str | None
    status: str
    decision: gate.Decision
    opens_at: datetime | None
    next_change_at: datetime | None
    left: int | None


@dataclass(frozen=True)
class Selling:
    """Windows and supply of direct sale, by market and by (SKU, market)."""

    windows: dict[tuple[str, str], list[opening.Window]]
    supply: dict[tuple[str, str], opening.Supply]
    priced: frozenset[tuple[str, str]]

    def offer(self, sku: str, product: str, market: str) -> tuple[list[opening.Window], opening.Supply | None]:
        """No price is no offer."""
        if (sku, market) not in self.priced:
            return [], None
        return self.windows.get((product, market), []), self.supply.get((sku, market))


def availabilities(
    *,
    skus: Iterable[str],
    at: datetime,
    destinations: Iterable[tuple[str, str | None]] | None = None,
    is_replay: bool = False,
) -> list[Availability]:
    """One row a SKU and destination, in the order given; all markets without a subdivision by default.

    `is_replay` decides afresh instead of reading the materialised decisions: for another instant than the present.
    """
    world = current_world()
    wanted = list(destinations) if destinations is not None else [(code, None) for code in world.markets]
    skus = list(skus)
    kept = {} if is_replay else _kept_decisions(skus, at)
    selling = read_selling(skus)
    return [
        _availability(world, selling, kept, sku, country, subdivision, at)
        for sku in skus
        for country, subdivision in wanted
    ]


def read_selling(skus: Iterable[str]) -> Selling:
    """Windows, supply and prices for some SKUs: four queries."""
    skus = list(skus)
    windows: dict[tuple[str, str], list[opening.Window]] = defaultdict(list)
    products: dict[int, list[str]] = defaultdict(list)
    for launch_id, slug in Launch.products.through.objects.values_list("launch_id", "product__slug"):
        products[launch_id].append(slug)
    for row in LaunchMarket.objects.select_related("launch"):
        window = opening.Window(
            opens_at=row.opens_at, closes_at=row.closes_at, is_paused=row.launch.paused_at is not None
        )
        for slug in products[row.launch_id]:
            windows[slug, row.market_id].append(window)
    pools = AllotmentMarket.objects.filter(
        allotment__variant__sku__in=skus, allotment__partner=None, allotment__is_sandbox=False
    ).select_related("allotment__variant", "allotment__launch")
    supply = {
        (row.allotment.variant.sku, row.market_id): opening.Supply(
            left=row.allotment.left, has_waiting_list=row.allotment.launch.has_waiting_list
        )
        for row in pools
    }
    priced = frozenset(Price.objects.filter(variant__sku__in=skus).values_list("variant__sku", "market_id"))
    return Selling(windows=windows, supply=supply, priced=priced)


def _availability(
    world: World,
    selling: Selling,
    kept: dict[tuple[str, str], tuple[gate.Decision, datetime | None]],
    sku: str,
    country: str,
    subdivision: str | None,
    at: datetime,
) -> Availability:
    subject, destination = world.subjects[sku], world.destination(country, subdivision)
    if subdivision is None and (sku, country) in kept:
        decision, gate_change_at = kept[sku, country]
    else:
        decision = gate.decide(subject=subject, destination=destination, facts=world.facts, at=at)
        gate_change_at = gate.next_change_at(subject=subject, destination=destination, facts=world.facts, at=at)
    windows, supply = selling.offer(sku, subject.product, country)
    window = opening.current_window(windows, at)
    return Availability(
        sku=sku,
        market=country,
        subdivision=subdivision,
        status=opening.status(decision=decision, window=window, supply=supply, at=at),
        decision=decision,
        opens_at=window.opens_at if window else None,
        next_change_at=opening.next_instant(gate_change_at=gate_change_at, windows=windows, at=at),
        left=supply.left if supply else None,
    )


def _kept_decisions(skus: list[str], at: datetime) -> dict[tuple[str, str], tuple[gate.Decision, datetime | None]]:
    """Materialised decisions that still hold at `at`."""
    rows = Decision.objects.filter(variant__sku__in=skus, decided_at__lte=at).select_related("variant")
    return {
        (row.variant.sku, row.market_id): (read_decision(row.answer), row.next_change_at)
        for row in rows
        if row.next_change_at is None or at < row.next_change_at
    }


def write_decision(decision: gate.Decision) -> dict[str, object]:
    """A decision as JSON."""
    return {
        "stages": dict(decision.stages),
        "reasons": [
            {**vars(reason), "until": reason.until.isoformat() if reason.until else None} for reason in decision.reasons
        ],
        "notices": [vars(notice) for notice in decision.notices],
        "disabled_features": list(decision.disabled_features),
        "varies_in": list(decision.varies_in),
        "is_stopped": decision.is_stopped,
    }


def read_decision(answer: dict[str, object]) -> gate.Decision:
    """The decision that `write_decision` wrote."""
    stored: dict[str, list[dict[str, object]]] = answer  # type: ignore[assignment]
    return gate.Decision(
        stages=answer["stages"],  # type: ignore[arg-type]
        reasons=tuple(
            gate.Reason(**{**row, "until": datetime.fromisoformat(str(row["until"])).date() if row["until"] else None})  # type: ignore[arg-type]
            for row in stored["reasons"]
        ),
        notices=tuple(gate.Notice(**row) for row in stored["notices"]),  # type: ignore[arg-type]
        disabled_features=tuple(answer["disabled_features"]),  # type: ignore[arg-type]
        varies_in=tuple(answer["varies_in"]),  # type: ignore[arg-type]
        is_stopped=bool(answer["is_stopped"]),
    )


def skus_of(product_slug: str) -> list[str]:
    """The SKUs of a product, in their order."""
    return list(Variant.objects.filter(product__slug=product_slug).order_by("position").values_list("sku", flat=True))
