"""Admission slows down while the shop does."""

from __future__ import annotations

import pytest

from storefront.waiting_room.health import Health
from tests.waiting_room.conftest import Stage


def test_a_healthy_shop_is_not_braked() -> None:
    health = Health()
    assert not any(health.note(at=n, seconds=0.9, is_failed=False) for n in range(100))


def test_a_slow_tail_brakes_until_half_a_minute_after_it() -> None:
    health = Health()
    slow = [health.note(at=n / 10, seconds=2.0 if n % 10 == 0 else 0.1, is_failed=False) for n in range(40)]
    assert not any(slow[:19]) and slow[-1]
    assert not health.note(at=34, seconds=0.1, is_failed=False)


def test_three_failures_brake() -> None:
    health = Health()
    assert [health.note(at=n, seconds=0.1, is_failed=True) for n in range(3)] == [False, False, True]


@pytest.mark.django_db
def test_under_the_brake_half_as_many_are_let_in(stage: Stage) -> None:
    crowd = stage.crowd(60)
    stage.queue().brake(60)
    for _ in range(20):
        stage.go(1)
        states = [each.poll()["state"] for each in crowd]
    assert states.count("admitted") == 11


@pytest.mark.django_db
def test_failing_reservations_put_the_brake_on(stage: Stage) -> None:
    (visitor,) = stage.crowd(1)
    broken = lambda environ, start: (start("503 Service Unavailable", []), [b""])[1]  # noqa: E731
    stage.layer._application = broken
    for _ in range(3):
        assert visitor.ask("/en-de/reserve/glasses-s1/", method="POST").status == 503
    assert stage.client.exists(stage.queue().keys[6])
