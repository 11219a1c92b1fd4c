"""64 client processes that reserve at the same moment. Run as a program: prints one JSON line a round.

    python -m tests.races.crowd CLIENTS ATTEMPTS CAPACITY ROUNDS

Django is loaded once and the clients are forked from it, each with a connection of its own.
"""

from __future__ import annotations

import json
import multiprocessing
import os
import sys
from collections import Counter
from typing import Any

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "storefront.settings")
django.setup()

from django.db import connections  # noqa: E402

from reservations.actions.reserving import reserve  # noqa: E402
from reservations.models import Allotment, Message, Reservation  # noqa: E402
from reservations.queries.facts import current_world  # noqa: E402
from tests.world import AT, allotment, wish  # noqa: E402


def client(number: int, clients: int, attempts: int, rounds: int, start: Any, done: Any) -> None:
    """Reserve this client's share of the attempts in each round."""
    connections.close_all()
    given = wish(email="template@x.example")
    for turn in range(rounds):
        start.wait()
        for attempt in range(number, attempts, clients):
            reserve(wish=type(given)(**{**vars(given), "email": f"c{attempt}@round{turn}.example"}), at=AT)
        done.wait()


def main(clients: int, attempts: int, capacity: int, rounds: int) -> None:
    fork = multiprocessing.get_context("fork")
    start, done = fork.Barrier(clients + 1), fork.Barrier(clients + 1)
    Allotment.objects.filter(pk=allotment().pk).update(capacity=capacity)
    current_world()  # once for all clients
    connections.close_all()
    crowd = [fork.Process(target=client, args=(n, clients, attempts, rounds, start, done)) for n in range(clients)]
    for process in crowd:
        process.start()
    seen = 0
    for _turn in range(rounds):
        pool = allotment()
        Allotment.objects.filter(pk=pool.pk).update(held=0, waiting=0)
        connections.close_all()
        start.wait()
        done.wait()
        pool = allotment()
        rows = list(Reservation.objects.filter(allotment=pool, place_number__gt=seen).order_by("place_number"))
        status = Counter(row.status for row in rows)
        print(
            json.dumps(
                {
                    **status,
                    "confirmed_places": [row.place_number - seen for row in rows if row.status == "confirmed"],
                    "waiting_places": [row.place_number - seen for row in rows if row.status == "waitlisted"],
                    "held": pool.held,
                    "waiting": pool.waiting,
                    "messages": Message.objects.filter(reservation__in=rows).count(),
                }
            ),
            flush=True,
        )
        seen += len(rows)
        Reservation.objects.filter(allotment=pool, status="waitlisted").update(status="cancelled", ended_at=AT)
        Reservation.objects.filter(allotment=pool, status="confirmed").update(status="cancelled", ended_at=AT)
    for process in crowd:
        process.join()
    sys.exit(max(process.exitcode or 0 for process in crowd))


if __name__ == "__main__":
    main(*(int(word) for word in sys.argv[1:5]))
