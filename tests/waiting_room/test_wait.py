"""The wait is told as a range, and only when it was measured."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from storefront.waiting_room.wait import Wait, poll_ms, wait


@pytest.mark.parametrize(
    ("ahead", "passed", "span_ms", "expected"),
    [
        (299, 60, 60_000, Wait(4, 7)),
        (0, 60, 60_000, Wait(0, 1)),
        (59, 60, 60_000, Wait(0, 2)),
        (10, 0, 60_000, None),
        (10, 5, 9_999, None),
    ],
)
def test_the_range_follows_from_the_last_minute(ahead: int, passed: int, span_ms: int, expected: Wait | None) -> None:
    assert wait(ahead=ahead, passed=passed, span_ms=span_ms) == expected


@given(st.integers(0, 10**6), st.integers(1, 10**5), st.integers(10_000, 60_000))
def test_the_range_holds_what_comes_when_the_pace_stays(ahead: int, passed: int, span_ms: int) -> None:
    found = wait(ahead=ahead, passed=passed, span_ms=span_ms)
    assert found is not None and found.low <= (ahead + 1) * span_ms / passed / 60_000 <= found.high


@given(st.none() | st.builds(Wait, st.integers(0, 9), st.integers(1, 99)), st.integers(0, 10**6), st.floats(0, 0.999))
def test_polls_are_three_to_ten_seconds_apart(expected: Wait | None, ahead: int, chance: float) -> None:
    assert 3_000 <= poll_ms(expected, ahead, chance) <= 10_000


def test_those_who_are_far_ask_less_often() -> None:
    near, far, unknown = poll_ms(Wait(0, 1), 9, 0.5), poll_ms(Wait(4, 7), 300, 0.5), poll_ms(None, 20_000, 0.5)
    assert near < far == unknown
