"""A shop that is paid: database, broker, mail server, web server, workers and the stand-in, each a real process."""

from __future__ import annotations

import re
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import requests

from tests import shop
from tests.jobs.stage import PATIENCE_SECONDS

PAUSE, LOOK_AGAIN = 0.2, 0.4
QUICKLY = {"MONEY_RETRY_SECONDS": "1", "MONEY_LEASE_SECONDS": "4", "STRIPE_TIMEOUT_SECONDS": "3"}


class Shop:
    """A running shop, which many threads may ask at once."""

    def __init__(self, running: shop.Shop) -> None:
        self.url, self.smtp, self.bank = running.url, running.smtp, running.bank
        self._books, self._lock = running.books, threading.Lock()

    def ask(self, *words: str) -> Any:
        with self._lock:
            return self._books(*words)


@contextmanager
def paid_shop(folder: Path, name: str) -> Iterator[Shop]:
    """Web servers that are killed are started again."""
    bank = ["--retry-seconds", "0.3", "--voucher-seconds", "9999"]
    # Many hands: some wait for an answer that never comes.
    books = "tests.paying.books"
    with shop.running_shop(folder, name, books=books, web=2, bank=bank, more=QUICKLY, hands=6) as running:
        yield Shop(running)


class Customer:
    """Somebody with the link to a reservation. What fails by our fault is tried again, as a customer would."""

    def __init__(self, at: Shop, email: str, market: str = "DE") -> None:
        self.shop, self.email = at, email
        made = at.ask("reserved", email, market)
        self.reference, self.path = made["reference"], made["path"]
        self.session = requests.Session()

    @property
    def state(self) -> dict[str, Any]:
        found: dict[str, Any] = self.shop.ask("state", self.reference)
        return found

    def press_pay(self) -> str:
        """The session of the page to which the button leads."""
        deadline, last = time.monotonic() + PATIENCE_SECONDS, ""
        while time.monotonic() < deadline:
            try:
                page = self.session.get(self.shop.url + self.path, timeout=20)
                token = re.search(r'name="csrfmiddlewaretoken" value="([^"]+)"', page.text)
                if page.ok and token is None:
                    return ""  # an order that is complete has no button
                step = self.path.replace("/?", "/pay/?")
                answer = self.session.post(
                    self.shop.url + step,
                    data={"csrfmiddlewaretoken": token[1] if token else "", "key": step.partition("key=")[2]},
                    headers={"Referer": self.shop.url + self.path},
                    allow_redirects=False,
                    timeout=20,
                )
                found = re.search(r"/pay/(cs_test_\w+)", answer.headers.get("Location", ""))
                if found:
                    return found[1]
                if answer.status_code == 303:
                    return ""  # there is nothing to pay any more
                last = f"{page.status_code} and {answer.status_code}: {answer.text}"
            except requests.RequestException as error:
                last = repr(error)  # the web server was killed; it comes back
            time.sleep(PAUSE)
        raise AssertionError(f"{self.reference}: no payment page; {self.state}; at last {last}")

    def wait(self, is_so: Callable[[dict[str, Any]], bool], what: str) -> dict[str, Any]:
        """Until our books have it so. Many wait at once: each asks seldom."""
        deadline = time.monotonic() + PATIENCE_SECONDS
        while not is_so(found := self.state):
            assert time.monotonic() < deadline, f"{self.reference}: waited for {what}; {found}"
            time.sleep(LOOK_AGAIN)
        return found

    def wait_for(self, status: str) -> dict[str, Any]:
        return self.wait(lambda state: state["status"] == status, f"the status {status}")

    def wait_for_letters(self, letters: Iterable[str]) -> dict[str, Any]:
        """Until these are sent, each as often as it is named."""
        wanted = Counter(letters)
        return self.wait(
            lambda state: Counter(kind for kind, letter in state["letters"] if letter == "sent") >= wanted,
            f"the letters {dict(wanted)}",
        )

    def mails(self) -> list[dict[str, Any]]:
        return [mail for mail in self.shop.smtp.mails if mail["to"] == [self.email]]
