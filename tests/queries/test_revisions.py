"""What is read once for each revision."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from reservations.queries.revisions import ByRevision


def test_one_reads_for_all_that_ask_at_once() -> None:
    asked, may_answer = [], threading.Event()

    def read(revision: int) -> object:
        asked.append(revision)
        may_answer.wait()
        return object()

    kept = ByRevision(read)
    with ThreadPoolExecutor(8) as crowd:
        answers = [crowd.submit(kept, 7) for _ in range(8)]
        may_answer.set()
        found = {id(answer.result()) for answer in answers}
    assert len(found) == 1 and asked == [7]


def test_the_last_few_are_kept_and_the_oldest_goes_first() -> None:
    asked: list[int] = []

    def read(revision: int) -> int:
        asked.append(revision)
        return revision

    kept = ByRevision(read)
    newest = range(2, 2 + kept.MOST)
    for revision in (1, *newest, *newest):
        assert kept(revision) == revision
    assert asked == [1, *newest]
    assert (kept.known(1), kept.known(newest[-1])) == (None, newest[-1])
    kept(1)
    assert asked == [1, *newest, 1]


def test_a_reader_that_failed_is_asked_again() -> None:
    asked: list[int] = []

    def read(revision: int) -> str:
        asked.append(revision)
        if len(asked) == 1:
            raise ValueError("away")
        return "the world"

    kept = ByRevision(read)
    with pytest.raises(ValueError, match="away"):
        kept(1)
    assert kept(1) == "the world"
