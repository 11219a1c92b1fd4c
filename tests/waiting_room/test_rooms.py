"""What a process knows of the rooms while the database is slow to tell."""

from __future__ import annotations

import threading

import pytest

from reservations.queries import rooms as stored
from reservations.queries.rooms import Room
from storefront import clock
from storefront.waiting_room.rooms import Rooms
from tests.waiting_room.conftest import Stage

pytestmark = pytest.mark.django_db


class SlowDatabase:
    """It tells what it told before, when it may."""

    def __init__(self) -> None:
        self.told = stored.rooms(at=clock.now())
        self.is_asked, self.may_tell = threading.Event(), threading.Event()
        self.questions = 0

    def rooms(self, **_: object) -> object:
        self.questions += 1
        self.is_asked.set()
        assert self.may_tell.wait(30)
        return self.told


@pytest.fixture
def slow(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> SlowDatabase:
    made = SlowDatabase()
    monkeypatch.setattr("storefront.waiting_room.rooms.stored.rooms", made.rooms)
    return made


def test_the_first_visitors_of_a_process_all_meet_the_room(slow: SlowDatabase) -> None:
    rooms = Rooms(fresh_seconds=1e6)
    found: list[Room | None] = []
    visitors = [threading.Thread(target=lambda: found.append(rooms.find("DE", "glasses-s1"))) for _ in range(3)]
    visitors[0].start()
    assert slow.is_asked.wait(30)
    for visitor in visitors[1:]:
        visitor.start()
        visitor.join(0.2)  # time enough to go by without a room
    slow.may_tell.set()
    for visitor in visitors:
        visitor.join(30)
    assert found == [slow.told["DE", "glasses-s1"]] * 3
    assert slow.questions == 1


def test_later_ones_do_not_wait_for_the_database(slow: SlowDatabase) -> None:
    rooms = Rooms(fresh_seconds=0)
    slow.may_tell.set()
    assert (room := rooms.find("DE", "glasses-s1")) is not None
    slow.is_asked.clear()
    slow.may_tell.clear()
    asking = threading.Thread(target=rooms.find, args=("DE", "glasses-s1"))
    asking.start()
    assert slow.is_asked.wait(30)
    assert rooms.find("DE", "glasses-s1") == room
    slow.may_tell.set()
    asking.join(30)
