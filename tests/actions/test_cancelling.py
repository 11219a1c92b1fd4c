"""Cancelling frees the place once and gives it to whoever waits first."""

from __future__ import annotations

from datetime import datetime

import pytest

from reservations.actions.cancelling import cancel
from reservations.actions.reserving import reserve
from reservations.models import Event, Message, Reservation
from reservations.rules import lifecycle
from tests.world import AT, allotment, wish

pytestmark = [pytest.mark.django_db, pytest.mark.both_databases]


def test_a_cancelled_reservation_frees_its_units_and_the_customers_limit(launch_data: datetime) -> None:
    made = reserve(wish=wish(quantity=2), at=AT)
    cancel(reservation=made, at=AT, actor="customer")
    assert allotment().held == 0
    assert reserve(wish=wish(quantity=2), at=AT).place_number == 2


def test_a_second_cancel_changes_nothing(launch_data: datetime) -> None:
    made = reserve(wish=wish(), at=AT)
    cancel(reservation=made, at=AT, actor="customer")
    events, messages = Event.objects.count(), Message.objects.count()
    assert cancel(reservation=made, at=AT, actor="customer").status == lifecycle.CANCELLED
    assert (Event.objects.count(), Message.objects.count(), allotment().held) == (events, messages, 0)


def test_the_first_who_waits_is_promoted_with_one_message(launch_data: datetime) -> None:
    pool = allotment()
    pool.capacity = 1
    pool.save()
    held, first, second = (reserve(wish=wish(email=f"{who}@x.example"), at=AT) for who in "abc")
    cancel(reservation=held, at=AT, actor="customer")
    rows = {row.pk: row for row in Reservation.objects.all()}
    assert rows[first.pk].status == lifecycle.CONFIRMED and rows[first.pk].place_number == 2
    assert rows[second.pk].status == lifecycle.WAITLISTED
    assert [message.kind for message in first.messages.order_by("id")] == ["waitlisted", "promoted"]
    pool.refresh_from_db()
    assert (pool.held, pool.waiting) == (1, 1)


def test_a_large_entry_at_the_head_is_not_overtaken_by_a_small_one(launch_data: datetime) -> None:
    pool = allotment()
    pool.capacity = 1
    pool.save()
    held = reserve(wish=wish(email="a@x.example"), at=AT)
    large = reserve(wish=wish(email="b@x.example", quantity=2), at=AT)
    small = reserve(wish=wish(email="c@x.example"), at=AT)
    cancel(reservation=held, at=AT, actor="customer")
    assert set(Reservation.objects.filter(pk__in=[large.pk, small.pk]).values_list("status", flat=True)) == {
        "waitlisted"
    }
    cancel(reservation=large, at=AT, actor="customer")
    assert Reservation.objects.get(pk=small.pk).status == lifecycle.CONFIRMED
