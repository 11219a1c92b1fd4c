"""Cancel or revoke reservations, free their units, and give them to whoever waits first."""

from __future__ import annotations

import uuid
from collections.abc import Collection
from datetime import datetime

from django.db import transaction

from reservations.actions import lines
from reservations.models import Reservation
from reservations.rules import lifecycle


@transaction.atomic
def cancel(*, reservation: Reservation, at: datetime, actor: str, reason: str = "") -> Reservation:
    """Cancel, once: a second cancel of the same reservation changes nothing and answers the same.

    Raises CannotMove where the lifecycle has no such move.
    """
    [held] = lines.lock([reservation.pk])
    if held.status != lifecycle.CANCELLED:
        lines.end([held], lifecycle.CANCELLED, at=at, actor=actor, reason=reason)
    return held


@transaction.atomic
def end_many(
    *, pks: Collection[uuid.UUID], at: datetime, actor: str, reason: str, after: str = lifecycle.CANCELLED
) -> list[Reservation]:
    """Cancel or revoke many at once; those that have left the line already stay as they are. Returns who was ended."""
    held = [row for row in lines.lock(pks) if lifecycle.may_move(row.status, after)]
    lines.end(held, after, at=at, actor=actor, reason=reason)
    return held
