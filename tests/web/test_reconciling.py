"""Both books are compared: what differs becomes a task, and what it proposes mends it."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.test import Client
from django.urls import reverse

from reservations.gateways.stripe import Unreachable
from reservations.jobs.reconciling import Reconciled, reconcile
from reservations.models import Event, Hold, MoneyTask, Payment, Refund, Reservation
from reservations.queries.books import find_broken
from tests.actions.test_waves import NOON
from tests.desk.test_waves import client_of
from tests.standin import Standin
from tests.web.bank import bank, now, press_pay, row, status, tell

__all__ = ["bank", "now", "row"]
pytestmark = [pytest.mark.django_db]
LATER = NOON + timedelta(days=30)


def compare() -> list[str]:
    """The subjects that differ and are open, of payments of this test; others of the same stand-in are not."""
    reconcile(at=LATER)
    mine = {f"payment:{payment.pk}" for payment in Payment.objects.all()}
    return [
        task.subject for task in MoneyTask.objects.filter(kind="difference", closed_at=None) if task.subject in mine
    ]


def settle(task: MoneyTask) -> None:
    desk = client_of("desk", "view_moneytask", "change_moneytask")
    desk.post(reverse("admin:money_task_settle", args=[task.pk]), {"reason": "compared by hand"})


def paid(client: Client, row: Reservation, bank: Standin) -> Payment:
    payment = press_pay(client, row)
    bank.pay(payment.session_id)
    tell(client, bank, payment)
    return Payment.objects.get(pk=payment.pk)


def test_books_that_agree_open_no_task(client: Client, row: Reservation, bank: Standin) -> None:
    paid(client, row, bank)
    assert compare() == [] and Event.objects.filter(action="money.reconciled").count() == 1


def test_money_whose_events_were_all_lost_is_found_and_carried_over(
    client: Client, row: Reservation, bank: Standin
) -> None:
    payment = press_pay(client, row)
    bank.pay(payment.session_id)
    assert compare() == [f"payment:{payment.pk}"] and status(row) == "awaiting_payment"
    settle(MoneyTask.objects.get(subject=f"payment:{payment.pk}"))
    assert status(row) == "confirmed" and compare() == [] and find_broken() == []


def test_a_refund_whose_event_was_lost_is_found_and_carried_over(
    client: Client, row: Reservation, bank: Standin
) -> None:
    payment = paid(client, row, bank)
    bank.ask(f"intents/{payment.intent_id}/refund", amount=200)
    assert compare() == [f"payment:{payment.pk}"]
    settle(MoneyTask.objects.get(subject=f"payment:{payment.pk}"))
    assert Refund.objects.get().amount_minor == 200 and compare() == [] and find_broken() == []


def test_a_dispute_whose_event_was_lost_is_found(client: Client, row: Reservation, bank: Standin) -> None:
    payment = paid(client, row, bank)
    bank.ask(f"intents/{payment.intent_id}/dispute", really=True)
    compare()
    assert Hold.objects.get().code == "bank" and MoneyTask.objects.filter(kind="dispute").count() == 1


def test_money_that_nothing_of_ours_asked_for_is_given_back_by_a_person(launch_data: object, bank: Standin) -> None:
    intent = bank.payment_of_another_shop({})
    reconcile(at=LATER)
    task = MoneyTask.objects.get(subject=f"intent:{intent}")
    assert task.fix == "refund_at_stripe" and "EUR" in task.sentence
    settle(task)
    charge = next(each for each in bank.books()["charges"] if each["payment_intent"] == intent)
    assert charge["refunded"] is True


def test_while_stripe_is_away_nothing_is_said_of_either_book(row: Reservation, bank: Standin) -> None:
    bank.ask("unreachable", seconds=60)
    try:
        with pytest.raises(Unreachable):
            reconcile(at=LATER)
    finally:
        bank.ask("unreachable", seconds=0)
    assert not MoneyTask.objects.exists() and not Event.objects.filter(action="money.reconciled").exists()


def test_the_numbers_are_kept_for_staff(row: Reservation, bank: Standin) -> None:
    done = reconcile(at=LATER)
    assert isinstance(done, Reconciled)
    assert Event.objects.get(action="money.reconciled").facts == vars(done)
