"""200 customers who move between two markets at the same moment. Run as a program: prints one JSON line.

    python -m tests.races.moves

Both lines have room for fewer than want to be there. A third of the customers send their move twice, as from two tabs.
"""

from __future__ import annotations

import json
import multiprocessing
import os
import random
import sys
from collections import Counter
from datetime import timedelta
from typing import Any

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "storefront.settings")
django.setup()

from django.db import connections  # noqa: E402

from reservations.actions import relocating  # noqa: E402
from reservations.actions.relocating import Change, relocate, terms_of  # noqa: E402
from reservations.actions.reserving import reserve  # noqa: E402
from reservations.models import Allotment, Reservation  # noqa: E402
from reservations.queries.books import find_broken  # noqa: E402
from reservations.queries.places import standings  # noqa: E402
from reservations.rules import lifecycle  # noqa: E402
from tests.world import AT, allotment, wish  # noqa: E402

CUSTOMERS, PROCESSES, CAPACITY = 200, 8, 90
MARKETS = ("DE", "JP")


def mover(number: int, pks: list[str], start: Any, heard: Any) -> None:
    connections.close_all()
    start.wait()
    seen: Counter[str] = Counter()
    for pk in pks:
        row = Reservation.objects.select_related("variant", "market", "launch").get(pk=pk)
        change = Change(market=MARKETS[row.market_id == MARKETS[0]])
        try:
            terms = terms_of(reservation=row, change=change, at=AT + timedelta(hours=1), language="en")
            given = {notice.id: notice.version for notice in terms.consents}
            relocate(
                reservation=row, change=change, given=given, shown_digest=None,
                at=AT + timedelta(hours=1), actor="customer", language="en",
            )  # fmt: skip
            seen["moved"] += 1
        except (relocating.NothingChanges, relocating.ShownOtherwise) as refusal:
            seen[type(refusal).__name__] += 1
    heard.put(dict(seen))
    connections.close_all()


def main() -> None:
    for market in MARKETS:
        Allotment.objects.filter(pk=allotment(market=market).pk).update(capacity=CAPACITY)
    made = [
        reserve(wish=wish(email=f"c{number}@x.example", market=MARKETS[number % 2]), at=AT + timedelta(seconds=number))
        for number in range(CUSTOMERS)
    ]
    orders = [str(row.pk) for row in made] + [str(row.pk) for row in made[::3]]
    random.Random(7).shuffle(orders)
    fork = multiprocessing.get_context("fork")
    start, heard = fork.Barrier(PROCESSES), fork.Queue()
    connections.close_all()
    crowd = [
        fork.Process(target=mover, args=(number, orders[number::PROCESSES], start, heard))
        for number in range(PROCESSES)
    ]
    for process in crowd:
        process.start()
    outcomes: Counter[str] = Counter()
    for _ in crowd:
        outcomes.update(heard.get())
    for process in crowd:
        process.join()
    print(json.dumps(_found(outcomes)), flush=True)
    sys.exit(max(process.exitcode or 0 for process in crowd))


def _found(outcomes: Counter[str]) -> dict[str, object]:
    rows = list(Reservation.objects.order_by("created_at", "place_number"))
    told = standings(rows)
    wrong = 0
    for row in rows:
        waits = row.status == lifecycle.WAITLISTED
        ahead = sum(
            each.allotment_id == row.allotment_id and each.rank < row.rank and (each.status == row.status)
            for each in rows
        )
        wrong += told[row.pk].people_ahead != ahead or (waits and row.confirmed_at is not None)
    return {
        "tries": sum(outcomes.values()),
        "broken": [str(each) for each in find_broken()],
        "customers": len(rows),
        "instants kept": [row.created_at for row in rows] == [AT + timedelta(seconds=n) for n in range(CUSTOMERS)],
        "held": [allotment(market=market).held for market in MARKETS],
        "ranks that are wrong": wrong,
    }


if __name__ == "__main__":
    main()
