"""Waves: supply is planned, shown as a dry run, proposed by one person and released by another."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.contrib.auth.models import AbstractBaseUser, User
from django.db import transaction

from reservations.actions import four_eyes, inviting, lines
from reservations.actions.estimating import promise
from reservations.actions.recording import record, staff_name
from reservations.models import Reservation, Wave
from reservations.queries.queues import stream
from reservations.rules import lifecycle, waves

TOGETHER, FIRST = 1000, 20


class NothingToGive(Exception):
    """The wave has no supply, or reaches nobody."""


class OutOfOrder(Exception):
    """An earlier wave of the launch has yet to be released or dropped."""


@dataclass(frozen=True, kw_only=True)
class DryRun:
    """What releasing a wave would do now: who is reached, in order, how many by market, and what is left by line."""

    reached: tuple[waves.Entry, ...]
    by_market: Mapping[str, int]
    left: Mapping[int, int]
    parted: int
    first: tuple[Reservation, ...]


def dry_run(wave: Wave) -> DryRun:
    """Read only. Reached are confirmed reservations that no wave has reached yet; not who is on hold or pauses."""
    supply = dict(wave.supplies.values_list("allotment_id", "quantity"))
    entries = [entry for line, quantity in sorted(supply.items()) for entry in stream(line, most_units=quantity)]
    found = waves.allocate(entries, supply)
    keys = [entry.key for entry in found.reached[:FIRST]]
    first = Reservation.objects.select_related("variant").in_bulk(keys)
    return DryRun(
        reached=found.reached,
        by_market=Counter(entry.market for entry in found.reached),
        left=found.left,
        parted=len(found.parted),
        first=tuple(first[key] for key in keys),
    )


@transaction.atomic
def propose(*, wave: Wave, at: datetime, officer: User) -> None:
    """Ask a second person to release it. Raises NotAllowed, AlreadyMoved, NothingToGive, OutOfOrder."""
    four_eyes.require(officer, "change_wave")
    kept = _locked(wave, Wave.PLANNED)
    _check_order(kept)
    if not dry_run(kept).reached:
        raise NothingToGive
    Wave.objects.filter(pk=kept.pk).update(state=Wave.PROPOSED, proposed_by=officer, proposed_at=at)
    _note(kept, "proposed", at=at, person=officer)


def _locked(wave: Wave, *states: str) -> Wave:
    """The wave as it is, in one of these states."""
    kept = Wave.objects.select_for_update(of=("self",)).select_related("launch").get(pk=wave.pk)
    if kept.state not in states:
        by = kept.released_by.get_username() if kept.released_by else ""
        raise four_eyes.AlreadyMoved(str(kept), kept.state, by)
    return kept


def _check_order(wave: Wave) -> None:
    earlier = Wave.objects.filter(launch=wave.launch_id, number__lt=wave.number)
    if earlier.filter(state__in=[Wave.PLANNED, Wave.PROPOSED]).exists():
        raise OutOfOrder


@transaction.atomic
def drop(*, wave: Wave, at: datetime, officer: User, reason: str) -> None:
    """It will not come. Raises NotAllowed, ReasonMissing, AlreadyMoved."""
    four_eyes.require(officer, "change_wave")
    tidy = four_eyes.tidy_reason(reason)
    kept = _locked(wave, Wave.PLANNED, Wave.PROPOSED)
    Wave.objects.filter(pk=kept.pk).update(state=Wave.DROPPED)
    _note(kept, "dropped", at=at, person=officer, reason=tidy)


@transaction.atomic
def release(*, wave: Wave, at: datetime, officer: User) -> int:
    """Invite everybody whom it reaches now. Returns how many. Raises NotAllowed, OwnWork, AlreadyMoved, NothingToGive.

    Who is reached is decided again on the lines as they are: who left since the dry run is passed over, and who stands
    behind moves up.
    """
    four_eyes.require(officer, "release_wave")
    kept = _locked(wave, Wave.PROPOSED)
    if kept.proposed_by_id == officer.pk:
        raise four_eyes.OwnWork(str(kept))
    _check_order(kept)
    reached = dry_run(kept).reached
    if not reached:
        raise NothingToGive
    actor, count = staff_name(officer), 0
    Wave.objects.filter(pk=kept.pk).update(state=Wave.RELEASED, released_by=officer, released_at=at)
    for begin in range(0, len(reached), TOGETHER):
        # No count of a line changes and no limit: it is enough to lock the reservations.
        locked = lines.lock_rows([entry.key for entry in reached[begin : begin + TOGETHER]])
        rows = [row for row in locked if row.status == lifecycle.CONFIRMED and not row.is_paused]
        promise(rows, wave=kept, at=at, tells=False)
        inviting.invite(rows, wave=kept, at=at, actor=actor)
        count += len(rows)
    _note(kept, "released", at=at, person=officer, facts={"invited": count})
    return count


def _note(
    wave: Wave, word: str, *, at: datetime, person: AbstractBaseUser, reason: str = "", facts: Any = None
) -> None:
    record(
        at=at,
        actor=staff_name(person),
        action=f"wave.{word}",
        subject=f"wave:{wave.pk}",
        facts={"launch": wave.launch.slug, "number": wave.number, **(facts or {})},
        reason=reason,
    )
