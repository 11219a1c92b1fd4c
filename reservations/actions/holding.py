"""Hold what may no longer go on, tell its holders, and release it when the gate opens again. Nothing is cancelled."""

from __future__ import annotations

import uuid
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

from django.db.models import QuerySet

from reservations.models import Event, GateSweep, Hold, Message, Reservation
from reservations.queries.facts import World
from reservations.queries.queues import HELD_BY_GATE, OPEN_HOLD
from reservations.rules import gate, holds, lifecycle

ON_HOLD, RELEASED = "on_hold", "released"
TOGETHER = 2000


@dataclass(frozen=True)
class Followed:
    """How many reservations went on hold, and how many were released."""

    held: int
    released: int


def follow_gate(*, world: World, at: datetime) -> Followed:
    """Compare every live reservation with what the gate says of its place now. Call it in one transaction.

    Locks reservations by their id and nothing else: it changes no count of a line.
    """
    held = released = 0
    alive = Reservation.objects.filter(status__in=lifecycle.LIVE)
    places = alive.order_by().values_list(
        "variant_id", "variant__sku", "market_id", "subdivision", "receipt__may_ship_at_reserving"
    )
    for variant_id, sku, market, subdivision, could_ship in places.distinct():
        same = alive.filter(
            variant_id=variant_id,
            market_id=market,
            subdivision=subdivision,
            receipt__may_ship_at_reserving=could_ship,
        )
        decision = world.decide_afresh(sku, market, subdivision or None, at).decision
        if holds.must_hold(decision.stages, could_ship=bool(could_ship)):
            held += sum(_hold(rows, holds.cause_of(decision), at) for rows in _batches(same.exclude(OPEN_HOLD)))
        else:
            released += sum(_release(rows, at) for rows in _batches(same.filter(HELD_BY_GATE)))
    return Followed(held, released)


def lock(pks: Iterable[uuid.UUID]) -> list[Reservation]:
    """Reservations for a hold, which changes no line and no limit."""
    return list(Reservation.objects.select_for_update(of=("self",)).filter(pk__in=list(pks)).order_by("pk"))


def hold_for_bank(row: Reservation, at: datetime) -> None:
    """Of a locked reservation that is not on hold: whoever paid asks their bank about it."""
    _make([row], requirement=holds.BANK, title="The bank asks about the payment", code=holds.BANK, evidence="", at=at)


def release_from_bank(row: Reservation, at: datetime) -> bool:
    """Of a locked reservation. The gate is asked anew then: it may have shut meanwhile. False: it was not held so."""
    if not Hold.objects.filter(reservation=row, released_at=None, code=holds.BANK).exists():
        return False
    _release([row], at)
    GateSweep.objects.filter(id=1).update(revision=None)
    return True


def _batches(rows: QuerySet[Reservation]) -> Iterator[Sequence[Reservation]]:
    """Until none is left: what a batch did takes its rows out of the query."""
    while found := list(rows.select_for_update(of=("self",)).order_by("pk")[:TOGETHER]):
        yield found


def _hold(rows: Sequence[Reservation], cause: gate.Reason, at: datetime) -> int:
    return _make(
        rows,
        requirement=cause.requirement,
        title=cause.title,
        code=cause.code,
        evidence=cause.evidence or "",
        at=at,
    )


def _make(rows: Sequence[Reservation], *, requirement: str, title: str, code: str, evidence: str, at: datetime) -> int:
    before = Counter(Hold.objects.filter(reservation__in=rows).values_list("reservation_id", flat=True))
    made = [
        Hold(
            reservation=row,
            number=before[row.pk] + 1,
            requirement=requirement,
            title=title,
            code=code,
            evidence=evidence,
            since=at,
        )
        for row in rows
    ]
    Hold.objects.bulk_create(made)
    _tell(made, ON_HOLD, at, facts={"requirement": requirement, "evidence": evidence or None})
    return len(made)


def _release(rows: Sequence[Reservation], at: datetime) -> int:
    ended = list(Hold.objects.filter(reservation__in=rows, released_at=None).select_related("reservation"))
    Hold.objects.filter(pk__in=[hold.pk for hold in ended]).update(released_at=at)
    _tell(ended, RELEASED, at, facts={})
    return len(ended)


def _tell(made: Sequence[Hold], kind: str, at: datetime, facts: dict[str, object]) -> None:
    """One event and one message for each."""
    Event.objects.bulk_create(
        Event(
            at=at,
            actor="system",
            action=f"reservation.{kind}",
            subject=f"reservation:{hold.reservation.reference}",
            reservation=hold.reservation,
            facts={"place": hold.reservation.place_number, **facts},
            reason=hold.title if kind == ON_HOLD else f"{hold.title}: no longer in the way",
        )
        for hold in made
    )
    Message.objects.bulk_create(
        Message(reservation=hold.reservation, kind=kind, version=hold.number, due_at=at)
        for hold in made
        if not hold.reservation.is_sandbox
    )
