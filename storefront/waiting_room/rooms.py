"""The rooms that are on, known for a second at a time; what staff change acts within it."""

from __future__ import annotations

import logging
import threading
import time

from django.db import DatabaseError, close_old_connections, connection

from reservations.queries import rooms as stored
from reservations.queries.rooms import Cell, Room
from storefront import clock
from storefront.at_hand import Renewal

log = logging.getLogger(__name__)
FRESH_SECONDS = 1.0


class Rooms:
    """(market, product slug) → room, as this process knows it."""

    def __init__(self, fresh_seconds: float = FRESH_SECONDS) -> None:
        self._renewal = Renewal(fresh_seconds)
        self._lock = threading.Lock()
        self._rooms: dict[Cell, Room] = {}
        self._is_known = False

    def find(self, market: str, product: str) -> Room | None:
        """The room before a product's form; without a product, any room of the market."""
        self._refresh()
        if product:
            return self._rooms.get((market, product))
        return next((room for (code, _slug), room in self._rooms.items() if code == market), None)

    def product_of(self, market: str, room: Room) -> str:
        """The first product that the room leads to."""
        return next((slug for (code, slug), each in self._rooms.items() if code == market and each == room), "")

    def _refresh(self) -> None:
        """One thread asks the database; the others go on with what is known, or wait where nothing is yet."""
        if (self._is_known and self._lock.locked()) or not self._renewal.is_due(time.monotonic()):
            return
        if not self._lock.acquire(blocking=not self._is_known):
            return
        try:
            began = time.monotonic()
            if self._renewal.is_due(began):
                self._ask(began)
        finally:
            self._lock.release()

    def _ask(self, began: float) -> None:
        try:
            if not connection.in_atomic_block:  # outside a request nobody else looks whether it still works
                close_old_connections()
            self._rooms, self._is_known = stored.rooms(at=clock.now()), True
        except DatabaseError:
            log.warning("the rooms could not be read; those known before stand")
        if self._is_known:  # else whoever comes next asks
            self._renewal.renew(began)
