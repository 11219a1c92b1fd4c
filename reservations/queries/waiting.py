"""Why somebody on a waiting list has no place yet."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from django.db.models import Sum

from reservations.models import Invitation, Reservation
from reservations.queries.consents import decision_for
from reservations.queries.facts import current_world
from reservations.queries.places import people_ahead


@dataclass(frozen=True, kw_only=True)
class Why:
    """Entries ahead; units held by open invitations, by everybody else, and free ones that the first cannot use."""

    ahead: int
    invited: int
    confirmed: int
    free: int
    is_shut: bool


def why_waiting(row: Reservation, *, at: datetime) -> Why:
    """Of one that waits."""
    line = row.allotment
    open_ones = Invitation.objects.filter(ended_at=None, reservation__allotment=line)
    invited = open_ones.aggregate(units=Sum("reservation__quantity"))["units"] or 0
    return Why(
        ahead=people_ahead(row),
        invited=invited,
        confirmed=line.held - invited,
        free=max(line.line.capacity - line.held, 0),
        is_shut=not decision_for(current_world(), row, at).stages["reserve"],
    )
