"""Where reservations stand."""

from __future__ import annotations

import uuid
from collections.abc import Iterable
from dataclasses import dataclass

from django.db.models import Count, IntegerField, OuterRef, Subquery, Value
from django.db.models.functions import Coalesce

from reservations.models import Event, Reservation
from reservations.rules import lifecycle


@dataclass(frozen=True)
class Standing:
    """How many are ahead in the same line, and the reason that was given for the last change."""

    people_ahead: int
    reason: str


def people_ahead(reservation: Reservation) -> int:
    """Live reservations with a lower number in the same line: confirmed ones, or for one that waits those that wait."""
    return standings([reservation])[reservation.pk].people_ahead


def standings(reservations: Iterable[Reservation]) -> dict[uuid.UUID, Standing]:
    """Standing by reservation id: one query, however many they are; it counts only those who left the line."""
    rows = Reservation.objects.filter(pk__in=[row.pk for row in reservations])
    before = Reservation.objects.filter(
        allotment=OuterRef("allotment"), status=lifecycle.CANCELLED, place_number__lt=OuterRef("place_number")
    )
    left = before.order_by().values("allotment").annotate(count=Count("pk")).values("count")
    reason = Event.objects.filter(reservation=OuterRef("pk")).order_by("-id").values("reason")[:1]
    found = rows.select_related("allotment").annotate(
        left=Coalesce(Subquery(left, output_field=IntegerField()), 0), last_reason=Coalesce(Subquery(reason), Value(""))
    )
    return {
        row.pk: Standing(
            row.allotment.line.ahead(
                row.place_number, waits=row.status == lifecycle.WAITLISTED, cancelled_before=row.left
            ),
            row.last_reason,
        )
        for row in found
    }
