"""Who is let in, when, and in which order."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from datetime import timedelta

import pytest

from tests.waiting_room.conftest import FORM, OPENS, PRODUCT, Stage

pytestmark = pytest.mark.django_db


def test_the_first_goes_on_at_once_and_the_next_wait_in_the_order_of_arrival(stage: Stage) -> None:
    first = stage.visitor()
    assert first.ask(FORM).location == f"/en-de/waiting-room/?{PRODUCT}"
    assert first.page().location == FORM
    assert first.ask(FORM).status == 200
    second, third = stage.crowd(2)
    assert (second.number, third.number) == (2, 3)
    assert second.poll()["ahead"] == 0 and third.poll()["ahead"] == 1


def test_so_many_are_let_in_a_minute_as_staff_say(stage: Stage) -> None:
    crowd = stage.crowd(200)
    for _ in range(60):
        stage.go(1)
        for visitor in crowd[:80]:
            visitor.poll()
    assert [each.poll()["state"] for each in crowd] == ["admitted"] * 61 + ["waiting"] * 139
    stage.set(admission_per_minute=600)
    stage.go(2)
    assert sum(each.poll()["state"] == "admitted" for each in crowd) == 81


def test_zero_lets_nobody_in_and_says_so(stage: Stage) -> None:
    stage.set(admission_per_minute=0)
    (visitor,) = stage.crowd(1)
    stage.go(15)
    assert visitor.poll()["state"] == "waiting" and "Nobody is let in at the moment" in visitor.page().text
    stage.set(admission_per_minute=60)
    stage.go(2)
    assert visitor.poll()["state"] == "admitted"


def test_quiet_minutes_are_not_saved_up_for_a_rush(stage: Stage) -> None:
    stage.visitor().page()
    stage.go(600)
    states = [visitor.page().status for visitor in [stage.visitor() for _ in range(10)]]
    assert states == [303] * 3 + [200] * 7


def test_those_who_left_are_passed_over_and_cost_nobody_a_turn(stage: Stage) -> None:
    crowd = stage.crowd(50)
    gone, last = crowd[1:49], crowd[49]
    for _ in range(5):
        stage.go(13)
        last.poll()
    assert all(each.cookies.keys() == {"ticket-glasses-2026-1"} for each in gone)
    assert last.poll()["state"] == "admitted"


def test_who_comes_back_after_being_passed_over_is_let_in_at_once(stage: Stage) -> None:
    _first, away, *others = stage.crowd(20)
    for _ in range(14):
        stage.go(5)
        for visitor in others:
            visitor.poll()
    late = stage.visitor()
    late.page()
    states = [others[-1].poll()["state"], late.poll()["state"]]
    assert away.page().location == FORM and away.ask(FORM).status == 200
    assert states[0] == "admitted" or states[1] == "waiting"


def test_the_room_may_be_entered_ten_minutes_before_and_nobody_is_let_in_before_the_instant(stage: Stage) -> None:
    stage.open_at(OPENS + timedelta(minutes=11))
    early = stage.visitor()
    assert early.page().location == FORM and early.cookies.keys().isdisjoint({"ticket-glasses-2026-1"})
    stage.go(61)
    assert "Go in and wait for the opening" in early.ask(FORM).text
    crowd = stage.crowd(5)
    assert [each.poll()["state"] for each in crowd] == ["before"] * 5
    assert [each.number for each in crowd] == [1, 2, 3, 4, 5]
    for _ in range(59):
        stage.go(10)
        states = {each.poll()["state"] for each in crowd}
    stage.go(8.9)
    assert {each.poll()["state"] for each in crowd} == states == {"before"}
    stage.go(0.1)
    assert [each.poll()["state"] for each in crowd] == ["admitted"] + ["waiting"] * 4
    stage.go(3)
    assert [each.poll()["state"] for each in crowd] == ["admitted"] * 4 + ["waiting"]


def test_those_in_the_room_ask_again_right_after_the_opening(stage: Stage) -> None:
    stage.open_at(OPENS + timedelta(seconds=5))
    (visitor,) = stage.crowd(1)
    stage.go(4.5)
    assert 500 < visitor.poll()["poll_ms"] <= 2250


def test_a_place_is_kept_when_the_opening_is_moved(stage: Stage) -> None:
    stage.open_at(OPENS + timedelta(minutes=5))
    crowd = stage.crowd(3)
    stage.open_at(OPENS + timedelta(minutes=9))
    assert [each.number for each in crowd] == [1, 2, 3]


def test_the_wait_is_told_as_a_range_once_it_can_be_measured(stage: Stage) -> None:
    crowd = stage.crowd(400)
    assert "cannot tell yet" in crowd[-1].poll()["wait_words"]
    for _ in range(60):
        stage.go(1)
        for visitor in crowd[:80]:
            visitor.poll()
    facts = crowd[-1].poll()
    assert facts["wait_words"] == "Expected wait: between 4 and 8 minutes."
    assert facts["ahead_words"] == f"At most {facts['ahead']} people are ahead of you."


def test_a_redis_that_forgot_everything_gets_the_places_back_from_the_tickets(stage: Stage) -> None:
    crowd = stage.crowd(10)
    stage.client.delete(*stage.queue().keys)
    newcomer = stage.visitor()
    newcomer.page()
    assert [each.number for each in crowd[1:]] == list(range(2, 11))
    assert newcomer.number == 11
    stage.go(15)
    assert [each.poll()["state"] for each in (*crowd[1:], newcomer)] == ["admitted"] * 3 + ["waiting"] * 7


def test_while_redis_was_away_nobody_could_say_that_he_is_there(stage: Stage) -> None:
    crowd = stage.crowd(10)
    stage.go(120)
    assert crowd[9].poll()["state"] == "waiting"
    stage.go(10)
    assert {each.poll()["state"] for each in crowd[1:]} == {"waiting"}
    stage.go(5)
    assert [each.poll()["state"] for each in crowd[1:]] == ["admitted"] * 3 + ["waiting"] * 6


def test_arrivals_in_four_processes_get_numbers_of_their_own(stage: Stage) -> None:
    program = (
        "import json, os, sys, django; os.environ.setdefault('DJANGO_SETTINGS_MODULE', 'storefront.settings');"
        "django.setup();"
        "from datetime import datetime, UTC; from reservations.queries.rooms import Room;"
        "from storefront.waiting_room.queue import Queue, connect;"
        "at = datetime(2026, 1, 1, tzinfo=UTC);"
        "room = Room(launch='l', opening=1, opens_at=at, closes_at=None, per_minute=60, draws_at=None, is_drawn=False);"
        "queue = Queue(sys.argv[1], connect());"
        "print(json.dumps([queue.join(room).place for _ in range(500)]))"
    )
    command = [sys.executable, "-c", program, f"four-{stage.world}"]
    running = [subprocess.Popen(command, stdout=subprocess.PIPE, env=dict(os.environ)) for _ in range(4)]
    found = [place for each in running for place in json.loads(each.communicate()[0])]
    assert sorted(found) == list(range(1, 2001))
    keys = list(stage.client.scan_iter(match=f"room:*four-{stage.world}*"))
    stage.client.delete(*keys)
