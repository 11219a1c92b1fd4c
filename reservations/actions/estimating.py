"""The promise ledger: what customers are told of delivery, each time it changes, and what they answer to a delay."""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from itertools import islice

from django.contrib.auth.models import AbstractBaseUser
from django.db import transaction

from reservations.actions import lines
from reservations.actions.owing import owe
from reservations.actions.recording import record, staff_name
from reservations.models import Launch, Reservation, ShipEstimate, Wave, WaveSupply
from reservations.queries.queues import stream
from reservations.rules import delays, lifecycle, waves

TOGETHER = 1000
WINDOW, DELAY = "window", "delay"


@dataclass(frozen=True)
class Promised:
    """How many were told of a first, an equal or an earlier window, and how many of a later one."""

    windows: int = 0
    delays: int = 0


def promise(rows: Sequence[Reservation], *, wave: Wave, at: datetime, tells: bool) -> Promised:
    """Keep the window of a wave for locked reservations where it differs from what they were told last.

    `tells`: by a letter of its own. Who is invited at the same instant reads it in the invitation.
    """
    last = _last_windows(rows)
    later = {row.pk: delay for row in rows if (delay := _delay(row, wave, last[row.pk]))}
    changed = [row for row in rows if last[row.pk].window != (wave.ships_from, wave.ships_to)]
    ShipEstimate.objects.bulk_create(
        ShipEstimate(
            reservation=row,
            number=last[row.pk].number + 1,
            wave=wave,
            computed_at=at,
            ships_from=wave.ships_from,
            ships_to=wave.ships_to,
            must_choose=row.pk in later and tells and later[row.pk].must_choose,
            answer_by=later[row.pk].answer_by if row.pk in later and tells else None,
            source=later[row.pk].source if row.pk in later else "",
        )
        for row in changed
    )
    worse, better = [row for row in changed if row.pk in later], [row for row in changed if row.pk not in later]
    _take_back(changed, wave)
    if tells:
        owe(better, kind=WINDOW, at=at)
        owe(worse, kind=DELAY, at=at)
    return Promised(len(better), len(worse))


def _take_back(rows: Sequence[Reservation], wave: Wave) -> None:
    """Nothing is asked any more where the new window ends by the day on which the answer was due."""
    asked = ShipEstimate.objects.filter(reservation__in=[row.pk for row in rows], must_choose=True)
    asked.filter(answer_by__gte=wave.ships_to).update(must_choose=False)


@dataclass(frozen=True)
class _Told:
    """The last window that a customer was told, how many were stored, and how many of these were delays."""

    window: tuple[date, date] | None
    number: int = 0
    delays: int = 0


def _last_windows(rows: Sequence[Reservation]) -> Mapping[uuid.UUID, _Told]:
    found = {row.pk: _Told(_of_receipt(row)) for row in rows}
    for each in ShipEstimate.objects.filter(reservation__in=list(found)).order_by("number"):
        before = found[each.reservation_id]
        is_later = before.window is not None and each.ships_to > before.window[1]
        window = (each.ships_from, each.ships_to)
        found[each.reservation_id] = _Told(window, each.number, before.delays + is_later)
    return found


def _of_receipt(row: Reservation) -> tuple[date, date] | None:
    ships = row.receipt["ships"]
    if not (ships["from"] and ships["to"]):
        return None
    return date.fromisoformat(ships["from"]), date.fromisoformat(ships["to"])


def _delay(row: Reservation, wave: Wave, told: _Told) -> delays.Demand | None:
    if told.window is None:
        return None
    return delays.demand(
        country=row.market_id, promised_to=told.window[1], new_to=wave.ships_to, earlier_delays=told.delays
    )


def publish(*, launch: Launch, at: datetime, person: AbstractBaseUser) -> Promised:
    """Tell everybody who waits for a wave which one is expected to reach them, where that has changed.

    In batches, each its own transaction: what was told is told, and a second run tells the rest.
    """
    planned = Wave.objects.filter(launch=launch, state__in=[Wave.PLANNED, Wave.PROPOSED]).order_by("number")
    ahead = {wave.pk: wave for wave in planned}
    lines_of = WaveSupply.objects.filter(wave__in=ahead).values_list("allotment_id", flat=True).distinct()
    windows = later = 0
    for allotment_id in sorted(lines_of):
        for wave, pks in _expected(allotment_id, list(ahead.values())):
            done = _promise_batch(pks, wave, at)
            windows, later = windows + done.windows, later + done.delays
    record(
        at=at,
        actor=staff_name(person),
        action="launch.estimates_published",
        subject=f"launch:{launch.pk}",
        facts={"windows": windows, "delays": later},
    )
    return Promised(windows, later)


def _expected(allotment_id: int, ahead: Sequence[Wave]) -> Iterator[tuple[Wave, list[uuid.UUID]]]:
    """Batches of a line, each with the wave that is expected to reach it."""
    brings = dict(WaveSupply.objects.filter(allotment=allotment_id, wave__in=ahead).values_list("wave_id", "quantity"))
    supplies = [brings.get(wave.pk, 0) for wave in ahead]
    entries = list(stream(allotment_id, most_units=sum(supplies)))
    index_of = waves.plan([entry.quantity for entry in entries], supplies)
    for number, wave in enumerate(ahead):
        reached = iter(entry.key for entry, index in zip(entries, index_of, strict=True) if index == number)
        while batch := list(islice(reached, TOGETHER)):
            yield wave, batch


@transaction.atomic
def _promise_batch(pks: Iterable[uuid.UUID], wave: Wave, at: datetime) -> Promised:
    rows = [row for row in lines.lock_rows(pks) if row.status == lifecycle.CONFIRMED and row.wave_id is None]
    return promise(rows, wave=wave, at=at, tells=True)


@transaction.atomic
def accept_delay(*, reservation: Reservation, at: datetime, actor: str) -> bool:
    """The customer would rather wait. False: nothing was asked."""
    [row] = lines.lock_rows([reservation.pk])
    asked = ShipEstimate.objects.filter(reservation=row, must_choose=True)
    if row.status not in lifecycle.LIVE or not asked.update(must_choose=False):
        return False
    lines.note(row, "delay_accepted", at=at, actor=actor)
    return True


# Of who has ordered since, the order is the consent.
_ASKED = (lifecycle.WAITLISTED, lifecycle.CONFIRMED)


def cancel_unanswered(*, at: datetime) -> int:
    """Where the law asks for consent to a delay and none came by the day, it is cancelled."""
    asked = ShipEstimate.objects.filter(must_choose=True, answer_by__lt=at.date(), reservation__status__in=_ASKED)
    ended = 0
    while pks := list(asked.values_list("reservation_id", flat=True)[:TOGETHER]):
        with transaction.atomic():
            rows = lines.lock(set(pks))
            ShipEstimate.objects.filter(reservation__in=pks, must_choose=True).update(must_choose=False)
            silent = [row for row in rows if row.status in _ASKED]
            lines.end(silent, lifecycle.CANCELLED, at=at, actor="system", reason="no consent to a later delivery came")
            ended += len(silent)
    return ended
