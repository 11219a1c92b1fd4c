"""Hold the draw when its window has closed, and give the queue its order, also after Redis lost it."""

from __future__ import annotations

import logging
import threading
from contextlib import suppress

from django.db import DatabaseError
from redis import RedisError

from reservations.actions import drawing
from reservations.models import Draw
from reservations.queries import rooms as stored
from reservations.queries.rooms import Room
from reservations.rules import draw as rule
from storefront import clock
from storefront.waiting_room.queue import Queue, connect

log = logging.getLogger(__name__)
_lock = threading.Lock()


def hold_if_due(queue: Queue, room: Room) -> None:
    """The first who comes after the window draws; the others wait for the order with everybody else."""
    if room.draws_at is None:
        return
    view = queue.look(room)
    is_lost = room.is_drawn and not view.is_drawn
    if not (view.is_due or is_lost) or not _lock.acquire(blocking=False):
        return
    try:
        row = _drawn(queue, room)
        if is_lost:
            queue.hold(room)
        queue.put_order(rule.order(row.tickets, row.seed))
    except (DatabaseError, drawing.TooEarly) as error:
        log.warning("the draw of %s waits: %r", room.key, error)
    finally:
        _lock.release()


def hold_if_asked(launch: str, market: str | None) -> None:
    """Somebody wants to see the proof: draw, when the window has closed and nobody in the queue has done it."""
    at = clock.now()
    for (code, _product), room in stored.rooms(at=at).items():
        is_asked = code == market or (market is None and room.opening == 1)
        if room.launch == launch and is_asked and room.draws_at and not room.is_drawn:
            with suppress(RedisError):
                hold_if_due(Queue(room.key, connect()), room)
            return


def _drawn(queue: Queue, room: Room) -> Draw:
    ids = [] if room.is_drawn else queue.entrants()
    return drawing.draw(launch=room.launch, opening=room.opening, ticket_ids=ids, at=clock.now())
