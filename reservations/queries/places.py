"""Where reservations stand."""

from __future__ import annotations

import uuid
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from django.db import connection

from reservations.models import Allotment, Event, Reservation, ShipEstimate, VacatedPlace
from reservations.rules import lifecycle


@dataclass(frozen=True)
class Window:
    """When a reservation is expected to ship, as last computed."""

    ships_from: date
    ships_to: date
    computed_at: datetime


@dataclass(frozen=True)
class Standing:
    """How many are ahead, the reason that was given for the last change, and the newest estimate of delivery."""

    people_ahead: int
    reason: str
    window: Window | None = None


def people_ahead(reservation: Reservation) -> int:
    """Of one who waits: who waits before. Of all others: who holds units and stands before. None where it is gone."""
    return standings([reservation])[reservation.pk].people_ahead


def _listed(statuses: Iterable[str]) -> str:
    return ", ".join(f"'{status}'" for status in statuses)


# The order of a line is that of (created_at, place_number); numbers up to `behind` stand before who moved in.
# So it is enough to count, by partial indexes, who left, who moved in and who waits: never those who stand and hold.
_EARLIER = "(o.created_at, o.place_number) < (r.created_at, r.place_number)"
_RESERVATION, _EVENT, _VACATED = (model._meta.db_table for model in (Reservation, Event, VacatedPlace))
_BEFORE = "COALESCE(r.behind, r.place_number - 1)"
# Nothing in it comes from outside but the ids, which are bound.
_STANDINGS = f"""
    SELECT r.id,
        CASE WHEN r.status = '{lifecycle.WAITLISTED}' THEN 0 ELSE {_BEFORE}
            - (SELECT COUNT(*) FROM {_RESERVATION} o WHERE o.allotment_id = r.allotment_id
                AND o.status IN ({_listed(lifecycle.GONE)}) AND o.place_number <= {_BEFORE})
            - (SELECT COUNT(*) FROM {_VACATED} o WHERE o.allotment_id = r.allotment_id
                AND o.place_number <= {_BEFORE})
            + (SELECT COUNT(*) FROM {_RESERVATION} o WHERE o.allotment_id = r.allotment_id AND o.behind IS NOT NULL
                AND o.status IN ({_listed(lifecycle.LIVE)}) AND o.place_number > {_BEFORE} AND {_EARLIER}) END,
        (SELECT COUNT(*) FROM {_RESERVATION} o WHERE o.allotment_id = r.allotment_id
            AND o.status = '{lifecycle.WAITLISTED}' AND {_EARLIER}),
        r.status,
        COALESCE((SELECT e.reason FROM {_EVENT} e WHERE e.reservation_id = r.id ORDER BY e.id DESC LIMIT 1), '')
    FROM ({{}}) r
"""  # noqa: S608
_THEMSELVES = (
    f"SELECT id, allotment_id, status, behind, place_number, created_at FROM {_RESERVATION} WHERE id IN ({{}})"  # noqa: S608
)
_ELSEWHERE = (
    "SELECT r.id, l.id AS allotment_id, {} AS status, {} AS behind, l.last_place + 1 AS place_number, r.created_at "  # noqa: S608
    f"FROM {_RESERVATION} r JOIN {Allotment._meta.db_table} l ON l.id = {{}} WHERE r.id = %s"
)


def standings(reservations: Iterable[Reservation]) -> dict[uuid.UUID, Standing]:
    """Standing by reservation id: two queries, however many they are."""
    rows = {_key(row): row for row in reservations}
    if not rows:
        return {}
    windows = newest_windows([row.pk for row in rows.values()])
    themselves = _THEMSELVES.format(", ".join(["%s"] * len(rows)))
    return {
        rows[key].pk: Standing(ahead, reason, windows.get(rows[key].pk))
        for key, ahead, reason in _count(themselves, list(rows))
    }


def _count(source: str, values: list[Any]) -> list[tuple[object, int, str]]:
    """Of each row of a source its id, how many are ahead of it, and the reason of its last change."""
    with connection.cursor() as cursor:
        cursor.execute(_STANDINGS.format(source), values)
        return [
            (key, waiting if status == lifecycle.WAITLISTED else before - waiting, reason)
            for key, before, waiting, status, reason in cursor.fetchall()
        ]


def ahead_in(row: Reservation, line: Allotment, *, waits: bool) -> int:
    """How many would be ahead of a reservation in another line, by its instant."""
    status = lifecycle.WAITLISTED if waits else lifecycle.CONFIRMED
    source = _ELSEWHERE.format(f"'{status}'", numbers_before(row, line), line.pk)
    return _count(source, [_key(row)])[0][1]


def numbers_before(row: Reservation, line: Allotment) -> int:
    """The last number of a line that came no later than the instant of a reservation: it stands behind that one."""
    earlier = Reservation.objects.filter(allotment=line, behind=None, created_at__lte=row.created_at)
    newest = earlier.order_by("-created_at", "-place_number")
    return newest.values_list("place_number", flat=True).first() or 0


def _key(row: Reservation) -> Any:
    """The id as the database gives it back."""
    return row.pk if connection.vendor == "postgresql" else row.pk.hex


def newest_windows(pks: Iterable[uuid.UUID]) -> dict[uuid.UUID, Window]:
    """Reservation id → the newest estimate; none where only the receipt speaks."""
    rows = ShipEstimate.objects.filter(reservation__in=list(pks)).order_by("number")
    return {row.reservation_id: Window(row.ships_from, row.ships_to, row.computed_at) for row in rows}
