"""Promise a draw, hold it once, and log both."""

from __future__ import annotations

import secrets
from collections.abc import Iterable
from datetime import datetime, timedelta

from django.db import transaction

from reservations.actions.recording import record
from reservations.models import Draw, Launch
from reservations.queries.rooms import EARLY, opening_numbers
from reservations.rules import draw as rule


class TooEarly(Exception):
    """The window of the draw is still open."""


def why_fixed(*, launch: Launch, at: datetime) -> str:
    """Why `draw_minutes` can no longer change, in English for staff; empty when it can."""
    rows = list(launch.draws.filter(drawn_at=None))
    if any(at >= row.opens_at - EARLY for row in rows):
        return "People may be in this draw already. It can be changed once it is drawn."
    instants = opening_numbers(launch)
    if not rows and instants and all(at >= opens_at - EARLY for opens_at in instants):
        return "No opening of this launch is more than 10 minutes away. Move one first: a draw is promised before it."
    return ""


@transaction.atomic
def prepare(*, launch_id: int, at: datetime, actor: str = "system") -> None:
    """Make the draws of a launch what `draw_minutes` and its windows say.

    A draw that somebody may have entered is neither made nor withdrawn, only moved with its opening.
    """
    launch = Launch.objects.select_for_update().get(pk=launch_id)
    kept = {row.opening: row for row in launch.draws.select_for_update()}
    for opens_at, opening in opening_numbers(launch).items():
        row = kept.pop(opening, None)
        if launch.draw_minutes is None:
            _withdraw(row, at, actor)
        elif row is None:
            _promise(launch, opening, opens_at, at, actor)
        else:
            _move(row, launch, opens_at, at, actor)
    for row in kept.values():
        _withdraw(row, at, actor)


def _promise(launch: Launch, opening: int, opens_at: datetime, at: datetime, actor: str) -> None:
    if at >= opens_at - EARLY or launch.draw_minutes is None:
        return
    seed = secrets.token_hex(32)
    row = Draw.objects.create(
        launch=launch,
        opening=opening,
        opens_at=opens_at,
        closes_at=opens_at + timedelta(minutes=launch.draw_minutes),
        seed=seed,
        commitment=rule.commitment(seed),
    )
    _log(row, "draw.promised", at, actor, commitment=row.commitment, closes_at=row.closes_at.isoformat())


def _withdraw(row: Draw | None, at: datetime, actor: str) -> None:
    if row is None or row.drawn_at or at >= row.opens_at - EARLY:
        return
    _log(row, "draw.withdrawn", at, actor, commitment=row.commitment)
    row.delete()


def _move(row: Draw, launch: Launch, opens_at: datetime, at: datetime, actor: str) -> None:
    minutes = timedelta(minutes=launch.draw_minutes or 0)
    if row.drawn_at or at >= row.closes_at or (row.opens_at, row.closes_at) == (opens_at, opens_at + minutes):
        return
    row.opens_at, row.closes_at = opens_at, opens_at + minutes
    row.save(update_fields=["opens_at", "closes_at"])
    _log(row, "draw.moved", at, actor, opens_at=opens_at.isoformat(), closes_at=row.closes_at.isoformat())


@transaction.atomic
def draw(*, launch: str, opening: int, ticket_ids: Iterable[str], at: datetime) -> Draw:
    """Freeze the list and reveal the seed; a second call changes nothing. Raises TooEarly, Draw.DoesNotExist."""
    row = Draw.objects.select_for_update().get(launch__slug=launch, opening=opening)
    if row.drawn_at is not None:
        return row
    if at < row.closes_at:
        raise TooEarly
    row.tickets = rule.freeze(ticket_ids)
    row.tickets_digest = rule.digest(row.tickets)
    row.drawn_at = at
    row.save(update_fields=["tickets", "tickets_digest", "drawn_at"])
    _log(row, "draw.held", at, "system", tickets=len(row.tickets), tickets_digest=row.tickets_digest)
    return row


def _log(row: Draw, action: str, at: datetime, actor: str, **facts: object) -> None:
    subject = f"draw:{row.launch.slug}:{row.opening}"
    record(at=at, actor=actor, action=action, subject=subject, facts=facts)
