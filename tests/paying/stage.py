"""A shop that is paid: database, broker, mail server, web server, workers and the stand-in, each a real process."""

from __future__ import annotations

import re
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import requests

from tests.asking import Ask, helper
from tests.jobs.stage import (
    PATIENCE_SECONDS,
    Sink,
    answers,
    beat_command,
    broker,
    free_port,
    process,
    relay_command,
    sink,
    wait_until,
    worker_command,
)
from tests.races.stage import empty_database
from tests.standin import KEY, SECRET, Standin, standin

PAUSE, LOOK_AGAIN = 0.2, 0.4
QUICKLY = {"MONEY_RETRY_SECONDS": "1", "MONEY_LEASE_SECONDS": "4", "STRIPE_TIMEOUT_SECONDS": "3"}


@dataclass
class Shop:
    """A running shop, its mails, and Stripe's stand-in. `ask` may be used by many threads."""

    url: str
    smtp: Sink
    bank: Standin
    books: Ask
    lock: threading.Lock = field(default_factory=threading.Lock)

    def ask(self, *words: str) -> Any:
        with self.lock:
            return self.books(*words)


@contextmanager
def paid_shop(folder: Path, name: str) -> Iterator[Shop]:
    port = free_port()
    url = f"http://localhost:{port}"
    with (
        empty_database(name) as environment,
        broker(folder) as broker_url,
        sink(folder) as smtp,
        standin(f"{url}/stripe/webhook/", "--retry-seconds", "0.3", "--voucher-seconds", "9999") as bank,
    ):
        environment |= {
            **QUICKLY,
            "REDIS_URL": broker_url,
            "CELERY_BROKER_URL": broker_url,
            "EMAIL_URL": f"smtp://127.0.0.1:{smtp.port}",
            "SITE_URL": url,
            "PORT": str(port),
            "STRIPE_SECRET_KEY": KEY,
            "STRIPE_API_BASE": bank.base,
            "STRIPE_WEBHOOK_SECRET": SECRET,
        }
        web = [sys.executable, "-m", "granian", "--interface", "rsgi", "--host", "127.0.0.1", "--port", str(port)]
        web += ["--workers", "2", "--no-ws", "--respawn-failed-workers", "--respawn-interval", "0.1"]
        with (
            process([*web, "storefront.entrance:entrance"], environment),
            process(worker_command(), environment),
            process(relay_command(), environment),
            process(beat_command(folder), environment),
            helper("tests.paying.books", environment) as books,
        ):
            wait_until(lambda: answers(port), "the web server")
            yield Shop(url, smtp, bank, books)


class Customer:
    """Somebody with the link to a reservation. What fails by our fault is tried again, as a customer would."""

    def __init__(self, shop: Shop, email: str, market: str = "DE") -> None:
        self.shop, self.email = shop, email
        made = shop.ask("reserved", email, market)
        self.reference, self.path = made["reference"], made["path"]
        self.session = requests.Session()

    @property
    def state(self) -> dict[str, Any]:
        found: dict[str, Any] = self.shop.ask("state", self.reference)
        return found

    def press_pay(self) -> str:
        """The session of the page to which the button leads."""
        deadline = time.monotonic() + PATIENCE_SECONDS
        while time.monotonic() < deadline:
            try:
                page = self.session.get(self.shop.url + self.path, timeout=20)
                token = re.search(r'name="csrfmiddlewaretoken" value="([^"]+)"', page.text)
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
            except requests.RequestException:
                pass  # the web server was killed; it comes back
            time.sleep(PAUSE)
        raise AssertionError(f"{self.reference}: no payment page")

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
