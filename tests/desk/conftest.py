"""Staff signed in, with a reservation and a wish to look at, and forms filled in as a browser sends them."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

import pytest
import time_machine
from django.contrib.auth.models import User
from django.test import Client

from reservations.actions.notifying import ask_to_be_told
from reservations.actions.reserving import reserve
from reservations.models import Market, Product
from tests.world import AT, wish


@pytest.fixture(autouse=True)
def at_noon() -> Iterator[None]:
    with time_machine.travel(AT, tick=False):
        yield


@pytest.fixture
def staff(client: Client, launch_data: datetime) -> Client:
    client.force_login(User.objects.create_superuser("grace", password="a-long-password"))
    reserve(wish=wish(), at=AT)
    ask_to_be_told(
        product=Product.objects.get(slug="ring"),
        market=Market.objects.get(code="DE"),
        email="a@x.example",
        language="en",
        at=AT,
    )
    return client
