"""The performance: visitors and faults on one clock."""

from __future__ import annotations

import asyncio
import http.client
import json
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from typing import Any

from storefront.rehearsal.plan import Offer, Visit
from storefront.rehearsal.shop import Shop
from storefront.rehearsal.visitors import Seen, Visitors
from storefront.rehearsal.wires import Wires

BEFORE_SECONDS, PATIENCE_SECONDS = 3.0, 30.0
LOOK_SECONDS = 0.5
# Process → when it is killed, as a share of the time.
FAULTS = {"valkey": 0.35, "worker": 0.6}
Progress = Callable[[float, Seen], None]


@dataclass
class Recording:
    """What happened, in seconds after the opening."""

    seen: Seen
    faults: list[tuple[float, str]] = field(default_factory=list)
    mails: list[tuple[float, int, int]] = field(default_factory=list)  # at, owed, sent
    reserved: list[float] = field(default_factory=list)


def find_offers(port: int) -> list[Offer]:
    """Everything that is open, and does not differ within its country."""
    found = []
    for product in _results(port, "/api/v1/products/"):
        for variant in product["variants"]:
            rows = _results(port, f"/api/v1/products/{product['slug']}/availability/?sku={variant['sku']}")
            found += [
                Offer(variant["sku"], product["slug"], row["market"], _consents(row))
                for row in rows
                if row["status"] == "open" and not row["varies_in"]
            ]
    return found


def _consents(row: dict[str, Any]) -> tuple[tuple[str, str], ...]:
    return tuple((each["id"], each["version"]) for each in row["notices"] if each["consent"])


def _results(port: int, path: str) -> list[dict[str, Any]]:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    with closing(connection):
        connection.request("GET", path, headers={"Host": "localhost"})
        found: list[dict[str, Any]] = json.loads(connection.getresponse().read())["results"]
    return found


def perform(
    *, shop: Shop, api_key: str, visits: Sequence[Visit], seconds: float, has_faults: bool, progress: Progress
) -> Recording:
    """Play the visits, look at the mails, kill what is to be killed; and what was seen."""
    shop.open_in(BEFORE_SECONDS)
    opens = time.monotonic() + BEFORE_SECONDS
    visitors = Visitors(Wires(shop.port), api_key, opens=opens, until=opens + seconds + PATIENCE_SECONDS)
    recording = Recording(visitors.seen)
    is_over = threading.Event()

    def look() -> None:
        while not is_over.wait(LOOK_SECONDS):
            recording.mails.append((time.monotonic() - opens, *shop.count_mails()))
            progress(time.monotonic() - opens, visitors.seen)

    def break_things() -> None:
        for name, share in FAULTS.items():
            if is_over.wait(max(0, opens + share * seconds - time.monotonic())):
                return
            recording.faults.append((time.monotonic() - opens, name))
            shop.kill(name)

    threads = [threading.Thread(target=work) for work in ((look, break_things) if has_faults else (look,))]
    for thread in threads:
        thread.start()
    try:
        asyncio.run(_play(visitors, visits))
    finally:
        is_over.set()
        for thread in threads:
            thread.join()
    with closing(shop.connect()) as connection:
        query = (
            "SELECT (julianday(r.created_at) - julianday(w.opens_at)) * 86400 FROM reservations_reservation r "
            "JOIN reservations_launchmarket w ON w.launch_id = r.launch_id AND w.market_id = r.market_id"
        )
        recording.reserved = [row[0] for row in connection.execute(query)]
    return recording


async def _play(visitors: Visitors, visits: Sequence[Visit]) -> None:
    await asyncio.gather(*(visitors.come(visit) for visit in visits))
    visitors.wires.close()
