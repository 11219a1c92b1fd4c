"""The books, counted in SQL after every benchmark that reserves."""

from __future__ import annotations

import sys
import time
from collections.abc import Sequence

import psycopg

from bench.load import Run
from bench.stage import Environment, connect
from reservations.rules import lifecycle

HOLDS = "status IN ({})".format(", ".join(f"'{status}'" for status in lifecycle.HOLDING))
COUNTS = {
    "reservations": "SELECT count(*) FROM reservations_reservation",
    "made by the API": "SELECT count(*) FROM reservations_reservation WHERE partner_id IS NOT NULL",
    "units reserved": f"SELECT coalesce(sum(quantity), 0) FROM reservations_reservation WHERE {HOLDS}",
    "units claimed": "SELECT coalesce(sum(held), 0) FROM reservations_allotment",
    "units counted": "SELECT coalesce(sum(quantity), 0) FROM reservations_customerlimit",
    "messages": "SELECT count(*) FROM reservations_message",
    "events": "SELECT count(*) FROM reservations_event WHERE reservation_id IS NOT NULL",
    "keys with a yes": "SELECT count(*) FROM reservations_idempotencykey WHERE status = 201",
    "allotments over capacity": "SELECT count(*) FROM reservations_allotment WHERE held > capacity",
    "allotments that differ": (
        "SELECT count(*) FROM reservations_allotment a LEFT JOIN (SELECT allotment_id, sum(quantity) AS units FROM "
        f"reservations_reservation WHERE {HOLDS} GROUP BY 1) r ON r.allotment_id = a.id "
        "WHERE a.held <> coalesce(r.units, 0)"
    ),
}
EQUAL = [
    ("reservations", "messages"),
    ("reservations", "events"),
    ("units reserved", "units claimed"),
    ("units reserved", "units counted"),
    ("made by the API", "keys with a yes"),
]


def count_books(environment: Environment) -> dict[str, int]:
    with connect(environment) as connection:
        _wait_until_quiet(connection)
        return {name: _number(connection, query) for name, query in COUNTS.items()}


def check_books(environment: Environment, *, before: int = 0, runs: Sequence[Run] = ()) -> dict[str, int]:
    """End the bench with a sentence when a row is missing or too many, or when a yes is not in the table.

    A request that was cut off when its run ended may have been carried out: at most one a connection.
    """
    counts = count_books(environment)
    for one, other in EQUAL:
        if counts[one] != counts[other]:
            sys.exit(f"The books do not balance: {counts[one]} {one}, but {counts[other]} {other}.")
    if counts["allotments over capacity"] or counts["allotments that differ"]:
        sys.exit(
            f"The books do not balance: {counts['allotments over capacity']} allotments are over capacity, "
            f"{counts['allotments that differ']} hold another number than their reservations."
        )
    stored, yes = counts["reservations"] - before, sum(run.accepted for run in runs)
    if runs and not yes <= stored <= yes + sum(run.connections for run in runs):
        sys.exit(f"The books do not balance: {yes} requests were told yes, but {stored} reservations are stored.")
    return counts


def _wait_until_quiet(connection: psycopg.Connection) -> None:
    """Requests that were cut off are still being carried out for a moment."""
    active = (
        "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid() "
        "AND backend_type = 'client backend' AND state <> 'idle'"
    )
    quiet = 0
    while quiet < 5:
        quiet = 0 if _number(connection, active) else quiet + 1
        time.sleep(0.05)


def _number(connection: psycopg.Connection, query: str) -> int:
    row = connection.execute(query.encode()).fetchone()
    assert row is not None
    return int(row[0])
