"""A room's queue in Redis, and what this process remembers of it for half a second."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from functools import lru_cache
from pathlib import Path
from typing import Any, NamedTuple

import redis
from django.conf import settings
from redis.backoff import NoBackoff
from redis.retry import Retry

from reservations.queries.rooms import Room
from storefront.at_hand import leave_the_loop
from storefront.waiting_room import tickets
from storefront.waiting_room.tickets import Ticket

SOURCE = (Path(__file__).parent / "room.lua").read_text()
FRESH_SECONDS = 0.5
MOST_REMEMBERED = 200_000
CHUNK = 1000


class View(NamedTuple):
    """A room at an instant: see the answer of `room.lua`. Milliseconds and places."""

    now: int
    head: int
    last: int
    has_begun: int
    is_due: int
    is_drawn: int
    passed: int
    span: int


@lru_cache(maxsize=1)
def connect() -> redis.Redis:
    """Redis, with little patience: the form is served without it rather than late."""
    return redis.Redis.from_url(
        settings.REDIS_URL, socket_timeout=1, socket_connect_timeout=0.5, retry=Retry(NoBackoff(), 0)
    )


class Queue:
    """One room. `clock` gives milliseconds since 1970, and 0 leaves the time to Redis."""

    def __init__(
        self,
        key: str,
        client: redis.Redis,
        *,
        clock: Callable[[], int] = lambda: 0,
        fresh_seconds: float = FRESH_SECONDS,
    ) -> None:
        names = ("state", "queue", "seen", "early", "passed", "pace", "brake")
        self.keys = [f"room:{{{key}}}:{name}" for name in names]
        self._client, self._clock, self._fresh_seconds = client, clock, fresh_seconds
        self._script = client.register_script(SOURCE)
        self._lock = threading.Lock()
        self._beats: dict[str, int] = {}
        self._places: dict[str, int] = {}
        self._view: View | None = None
        self._viewed = 0.0

    def look(self, room: Room, ticket: Ticket | None = None) -> View:
        """The room as it was at most half a second ago; the ticket's heartbeat goes with the next look at Redis."""
        if ticket is not None:
            self._beats[ticket.id] = self._places.get(ticket.id, ticket.place)
        if self._view is not None and time.monotonic() - self._viewed < self._fresh_seconds:
            return self._view
        if self._view is not None and self._lock.locked():
            return self._view
        leave_the_loop()
        if not self._lock.acquire(blocking=self._view is None) and self._view is not None:
            return self._view
        try:
            self._run(room, "look")
        finally:
            self._lock.release()
        assert self._view is not None
        return self._view

    def join(self, room: Room) -> Ticket:
        """A new ticket, at the end or in the draw."""
        ticket_id = tickets.new_id()
        return Ticket(ticket_id, self._run(room, "join", ticket_id))

    def place(self, room: Room, ticket: Ticket) -> int:
        """The ticket's number; 0 while the draw is still to come."""
        known = ticket.place or self._places.get(ticket.id, 0)
        if known or not self.look(room).has_begun:
            return known
        found = self._run(room, "place", ticket.id)
        if found:
            if len(self._places) > MOST_REMEMBERED:
                self._places.clear()
            self._places[ticket.id] = found
        return found

    def enter(self, room: Room, ticket: Ticket) -> None:
        """Count one who was passed over and is let in now."""
        self._run(room, "enter", ticket.id)

    def entrants(self) -> list[str]:
        """The ids that take part in the draw."""
        found: Any = self._redis.smembers(self.keys[3])
        return [ticket_id.decode() for ticket_id in found]

    def put_order(self, order: list[str]) -> None:
        """Write the drawn order; again, it changes nothing."""
        for first in range(0, len(order), CHUNK):
            places = {ticket_id: first + n for n, ticket_id in enumerate(order[first : first + CHUNK], start=1)}
            self._redis.zadd(self.keys[1], places)
            self._redis.sadd(self.keys[3], *places)
        self._redis.hset(self.keys[0], "drawn", "1")
        self._view = None

    def use_once(self, word: str, seconds: int) -> bool:
        """True the first time that a word is used."""
        return bool(self._redis.set(f"{self.keys[0]}:used:{word}", "1", nx=True, ex=seconds))

    def hold(self, room: Room) -> None:
        """Let nobody in until those who wait have asked again: Redis no longer knows who is there."""
        self._run(room, "hold")

    def brake(self, seconds: int) -> None:
        """Halve the admission for so long."""
        self._redis.set(self.keys[6], "1", ex=seconds)

    @property
    def _redis(self) -> redis.Redis:
        leave_the_loop()
        return self._client

    def _run(self, room: Room, what: str, ticket_id: str = "") -> int:
        leave_the_loop()
        beats, self._beats = self._beats, {}
        seen = self._view
        answer: Any = self._script(
            keys=self.keys,
            args=[
                what,
                self._clock(),
                room.opens_ms,
                room.draws_ms,
                room.per_minute,
                settings.WAITING_ROOM_AWAY_SECONDS * 1000,
                seen.last if seen else 0,
                seen.head if seen else 0,
                ticket_id,
                *(word for beat in list(beats.items()) for word in beat),
            ],
        )
        self._view, self._viewed = View(*answer[:-1]), time.monotonic()
        return int(answer[-1])
