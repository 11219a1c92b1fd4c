"""Where a reservation stands."""

from __future__ import annotations

from reservations.models import Reservation
from reservations.rules import lifecycle


def people_ahead(reservation: Reservation) -> int:
    """Live reservations with a lower number in the same line: confirmed ones, or for one that waits those that wait."""
    statuses = (lifecycle.WAITLISTED,) if reservation.status == lifecycle.WAITLISTED else (lifecycle.CONFIRMED,)
    return Reservation.objects.filter(
        allotment_id=reservation.allotment_id, status__in=statuses, place_number__lt=reservation.place_number
    ).count()
