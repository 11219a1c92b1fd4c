"""Who asks again for what is known for a while."""

from __future__ import annotations

import asyncio

import pytest

from storefront.at_hand import NotAtHand, Renewal


async def goes(renewal: Renewal, now: float) -> bool:
    """On an event loop: whether the caller has to leave it."""
    try:
        assert not renewal.is_due(now)
    except NotAtHand:
        return True
    return False


def on_loop(renewal: Renewal, *instants: float) -> list[bool]:
    return [asyncio.run(goes(renewal, now)) for now in instants]


@pytest.fixture
def renewal() -> Renewal:
    """Known for a second, since 100."""
    made = Renewal(1.0)
    made.renew(100.0)
    return made


def test_in_the_first_half_nobody_asks(renewal: Renewal) -> None:
    assert not renewal.is_due(100.4)
    assert on_loop(renewal, 100.0, 100.4) == [False, False]


def test_in_the_second_half_one_leaves_the_loop_and_the_others_go_on(renewal: Renewal) -> None:
    assert on_loop(renewal, 100.5, 100.5, 100.6, 100.7) == [True, False, False, False]


def test_a_thread_asks_in_the_second_half_whoever_left_the_loop_for_it(renewal: Renewal) -> None:
    assert on_loop(renewal, 100.5) == [True]
    assert renewal.is_due(100.5)


def test_where_the_first_did_not_come_back_another_goes(renewal: Renewal) -> None:
    assert on_loop(renewal, 100.5, 100.8) == [True, True]


def test_what_is_too_old_is_used_by_nobody(renewal: Renewal) -> None:
    assert on_loop(renewal, 101.0, 101.0) == [True, True]
    assert renewal.is_due(101.0)


def test_a_clock_that_jumps_back_makes_nothing_last_longer(renewal: Renewal) -> None:
    assert renewal.is_due(99.0)
    assert on_loop(renewal, 99.0, 99.0) == [True, True]


def test_what_was_never_known_is_asked_for(renewal: Renewal) -> None:
    assert Renewal(1.0).is_due(0.0)
    assert on_loop(Renewal(1.0), 0.0) == [True]
