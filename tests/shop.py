"""The whole shop as real processes: web server, workers, beat, broker, mail server, database, and Stripe's stand-in."""

from __future__ import annotations

import http.client
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from storefront.processes import serve
from tests.asking import Ask, helper
from tests.jobs.stage import (
    Sink,
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


@dataclass(frozen=True)
class Shop:
    """Where it is, what it has mailed, what moved at Stripe, and a helper that asks its database."""

    url: str
    smtp: Sink
    bank: Standin
    environment: dict[str, str]
    books: Ask

    def mail_to(self, email: str, count: int = 1) -> dict[str, Any]:
        """The newest mail to an address, once so many have arrived."""
        mine = lambda: [mail for mail in self.smtp.mails if mail["to"] == [email]]  # noqa: E731
        wait_until(lambda: len(mine()) >= count, f"{count} mails to {email}")
        assert len(mine()) == count
        found: dict[str, Any] = mine()[-1]
        return found

    def link_in(self, mail: dict[str, Any], part: str) -> str:
        links = re.findall(rf"{re.escape(self.url)}\S+", mail["text"])
        return next(link for link in links if part in link)


@contextmanager
def running_shop(
    folder: Path,
    name: str,
    *,
    books: str,
    web: int,
    bank: Sequence[str],
    more: Mapping[str, str],
    hands: int = 2,
) -> Iterator[Shop]:
    """`books` is the module of the helper, `web` counts the web server's processes, `bank` has options of the
    stand-in, `hands` says how many tasks are worked on at once.
    """
    port = free_port()
    url = f"http://localhost:{port}"
    with (
        empty_database(name) as environment,
        broker(folder) as broker_url,
        sink(folder) as smtp,
        standin(f"{url}/stripe/webhook/", *bank) as stripe,
    ):
        environment |= {
            **more,
            "REDIS_URL": broker_url,
            "CELERY_BROKER_URL": broker_url,
            "EMAIL_URL": f"smtp://127.0.0.1:{smtp.port}",
            "SITE_URL": url,
            "PORT": str(port),
            "STRIPE_SECRET_KEY": KEY,
            "STRIPE_API_BASE": stripe.base,
            "STRIPE_WEBHOOK_SECRET": SECRET,
        }
        with (
            process(serve(port, workers=web), environment),
            process(worker_command(hands), environment),
            process(relay_command(), environment),
            process(beat_command(folder), environment),
            helper(books, environment) as ask,
        ):
            wait_until(lambda: is_ready(port), "the web server")
            yield Shop(url, smtp, stripe, environment, ask)


def is_ready(port: int) -> bool:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
    try:
        connection.request("GET", "/health/ready")
        return connection.getresponse().status == http.HTTPStatus.OK
    except OSError:
        return False
    finally:
        connection.close()
