"""Webhooks: each event is signed and sent until it is taken. They can be told to come late, twice, shuffled or not."""

from __future__ import annotations

import hashlib
import heapq
import hmac
import itertools
import json
import random
import threading
import time
import urllib.error
import urllib.request
from typing import Any

from stripe_standin.books import Books, Object

WAITS = (1, 2, 4, 8, 15, 30, 60)
SENDERS, SHUFFLE_SECONDS, TIMEOUT_SECONDS = 4, 0.3, 10


def sign(secret: str, payload: bytes, at: int) -> str:
    """The header Stripe-Signature."""
    digest = hmac.new(secret.encode(), f"{at}.".encode() + payload, hashlib.sha256).hexdigest()
    return f"t={at},v1={digest}"


def public(thing: Any) -> Any:
    """An object without what only the stand-in knows."""
    if isinstance(thing, dict):
        return {key: public(value) for key, value in thing.items() if key != "standin"}
    return [public(each) for each in thing] if isinstance(thing, list) else thing


class Hooks:
    """A queue of events by the instant at which each is due."""

    def __init__(self, books: Books, *, url: str, secret: str, pause: float) -> None:
        self.books, self.url, self.secret, self.pause = books, url, secret, pause
        self.rules: list[tuple[dict[str, str], set[str]]] = []
        self.held: list[tuple[Object, str]] = []  # event, why it is held: late, lost
        self.delivered: dict[str, int] = {}
        self._due: list[tuple[float, int, Object, int]] = []
        self._number, self._wake = itertools.count(), threading.Condition()
        books.listeners.append(self._hear)
        for _ in range(SENDERS):
            threading.Thread(target=self._send_for_ever, daemon=True).start()

    def rule(self, modes: list[str], where: dict[str, str]) -> None:
        """Of events about objects with this metadata; the newest rule that fits counts."""
        self.rules = [each for each in self.rules if each[0] != where] + [(where, set(modes) - {"normal"})]

    def _hear(self, event: Object, about: Object) -> None:
        modes: set[str] = set()
        for where, found in self.rules:
            if _fits(self.books, about, where):
                modes = found
        for _ in range(2 if "doubled" in modes else 1):
            if modes & {"late", "lost"}:
                self.held.append((event, "lost" if "lost" in modes else "late"))
                continue
            self._queue(event, random.random() * SHUFFLE_SECONDS if "reordered" in modes else 0)  # noqa: S311

    def release(self, *, lost: bool, where: dict[str, str]) -> int:
        """Send what was held, in any order. Returns how many."""
        wanted = "lost" if lost else "late"
        with self.books.lock:
            mine = [
                each for each in self.held
                if each[1] == wanted and _fits(self.books, each[0]["data"]["object"], where)
            ]  # fmt: skip
            self.held = [each for each in self.held if each not in mine]
        for event, _ in mine:
            self._queue(event, 0)
        return len(mine)

    def _queue(self, event: Object, delay: float, tries: int = 0) -> None:
        with self._wake:
            heapq.heappush(self._due, (time.monotonic() + delay, next(self._number), event, tries))
            self._wake.notify()

    def _next(self) -> tuple[Object, int]:
        with self._wake:
            while True:
                left = self._due[0][0] - time.monotonic() if self._due else None
                if left is not None and left <= 0:
                    _, _, event, tries = heapq.heappop(self._due)
                    return event, tries
                self._wake.wait(left)

    def _send_for_ever(self) -> None:
        while True:
            event, tries = self._next()
            if self._send(event):
                self.delivered[event["id"]] = self.delivered.get(event["id"], 0) + 1
            else:
                self._queue(event, WAITS[min(tries, len(WAITS) - 1)] * self.pause, tries + 1)

    def _send(self, event: Object) -> bool:
        payload = json.dumps(public(event)).encode()
        headers = {"Content-Type": "application/json", "Stripe-Signature": sign(self.secret, payload, int(time.time()))}
        request = urllib.request.Request(self.url, data=payload, headers=headers)  # noqa: S310
        try:
            with urllib.request.urlopen(request, timeout=TIMEOUT_SECONDS) as answer:  # noqa: S310
                return bool(200 <= answer.status < 300)
        except (urllib.error.URLError, OSError):
            return False


def _fits(books: Books, about: Object, where: dict[str, str]) -> bool:
    """Whether an object, or the payment intent it belongs to, has this metadata."""
    intent = books.get(str(about.get("payment_intent") or ""))
    known = {**((intent or {}).get("metadata") or {}), **(about.get("metadata") or {})}
    return all(str(known.get(name)) == value for name, value in where.items())
