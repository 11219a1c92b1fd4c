"""Lines read in their order, as far as a wave can reach."""

from __future__ import annotations

from collections.abc import Iterator
from heapq import merge
from typing import Any

from django.db import transaction
from django.db.models import Exists, OuterRef, QuerySet

from reservations.models import Hold, Reservation
from reservations.rules import holds, lifecycle
from reservations.rules.waves import Entry

OPEN_HOLD = Exists(Hold.objects.filter(reservation=OuterRef("pk"), released_at=None))
HELD_BY_GATE = Exists(Hold.objects.filter(reservation=OuterRef("pk"), released_at=None).exclude(code=holds.BANK))
_COLUMNS = ("created_at", "place_number", "pk", "quantity", "pair", "market_id")


def in_reach(allotment_id: int) -> QuerySet[Reservation]:
    """Confirmed and in no wave yet; not who is on hold, nor who pauses."""
    rows = Reservation.objects.filter(allotment=allotment_id, status=lifecycle.CONFIRMED, wave=None, is_paused=False)
    return rows.exclude(OPEN_HOLD)


def stream(allotment_id: int, *, most_units: int) -> Iterator[Entry]:
    """A line in its order, until those without a pair alone ask for more than `most_units`: no wave reaches farther.

    Numbers and instants rise together (`rules/places.py`), so that the index of places gives the order, but for the few
    who moved in with an earlier instant.
    """
    rows, asked = in_reach(allotment_id), 0
    native = _read(rows.filter(behind=None).order_by("place_number"))
    moved_in = _read(rows.filter(behind__isnull=False).order_by("created_at", "place_number"))
    with transaction.atomic():  # a cursor of the server, which needs one
        for _, _, pk, quantity, pair, market in merge(native, moved_in):
            yield Entry(pk, allotment_id, quantity, pair, market)
            asked += quantity if pair is None else 0
            if asked > most_units:
                return


def _read(rows: QuerySet[Reservation]) -> Iterator[tuple[Any, ...]]:
    return rows.values_list(*_COLUMNS).iterator(chunk_size=2000)
