"""What Stripe says of attempts that we have given up."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest

from reservations.actions import paying
from reservations.actions.reserving import reserve
from reservations.models import Payment, Reservation
from reservations.queries.books import find_broken
from tests.money import ask_for_deposit, back, settle
from tests.world import AT, allotment, wish

pytestmark = [pytest.mark.django_db, pytest.mark.both_databases]


@pytest.fixture
def row(launch_data: datetime) -> Reservation:
    ask_for_deposit(allotment().launch, "DE", 500, "EUR")
    return reserve(wish=wish(), at=AT)


def begin(row: Reservation) -> Payment:
    return paying.begin(reservation=row, at=AT, actor="customer")


@pytest.mark.parametrize("told", [{"declined": "generic_decline"}, {"is_open": False, "is_processing": True}])
def test_an_attempt_that_was_given_up_is_not_taken_up_again_beside_another(row: Reservation, told: Any) -> None:
    first = begin(row)
    paying.give_up(payment=first, at=AT, reason="nobody has its address")
    second = begin(row)
    assert settle(first, AT, **told).state == "ended"
    assert settle(second, AT, is_paid=True).state == "captured"
    assert settle(first, AT + timedelta(minutes=1), is_paid=True).state == "captured"
    assert back(row) == [(500, "duplicate")] and find_broken() == []


def test_alone_it_goes_on_where_stripe_says_so(row: Reservation) -> None:
    first = begin(row)
    paying.give_up(payment=first, at=AT, reason="nobody has its address")
    assert settle(first, AT, is_open=False, is_processing=True).state == "processing"
    assert begin(row).pk == first.pk and find_broken() == []
