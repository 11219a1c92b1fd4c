"""Stripe's events arrive: only those that Stripe signed, each once, whatever they are about."""

from __future__ import annotations

import gzip
import json
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client

from reservations.jobs import post_room
from reservations.models import Message, MoneyTask, Payment, Refund, Reservation, StripeEvent
from tests.actions.test_waves import NOON
from tests.standin import Standin
from tests.web.bank import bank, deliver_event, now, press_pay, row, status, tell, work

__all__ = ["bank", "now", "row"]
pytestmark = [pytest.mark.django_db, pytest.mark.both_databases]


def an_event(bank: Standin, client: Client, row: Reservation) -> dict[str, Any]:
    payment = press_pay(client, row)
    bank.pay(payment.session_id)
    return bank.books()["events"][-1]


@pytest.mark.parametrize(
    "how",
    [
        {"secret": "whsec_of_somebody"},
        {"age": 301},
        {"body": b"{}"},
        {"body": b"\xff\xfe"},
        {"Stripe-Signature": ""},
        {"Stripe-Signature": "t=1,v1=00"},
    ],
    ids=["forged", "old", "other", "bytes", "unsigned", "broken"],
)
def test_an_event_that_is_not_stripes_is_not_kept(
    client: Client, row: Reservation, bank: Standin, how: dict[str, Any]
) -> None:
    assert deliver_event(client, an_event(bank, client, row), **how) == 400
    assert not StripeEvent.objects.exists() and status(row) == "awaiting_payment"


def test_an_event_that_was_packed_or_written_anew_is_refused(client: Client, row: Reservation, bank: Standin) -> None:
    event = an_event(bank, client, row)
    assert deliver_event(client, event, body=gzip.compress(json.dumps(event).encode())) == 400
    assert deliver_event(client, event, body=json.dumps(event, indent=1).encode()) == 400
    assert not StripeEvent.objects.exists()


def test_the_old_secret_still_counts_while_it_is_replaced(client: Client, row: Reservation, bank: Standin) -> None:
    assert deliver_event(client, an_event(bank, client, row), secret="whsec_of_old") == 200


def test_an_event_of_nothing_we_know_is_kept_and_in_the_end_shown_to_staff(
    client: Client, row: Reservation, bank: Standin
) -> None:
    event = an_event(bank, client, row)
    event["id"], event["data"]["object"]["metadata"] = "evt_foreign", {"payment": "999999999"}
    event["data"]["object"] |= {"id": "cs_foreign", "payment_intent": None}
    assert deliver_event(client, event) == 200
    for hour in range(14):
        post_room.work(at=NOON + timedelta(hours=2 * hour))
    kept = StripeEvent.objects.get(pk="evt_foreign")
    assert kept.state == "poison" and MoneyTask.objects.get().kind == "poison_event"
    assert Message.objects.filter(kind="paid").count() == 0


def test_a_long_event_is_taken_as_well(client: Client, row: Reservation, bank: Standin) -> None:
    event = an_event(bank, client, row)
    event["data"]["object"]["description"] = "x" * 300_000
    assert deliver_event(client, event) == 200 and StripeEvent.objects.count() == 1
    event["data"]["object"]["description"] = "x" * 1_100_000
    assert deliver_event(client, event) == 413


def test_an_event_of_another_shop_of_the_account_moves_nothing_here(
    client: Client, row: Reservation, bank: Standin
) -> None:
    """It has a payment of the same number, and another reservation."""
    mine = press_pay(client, row)
    Payment.objects.filter(pk=mine.pk).update(session_id="", state="begun")
    bank.pay(mine.session_id)
    event = bank.books()["events"][-1]
    assert event["type"] == "checkout.session.completed"
    event["data"]["object"]["metadata"] = {"payment": str(mine.pk), "reservation": "QW-0000-0000"}
    event["data"]["object"] |= {"id": "cs_foreign", "payment_intent": None}
    deliver_event(client, event)
    work()
    assert StripeEvent.objects.get().state == "waiting" and status(row) == "awaiting_payment"


def test_a_refund_of_another_shop_of_the_account_is_none_of_ours(
    client: Client, row: Reservation, bank: Standin
) -> None:
    payment = press_pay(client, row)
    bank.pay(payment.session_id)
    tell(client, bank, payment)
    payment.refresh_from_db()
    ours = Refund.objects.create(payment=payment, number=1, amount_minor=100, reason="staff", owed_at=NOON)
    intent = bank.payment_of_another_shop({"payment": str(payment.pk), "reservation": "QW-0000-0000"})
    bank.ask(f"intents/{intent}/refund", amount=1, metadata={"refund": str(ours.pk)})
    deliver_event(client, next(each for each in reversed(bank.books()["events"]) if each["type"] == "refund.created"))
    work()
    ours.refresh_from_db()
    assert (ours.state, ours.stripe_id) == ("owed", "")
