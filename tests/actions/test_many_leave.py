"""1,000 of 10,000 leave at once: exactly the first 1,000 who wait are promoted, in order, each told once."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest

from reservations.actions.asks import Ask
from reservations.actions.cancelling import end_many
from reservations.actions.claiming import claim
from reservations.models import Allotment, Event, Message, Reservation
from reservations.queries.books import find_broken
from tests.world import AT, allotment, wish

pytestmark = [pytest.mark.django_db]
CONFIRMED, WAITING, LEAVING, TOGETHER = 10_000, 5_000, 1_000, 1_000


def test_the_first_who_wait_follow_those_who_leave(launch_data: datetime) -> None:
    Allotment.objects.filter(pk=allotment().pk).update(capacity=CONFIRMED)
    given = vars(wish())
    for begin in range(0, CONFIRMED + WAITING, TOGETHER):
        claim([Ask(wish(**given | {"email": f"c{begin + n}@x.example"}), AT) for n in range(TOGETHER)])
    held = Reservation.objects.filter(status="confirmed").order_by("place_number")
    first = list(held.filter(status="confirmed").values_list("pk", flat=True)[: LEAVING * 2 : 2])
    waiting = Reservation.objects.filter(status="waitlisted").order_by("place_number")
    next_ones = list(waiting.values_list("pk", flat=True)[:LEAVING])
    for begin in range(0, LEAVING, 250):
        end_many(
            pks=first[begin : begin + 250],
            at=AT + timedelta(hours=1),
            actor="staff:grace",
            reason="the shop has closed",
        )
    promoted = (
        Event.objects.filter(action="reservation.promoted").order_by("id").values_list("reservation_id", flat=True)
    )
    assert list(promoted) == next_ones
    assert Reservation.objects.filter(status="waitlisted").count() == WAITING - LEAVING
    assert list(
        Message.objects.filter(kind="promoted").order_by("reservation_id").values_list("reservation_id", flat=True)
    ) == sorted(next_ones)
    assert Message.objects.filter(kind="cancelled").count() == LEAVING
    assert find_broken() == []
