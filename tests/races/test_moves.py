"""Moves between two markets at the same moment: nothing is counted twice, and everybody keeps their instant."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

from tests.races.stage import empty_database


@pytest.mark.both_databases
def test_two_hundred_who_move_between_two_markets_at_once_are_counted_once_and_keep_their_rank() -> None:
    with empty_database("moves") as environment:
        done = subprocess.run(
            [sys.executable, "-m", "tests.races.moves"], env=environment, capture_output=True, text=True
        )
    assert done.returncode == 0, done.stderr[-3000:]
    assert json.loads(done.stdout) == {
        "tries": 267,
        "broken": [],
        "customers": 200,
        "instants kept": True,
        "held": [90, 90],
        "ranks that are wrong": 0,
    }
