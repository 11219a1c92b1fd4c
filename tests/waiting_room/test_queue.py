"""Who is let in, when, and in which order."""

from __future__ import annotations

import pytest

from tests.waiting_room.conftest import FORM, PRODUCT, Stage

pytestmark = pytest.mark.django_db


def test_the_first_goes_on_at_once_and_the_next_wait_in_the_order_of_arrival(stage: Stage) -> None:
    first = stage.visitor()
    assert first.ask(FORM).location == f"/en-de/waiting-room/?{PRODUCT}"
    assert first.page().location == FORM
    assert first.ask(FORM).status == 200
    second, third = stage.crowd(2)
    assert (second.number, third.number) == (2, 3)
    assert second.poll()["ahead"] == 0 and third.poll()["ahead"] == 1
