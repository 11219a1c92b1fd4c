"""Looks at what is committed now, over connections that come and go."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest
from django.db import DatabaseError, connection

from reservations.models.rows import Statement, look_together
from reservations.queries.counters import current_lines
from reservations.queries.revisions import current_revision
from tests.world import allotment

pytestmark = pytest.mark.django_db


@pytest.fixture
def elsewhere(launch_data: object) -> Iterator[ThreadPoolExecutor]:
    """A thread with a connection of its own, in no transaction."""
    with ThreadPoolExecutor(1) as thread:
        yield thread
        thread.submit(lambda: connection.close()).result()  # noqa: PLW0108  # that thread's own


def ask(sql: str, *values: object) -> object:
    with connection.cursor() as cursor:
        cursor.execute(sql, values)
        return cursor.fetchone()[0]


def test_a_look_over_a_lost_connection_is_asked_again(elsewhere: ThreadPoolExecutor) -> None:
    before = elsewhere.submit(current_revision).result()
    session = elsewhere.submit(ask, "SELECT pg_backend_pid()").result()
    assert ask("SELECT pg_terminate_backend(%s, 30000)", session), "it is gone"
    assert elsewhere.submit(current_revision).result() == before
    assert elsewhere.submit(ask, "SELECT pg_backend_pid()").result() != session


def test_a_look_whose_plan_was_taken_away_is_asked_again(elsewhere: ThreadPoolExecutor) -> None:
    pool = allotment().pk
    before = elsewhere.submit(current_lines, [pool]).result()
    assert before.keys() == {pool}
    elsewhere.submit(look_together, [Statement("DEALLOCATE ALL")]).result()
    assert elsewhere.submit(current_lines, [pool]).result() == before


def test_a_look_that_is_wrong_stays_so(elsewhere: ThreadPoolExecutor) -> None:
    with pytest.raises(DatabaseError, match="nowhere"):
        elsewhere.submit(look_together, [Statement("SELECT 1 FROM nowhere")]).result()
