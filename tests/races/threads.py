"""16 threads of one process that reserve at the same moment. Run as a program: prints one JSON line.

    python -m tests.races.threads

Each customer's request is sent twice, as after a double click, and one wish spoils the statement it travels in.
"""

from __future__ import annotations

import json
import os
import threading
from collections import Counter
from dataclasses import replace

import django
import orjson

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "storefront.settings")
django.setup()

from django.db import DataError  # noqa: E402

from reservations.actions.asks import Request  # noqa: E402
from reservations.actions.reserving import reserve_once  # noqa: E402
from reservations.models import CustomerLimit, IdempotencyKey, Message, Partner, Reservation  # noqa: E402
from storefront.api.partners import write_outcome  # noqa: E402
from tests.world import AT, allotment, wish  # noqa: E402

THREADS, CUSTOMERS = 16, 200
TOO_LONG = "9" * 41


def main() -> None:
    partner = Partner.objects.create(slug="carrier", name="Carrier")
    given = wish(partner_id=partner.pk, partner_slug=partner.slug)
    orders = [(number, copy) for number in range(CUSTOMERS) for copy in range(2)]
    seen: Counter[str] = Counter()
    answers: dict[int, list[str]] = {number: [] for number in range(CUSTOMERS)}

    def work(first: int) -> None:
        for number, _copy in orders[first::THREADS]:
            spoiled = {"phone": TOO_LONG} if number == CUSTOMERS // 2 else {}
            asked = replace(given, email=f"c{number}@x.example", **spoiled)
            request = Request(
                partner_id=partner.pk, key=f"k{number}", is_sandbox=False, body_digest="same", write=write_outcome
            )
            try:
                (status, body), is_replayed = reserve_once(wish=asked, at=AT, request=request)
            except DataError:
                seen["spoiled"] += 1
                continue
            seen[f"{status} again" if is_replayed else str(status)] += 1
            answers[number].append(orjson.loads(orjson.dumps(body))["id"])

    threads = [threading.Thread(target=work, args=(number,)) for number in range(THREADS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    pool = allotment()
    stored = {
        "outcomes": dict(seen),
        "two answers of one request differ": sum(len(set(ids)) > 1 for ids in answers.values()),
        "rows": [model.objects.count() for model in (Reservation, Message, IdempotencyKey, CustomerLimit)],
        "places": sorted(Reservation.objects.values_list("place_number", flat=True)),
        "held": pool.held,
        "last_place": pool.last_place,
    }
    print(json.dumps(stored), flush=True)


if __name__ == "__main__":
    main()
