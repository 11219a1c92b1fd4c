"""Staff and money: a part back or kept, a failed refund, a task settled, orders handed over once, and the sums."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

import pytest
import time_machine
from django.test import Client
from django.urls import reverse

from reservations.actions import handing, refunding
from reservations.actions.cancelling import cancel
from reservations.actions.reserving import reserve
from reservations.actions.tasking import open_task
from reservations.models import Event, HandOver, MoneyTask, Payment, Refund, Reservation, StripeEvent
from reservations.queries.books import find_broken
from tests.actions.test_waves import NOON, deliver, release, wave_of
from tests.desk.test_waves import client_of
from tests.money import ask_for_deposit, back, pay, seen_refund
from tests.world import AT, allotment, wish

pytestmark = [pytest.mark.django_db]
CASHIER = ("view_payment", "change_payment", "refund_payment", "view_refund", "view_moneytask", "change_moneytask")


@pytest.fixture(autouse=True)
def now() -> Iterator[object]:
    with time_machine.travel(NOON, tick=False) as moment:
        yield moment


@pytest.fixture
def row(launch_data: datetime) -> Reservation:
    """Confirmed with a deposit of 5 euros."""
    ask_for_deposit(allotment().launch, "DE", 500, "EUR")
    made = reserve(wish=wish(), at=AT)
    pay(made, AT)
    return made


def part(payment: Payment, verb: str) -> str:
    return reverse("admin:payment_part", args=[payment.pk, verb])


def failed(row: Reservation) -> Refund:
    cancel(reservation=row, at=NOON, actor="customer")
    refund = Refund.objects.get()
    told = seen_refund(refund, "failed", "expired_or_canceled_card")
    return refunding.note_refund(refund_id=refund.pk, seen=told, at=NOON, look_again_at=None)


def test_a_part_goes_back_with_a_reason_and_no_more_than_was_paid(row: Reservation) -> None:
    desk, payment = client_of("desk", *CASHIER), Payment.objects.get()
    url = part(payment, "refund")
    assert "So much is not left of it" in desk.post(url, {"amount_minor": 501, "reason": "a scratch"}).content.decode()
    assert desk.post(url, {"amount_minor": 200, "reason": ""}).status_code == 200
    assert desk.post(url, {"amount_minor": -1, "reason": "a scratch"}).status_code == 200
    assert not Refund.objects.exists()
    assert desk.post(url, {"amount_minor": 200, "reason": "a scratch"}).status_code == 302
    assert back(row) == [(200, "staff")] and Refund.objects.get().note == "a scratch"
    assert client_of("reader", "view_payment").post(url, {"amount_minor": 1, "reason": "x"}).status_code == 403
    cancel(reservation=row, at=NOON, actor="customer")
    assert back(row) == [(200, "staff"), (300, "ended")] and find_broken() == []


def test_staff_may_keep_a_part_when_they_say_why(row: Reservation) -> None:
    desk = client_of("desk", *CASHIER)
    desk.post(part(Payment.objects.get(), "keep"), {"amount_minor": 100, "reason": "sent in vain"})
    cancel(reservation=row, at=NOON, actor="staff:desk")
    assert back(row) == [(400, "ended")] and find_broken() == []
    assert Event.objects.get(action="payment.kept").reason == "sent in vain"


@pytest.mark.parametrize(("verb", "state"), [("again", "owed"), ("otherwise", "otherwise")])
def test_a_refund_that_failed_is_sent_again_or_paid_otherwise(row: Reservation, verb: str, state: str) -> None:
    desk, refund = client_of("desk", *CASHIER), failed(row)
    url = reverse("admin:refund_act", args=[refund.pk, verb])
    assert url in desk.get(reverse("admin:reservations_refund_change", args=[refund.pk])).content.decode()
    assert "Say why" in desk.post(url, {"reason": ""}).content.decode()
    desk.post(url, {"reason": "asked by phone"})
    refund.refresh_from_db()
    assert refund.state == state and not MoneyTask.objects.filter(closed_at=None).exists() and find_broken() == []
    assert refund.attempt == (2 if verb == "again" else 1)


def test_a_task_is_settled_as_it_proposes(row: Reservation) -> None:
    desk, refund = client_of("desk", *CASHIER), failed(row)
    task = MoneyTask.objects.get()
    url = reverse("admin:money_task_settle", args=[task.pk])
    assert "Send the refund again" in desk.get(url).content.decode()
    desk.post(url, {"reason": "another try"})
    refund.refresh_from_db()
    task.refresh_from_db()
    assert (refund.state, task.closed_by, task.note) == ("owed", "staff:desk", "another try")
    assert client_of("reader", "view_moneytask").post(url, {"reason": "x"}).status_code == 403


def test_what_stripe_does_not_answer_stays_open(row: Reservation) -> None:
    payment = Payment.objects.get()
    task = open_task(kind="difference", subject=f"payment:{payment.pk}", sentence="x", fix="look_again", at=NOON)
    page = client_of("desk", *CASHIER).post(
        reverse("admin:money_task_settle", args=[task.pk]), {"reason": "x"}, follow=True
    )
    assert "STRIPE_SECRET_KEY is not set" in page.content.decode()
    task.refresh_from_db()
    assert task.closed_at is None


def test_a_deposit_is_waived_with_a_reason(launch_data: datetime) -> None:
    ask_for_deposit(allotment().launch, "DE", 500, "EUR")
    held = reserve(wish=wish(), at=NOON)
    desk = client_of("desk", "view_reservation", "change_reservation")
    url = reverse("admin:reservation_act", args=[held.pk, "waive"])
    assert url in desk.get(reverse("admin:reservations_reservation_change", args=[held.pk])).content.decode()
    desk.post(url, {"reason": "our payment page was down"})
    held.refresh_from_db()
    assert (held.status, held.receipt["deposit_minor"]) == ("confirmed", 0) and find_broken() == []


def test_each_paid_order_is_in_one_export(row: Reservation) -> None:
    Reservation.objects.update(address={"street": "=cmd()", "city": "Köln"}, name="+Ada")
    release(wave_of(1))
    deliver(NOON)
    pay(Reservation.objects.get(), NOON)
    desk = client_of("desk", "view_handover", "change_handover")
    chosen = {"_selected_action": [HandOver.objects.get().pk]}
    url = reverse("admin:reservations_handover_changelist")
    exported = desk.post(url, {"action": "as_csv", **chosen}).content.decode()
    assert row.reference in exported and "'+Ada" in exported and "'=cmd(), Köln" in exported and "59900" in exported
    assert desk.post(url, {"action": "as_json", **chosen}).json() == {"orders": []}
    assert handing.export(pks=chosen["_selected_action"], at=NOON, officer=HandOver.objects.get().exported_by) == []


def test_the_sums_by_currency_are_a_table_and_bars(row: Reservation) -> None:
    page = client_of("desk", *CASHIER).get(reverse("admin:money_report")).content.decode()
    assert "<h2>EUR</h2>" in page and "EUR 5.00" in page.replace("\u00a0", " ") and 'aria-label="100.0 %"' in page
    assert client_of("nobody", "view_wave").get(reverse("admin:money_report")).status_code == 403


def test_events_can_be_worked_on_once_more(launch_data: datetime) -> None:
    StripeEvent.objects.create(id="evt_1", type="x", body="{}", received_at=NOON, state="poison", tries=12)
    desk = client_of("desk", "view_stripeevent", "change_stripeevent")
    url = reverse("admin:reservations_stripeevent_changelist")
    desk.post(url, {"action": "read_again", "_selected_action": ["evt_1"]})
    assert StripeEvent.objects.get().next_at == NOON


def test_staff_see_what_is_to_be_settled_first(row: Reservation) -> None:
    failed(row)
    assert "The refund failed" in client_of("desk", *CASHIER).get(reverse("admin:index")).content.decode()


def test_every_list_opens(row: Reservation, client: Client) -> None:
    desk = client_of("desk", *CASHIER, "view_stripeevent", "view_handover")
    for name in ("payment", "refund", "stripeevent", "moneytask", "handover"):
        assert desk.get(reverse(f"admin:reservations_{name}_changelist")).status_code == 200
    page = desk.get(reverse("admin:reservations_payment_change", args=[Payment.objects.get().pk])).content.decode()
    assert "payment.captured" in page
