"""Customers of a bank for tests of pages: the stand-in, whose events the tests carry over themselves."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

import pytest
import time_machine
from django.test import Client
from django.test.utils import override_settings

from reservations.actions import amending, inviting
from reservations.actions.reserving import reserve
from reservations.jobs import cashier, post_room
from reservations.models import Payment, Reservation
from reservations.queries import links
from stripe_standin.hooks import sign
from tests.actions.test_waves import NOON, deliver, release, wave_of
from tests.money import ask_for_deposit
from tests.standin import KEY, SECRET, Standin, standin
from tests.world import allotment, wish

DECLINED, ASKS = "4000000000000002", "4000002760003184"
MINUTE = timedelta(minutes=1)


@pytest.fixture(scope="module")
def bank() -> Iterator[Standin]:
    """Its webhooks go nowhere: the tests carry the events over themselves."""
    with (
        standin("http://127.0.0.1:9/", "--any-expiry", "--voucher-seconds", "9999", "--refund-seconds", "9999") as made,
        override_settings(
            STRIPE_SECRET_KEY=KEY, STRIPE_API_BASE=made.base, STRIPE_WEBHOOK_SECRETS=[SECRET, "whsec_of_old"]
        ),
    ):
        yield made


@pytest.fixture(autouse=True)
def now() -> Iterator[object]:
    with time_machine.travel(NOON, tick=False) as moment:
        yield moment


@pytest.fixture
def row(launch_data: datetime, bank: Standin) -> Reservation:
    """Held for a deposit of 5 euros."""
    ask_for_deposit(allotment().launch, "DE", 500, "EUR")
    return reserve(wish=wish(), at=NOON)


def path(row: Reservation, step: str = "", **more: object) -> str:
    page, _, key = links.reservation_path(Reservation.objects.get(pk=row.pk)).partition("?")
    return f"{page}{step}?{key}" + "".join(f"&{name}={value}" for name, value in more.items())


def press_pay(client: Client, row: Reservation) -> Payment:
    """To Stripe's page; the payment that is under way."""
    answer = client.post(path(row, "pay/"))
    payment = Payment.objects.order_by("-pk")[0]
    assert answer.status_code == 303 and answer["Location"] == payment.session_url
    return payment


def told_of(bank: Standin, payment: Payment) -> list[dict[str, Any]]:
    """The events of one payment."""
    books, session_id = bank.books(), Payment.objects.get(pk=payment.pk).session_id
    intent = next(each["payment_intent"] for each in books["checkout_sessions"] if each["id"] == session_id)
    return [
        event for event in books["events"]
        if {session_id, intent} & {event["data"]["object"].get(name) for name in ("id", "payment_intent")} - {None}
    ]  # fmt: skip


def tell(client: Client, bank: Standin, payment: Payment) -> None:
    """What Stripe has to tell of a payment arrives at the webhook, and is worked on."""
    for event in told_of(bank, payment):
        assert deliver_event(client, event) == 200
    work()


def deliver_event(client: Client, event: dict[str, Any], *, secret: str = SECRET, age: int = 0, **how: Any) -> int:
    payload = json.dumps(event).encode()
    signature = sign(secret, payload, int(time.time()) - age)
    body = how.pop("body", payload)
    headers = {"Stripe-Signature": signature, **how}
    return client.post("/stripe/webhook/", body, content_type="application/json", headers=headers).status_code


def work(at: datetime | None = None) -> None:
    post_room.work(at=at or datetime.now(NOON.tzinfo))
    cashier.work(at=at or datetime.now(NOON.tzinfo))


def status(row: Reservation) -> str:
    return Reservation.objects.get(pk=row.pk).status


def kinds(row: Reservation, state: str = "owed") -> list[str]:
    return list(row.messages.filter(state=state).order_by("pk").values_list("kind", flat=True))


def invited(row: Reservation) -> None:
    release(wave_of(1))
    deliver(NOON)
    inviting.follow(at=NOON)
    contact = amending.Contact(name="Ada", address={"street": "Lindenweg 4", "city": "Köln"})
    amending.amend_contact(reservation=row, contact=contact, at=NOON, actor="customer")
