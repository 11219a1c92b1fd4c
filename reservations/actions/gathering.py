"""Group commit: what arrives while a transaction is being written is written together in the next one.

Each thread hands in what it asks for. The first becomes the leader: it carries out everything that waits, in one
transaction, and wakes the others with their outcomes; then the first of those that came meanwhile leads. A transaction
for one and a transaction for forty cost the database nearly the same.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable
from typing import Generic, TypeVar

MOST_TOGETHER = 64

Ask = TypeVar("Ask")


class _Seat(Generic[Ask]):
    """A thread that waits: for its outcome, or for its turn to lead."""

    __slots__ = ("ask", "gate", "is_done")

    def __init__(self, ask: Ask) -> None:
        self.ask = ask
        self.is_done = False
        self.gate = threading.Lock()
        self.gate.acquire()


class Gathering(Generic[Ask]):
    """`carry_out` does the work of a list of asks and leaves each its outcome; it must not raise.

    `choose` takes from those that wait the ones that may go together; it takes the first in any case.
    """

    def __init__(self, carry_out: Callable[[list[Ask]], None], choose: Callable[[list[Ask]], list[Ask]]) -> None:
        self._carry_out = carry_out
        self._choose = choose
        self._lock = threading.Lock()
        self._waiting: deque[_Seat[Ask]] = deque()
        self._is_led = False

    def hand_in(self, ask: Ask) -> None:
        """Come back when the ask has its outcome."""
        seat = _Seat(ask)
        with self._lock:
            self._waiting.append(seat)
            leads, self._is_led = not self._is_led, True
        if not leads:
            seat.gate.acquire()
            if seat.is_done:
                return
        try:
            while not seat.is_done:  # what may not go together with others waits for the next turn
                self._lead()
        finally:  # whatever happens, somebody leads those who wait
            self._hand_over()

    def _lead(self) -> None:
        with self._lock:
            seats = {id(seat.ask): seat for seat in list(self._waiting)[:MOST_TOGETHER]}
            chosen = self._choose([seat.ask for seat in seats.values()])
            together = [seats[id(ask)] for ask in chosen]
            for seat in together:
                self._waiting.remove(seat)
        try:
            self._carry_out(chosen)
        finally:  # whatever happens, nobody is left waiting
            for seat in together:
                seat.is_done = True
                seat.gate.release()

    def _hand_over(self) -> None:
        with self._lock:
            self._is_led = bool(self._waiting)
            if self._waiting:
                self._waiting[0].gate.release()
