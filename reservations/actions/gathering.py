"""Group commit: what arrives while a transaction is being written is written together in the next one.

Whoever asks hands in and waits. A thread that finds nobody leading becomes the leader: it carries out everything that
waits, in one transaction, and tells each its outcome; then the first of those that came meanwhile leads. For those who
ask from an event loop one thread leads in their place. A transaction for one and a transaction for forty cost the
database nearly the same.
"""

from __future__ import annotations

import asyncio
import threading
from collections import defaultdict, deque
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from typing import Generic, TypeVar

MOST_TOGETHER = 64
COMPANY_SECONDS = 0.003

Ask = TypeVar("Ask")
Loop = asyncio.AbstractEventLoop


class _Seat(Generic[Ask]):
    """An ask that waits: for its outcome, or for its turn to lead. Its owner is a thread, or a future of a loop."""

    __slots__ = ("ask", "future", "gate", "is_done")

    def __init__(self, ask: Ask, future: asyncio.Future[None] | None = None) -> None:
        self.ask = ask
        self.is_done = False
        self.future = future
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
        self._last = 0  # how many went together
        self._company = threading.Event()
        self._leader = ThreadPoolExecutor(1, "leader")

    def hand_in(self, ask: Ask) -> None:
        """Come back when the ask has its outcome."""
        seat = _Seat(ask)
        if not self._take_seat(seat):
            seat.gate.acquire()
            if seat.is_done:
                return
        try:
            while not seat.is_done:  # what may not go together with others waits for the next turn
                self._lead()
        finally:  # whatever happens, somebody leads those who wait
            self._hand_over()

    async def hand_in_from_loop(self, ask: Ask) -> None:
        """The same from an event loop, which goes on meanwhile."""
        future = asyncio.get_running_loop().create_future()
        if self._take_seat(_Seat(ask, future)):
            self._leader.submit(self._lead_for_loop)
        await future  # of this ask alone: a client that goes away takes nobody's outcome with it

    def _take_seat(self, seat: _Seat[Ask]) -> bool:
        """Whether nobody leads, so that this seat has to."""
        with self._lock:
            self._waiting.append(seat)
            if len(self._waiting) >= self._last:
                self._company.set()
            leads, self._is_led = not self._is_led, True
            return leads

    def _lead_for_loop(self) -> None:
        """Those whom the last batch sent away are on their way back, and a larger one costs less: wait for as many."""
        try:
            if self._last > 1:
                self._company.wait(COMPANY_SECONDS)
            self._lead()
        finally:
            self._hand_over()

    def _lead(self) -> None:
        with self._lock:
            seats = {id(seat.ask): seat for seat in list(self._waiting)[:MOST_TOGETHER]}
            chosen = self._choose([seat.ask for seat in seats.values()])
            together = [seats[id(ask)] for ask in chosen]
            for seat in together:
                self._waiting.remove(seat)
            self._last = len(together)
            if len(self._waiting) < self._last:
                self._company.clear()
        try:
            self._carry_out(chosen)
        finally:  # whatever happens, nobody is left waiting
            _tell(together)

    def _hand_over(self) -> None:
        with self._lock:
            self._is_led = bool(self._waiting)
            if not self._waiting:
                return
            first = self._waiting[0]
        if first.future is None:
            first.gate.release()
        else:
            self._leader.submit(self._lead_for_loop)


def _tell(seats: Iterable[_Seat[Ask]]) -> None:
    """Wake the threads; each loop is woken once for all of its own."""
    futures: dict[Loop, list[asyncio.Future[None]]] = defaultdict(list)
    for seat in seats:
        seat.is_done = True
        if seat.future is None:
            seat.gate.release()
        else:
            futures[seat.future.get_loop()].append(seat.future)
    for loop, found in futures.items():
        loop.call_soon_threadsafe(_resolve, found)


def _resolve(futures: list[asyncio.Future[None]]) -> None:
    for future in futures:
        if not future.done():
            future.set_result(None)
