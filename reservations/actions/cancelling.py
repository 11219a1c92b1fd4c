"""Cancel or revoke reservations, free their units, and give them to whoever waits first."""

from __future__ import annotations

import uuid
from collections.abc import Collection
from datetime import datetime

from django.db import transaction

from reservations.actions import lines
from reservations.models import Reservation
from reservations.rules import lifecycle


def cancel(*, reservation: Reservation, at: datetime, actor: str, reason: str = "") -> Reservation:
    """Cancel, once: a second cancel of the same reservation changes nothing and answers the same.

    Raises CannotMove where the lifecycle has no such move.
    """
    return _end_one(reservation, lifecycle.CANCELLED, at=at, actor=actor, reason=reason)


def revoke(*, reservation: Reservation, at: datetime, actor: str, reason: str) -> Reservation:
    """The maker takes it back; the customer reads the reason. Otherwise as `cancel`."""
    return _end_one(reservation, lifecycle.REVOKED, at=at, actor=actor, reason=reason)


@transaction.atomic
def _end_one(reservation: Reservation, after: str, *, at: datetime, actor: str, reason: str) -> Reservation:
    [held] = lines.lock([reservation.pk])
    if held.status != after:
        lines.end([held], after, at=at, actor=actor, reason=reason)
    return held


@transaction.atomic
def end_many(
    *, pks: Collection[uuid.UUID], at: datetime, actor: str, reason: str, after: str = lifecycle.CANCELLED
) -> list[Reservation]:
    """Cancel or revoke many at once; those that have left the line already stay as they are. Returns who was ended."""
    held = [row for row in lines.lock(pks) if lifecycle.may_move(row.status, after)]
    lines.end(held, after, at=at, actor=actor, reason=reason)
    return held
