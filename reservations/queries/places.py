"""Where reservations stand."""

from __future__ import annotations

import uuid
from collections.abc import Iterable
from dataclasses import dataclass

from django.db.models import Case, CharField, Count, IntegerField, OuterRef, Subquery, Value, When
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
    """Standing by reservation id: one query, however many they are."""
    rows = Reservation.objects.filter(pk__in=[row.pk for row in reservations])
    waits = When(status=lifecycle.WAITLISTED, then=Value(lifecycle.WAITLISTED))
    before = Reservation.objects.filter(
        allotment=OuterRef("allotment"), status=OuterRef("line"), place_number__lt=OuterRef("place_number")
    )
    ahead = before.order_by().values("allotment").annotate(count=Count("pk")).values("count")
    reason = Event.objects.filter(reservation=OuterRef("pk")).order_by("-id").values("reason")[:1]
    found = rows.annotate(
        line=Case(waits, default=Value(lifecycle.CONFIRMED), output_field=CharField()),
        ahead=Coalesce(Subquery(ahead, output_field=IntegerField()), 0),
        last_reason=Coalesce(Subquery(reason), Value("")),
    )
    return {pk: Standing(*rest) for pk, *rest in found.values_list("pk", "ahead", "last_reason")}
