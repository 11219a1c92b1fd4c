"""The holds that stand now."""

from __future__ import annotations

import uuid
from collections.abc import Iterable

from reservations.models import Hold, Reservation


def open_holds(rows: Iterable[Reservation]) -> dict[uuid.UUID, Hold]:
    """Reservation id → its hold, for those that are on hold: one query."""
    found = Hold.objects.filter(reservation__in=[row.pk for row in rows], released_at=None)
    return {hold.reservation_id: hold for hold in found}
