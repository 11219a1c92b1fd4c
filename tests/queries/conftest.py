"""A line of customers whose books are right."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest

from reservations.actions.cancelling import cancel
from reservations.actions.notifying import ask_to_be_told
from reservations.actions.reserving import reserve
from reservations.models import Allotment, Market, Product, Reservation
from tests.world import AT, allotment, wish

LATER = AT + timedelta(minutes=1)  # after the launch data, and with them the limit, were last changed


@pytest.fixture
def line(launch_data: datetime) -> list[Reservation]:
    """One who holds the only unit, two who wait, one who cancelled, one of the sandbox, and a wish to be told."""
    Allotment.objects.filter(pk=allotment().pk).update(capacity=1)
    gone, *rest = (reserve(wish=wish(email=f"{who}@x.example"), at=LATER) for who in "abcd")
    cancel(reservation=gone, at=LATER, actor="customer")
    reserve(wish=wish(is_sandbox=True), at=LATER)
    ring, germany = Product.objects.get(slug="ring"), Market.objects.get(code="DE")
    ask_to_be_told(product=ring, market=germany, email="w@x.example", language="en", at=LATER)
    return list(Reservation.objects.filter(pk__in=[row.pk for row in rest]).order_by("place_number"))
