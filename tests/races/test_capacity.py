"""A crowd at one allotment: nobody is turned away wrongly, nobody holds a place twice, nothing is oversold."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

from tests.races.stage import empty_database

CLIENTS, ATTEMPTS, CAPACITY, ROUNDS = 64, 400, 100, 20


@pytest.mark.both_databases
def test_64_clients_400_attempts_100_units_20_times() -> None:
    with empty_database("crowd") as environment:
        run = subprocess.run(
            [sys.executable, "-m", "tests.races.crowd", *map(str, (CLIENTS, ATTEMPTS, CAPACITY, ROUNDS))],
            env=environment,
            capture_output=True,
            text=True,
        )
    assert run.returncode == 0, run.stderr[-3000:]
    rounds = [json.loads(line) for line in run.stdout.splitlines()]
    assert len(rounds) == ROUNDS
    for books in rounds:
        assert books == {
            "confirmed": CAPACITY,
            "waitlisted": ATTEMPTS - CAPACITY,
            "confirmed_places": list(range(1, CAPACITY + 1)),
            "waiting_places": list(range(CAPACITY + 1, ATTEMPTS + 1)),
            "held": CAPACITY,
            "waiting": ATTEMPTS - CAPACITY,
            "messages": ATTEMPTS,
        }


def test_threads_that_commit_together_store_each_request_once_and_nobody_spoils_it_for_the_others() -> None:
    with empty_database("threads") as environment:
        done = subprocess.run(
            [sys.executable, "-m", "tests.races.threads"],
            env=environment,
            check=True,
            stdout=subprocess.PIPE,
            text=True,
        )
    found = json.loads(done.stdout)
    assert found == {
        "outcomes": {"201": 199, "201 again": 199, "spoiled": 2},
        "two answers of one request differ": 0,
        "rows": [199, 199, 199, 199],
        "places": list(range(1, 200)),
        "held": 199,
        "last_place": 199,
    }
