"""No more letters than the provider takes, the urgent ones first, and every one in the end."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reservations.actions import outbox
from reservations.actions.reserving import reserve
from reservations.models import Message
from reservations.rules import lanes, pace
from tests.world import AT, wish

SECOND = timedelta(seconds=1)


@given(per_second=st.integers(1, 500), gaps=st.lists(st.floats(0, 3), max_size=60))
def test_in_no_span_of_time_does_more_go_than_the_rate_and_a_burst(per_second: int, gaps: list[float]) -> None:
    at, free_at, sent = AT, None, 0
    for gap in gaps:
        at += timedelta(seconds=gap)
        count = pace.allowance(free_at=free_at, at=at, per_second=per_second)
        assert count >= 0
        free_at = pace.handed_over(free_at=free_at, at=at, count=count, per_second=per_second)
        sent += count
        assert sent <= ((at - AT) / SECOND + 1) * per_second + 1


def test_after_a_second_of_rest_a_seconds_worth_may_go() -> None:
    free_at = pace.handed_over(free_at=None, at=AT, count=10, per_second=10)
    assert pace.allowance(free_at=free_at, at=AT, per_second=10) == 0
    assert pace.allowance(free_at=free_at, at=AT + SECOND / 2, per_second=10) == 5
    assert pace.allowance(free_at=free_at, at=AT + SECOND, per_second=10) == 10


@pytest.mark.django_db
@pytest.mark.both_databases
def test_invitations_go_before_confirmations_and_these_before_news(launch_data: datetime) -> None:
    rows = [reserve(wish=wish(email=f"c{number}@x.example"), at=AT) for number in range(4)]
    for row, kind in zip(rows, ("window", "invited", "window", "reminder"), strict=True):
        Message.objects.create(reservation=row, kind=kind, lane=lanes.lane(kind), due_at=AT + SECOND)
    order, at = [], AT + SECOND
    while Message.objects.filter(state=Message.OWED).exists():
        ids = outbox.queue_due(at=at, per_second=2)
        assert len(ids) <= 2
        order += [Message.objects.get(pk=pk).kind for pk in ids]
        at += SECOND
    assert order == ["invited", "reminder"] + ["confirmed"] * 4 + ["window"] * 2
    assert at == AT + 5 * SECOND
