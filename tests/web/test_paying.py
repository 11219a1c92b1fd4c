"""A customer pays on Stripe's page and comes back to ours; Stripe's events come in. Against the stand-in, over HTTP."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest
import time_machine
from django.test import Client

from reservations.actions import inviting, refunding
from reservations.actions.cancelling import cancel
from reservations.actions.reserving import reserve
from reservations.jobs import post_room
from reservations.models import Event, Hold, MoneyTask, Payment, Refund, Reservation, StripeEvent
from reservations.queries.books import find_broken
from tests.actions.test_waves import NOON, deliver
from tests.money import ask_for_deposit
from tests.pages import fill_in
from tests.standin import Standin
from tests.web.bank import (
    DECLINED,
    MINUTE,
    bank,
    deliver_event,
    invited,
    kinds,
    now,
    path,
    press_pay,
    row,
    status,
    tell,
    told_of,
    work,
)
from tests.world import AT, allotment, wish

__all__ = ["bank", "now", "row"]
pytestmark = [pytest.mark.django_db, pytest.mark.both_databases]


def test_the_form_says_what_the_button_obliges_to_and_then_holds_the_place(client: Client, row: Reservation) -> None:
    url = "/en-de/reserve/glasses-s1/"
    page = client.get(url)
    assert "Reserve with obligation to pay the deposit" in page.content.decode() and "5.00" in page.content.decode()
    ticks = {tick.html_name: tick.field.version for tick in page.context["form"].ticks}
    made = client.post(url, {**fill_in(client, url), **ticks, "email": "eve@x.example", "name": "Eve"})
    held = client.get(made["Location"]).content.decode()
    assert "Your place is held until 25 November 2026, 13:40 UTC+1" in held and "Pay EUR" in held.replace("\u00a0", " ")
    other = Reservation.objects.get(email="eve@x.example")
    assert (other.status, other.place_number) == ("awaiting_payment", 2) and allotment().held == 2
    assert find_broken() == []


def test_what_is_paid_confirms_by_the_event_and_not_by_the_return(
    client: Client, row: Reservation, bank: Standin
) -> None:
    payment = press_pay(client, row)
    assert bank.pay(payment.session_id) == "paid"
    back = client.get(path(row, paid=payment.pk))
    assert "We wait for word of your payment" in back.content.decode() and back["Refresh"]
    assert status(row) == "awaiting_payment"
    tell(client, bank, payment)
    page = client.get(path(row, paid=payment.pk)).content.decode()
    assert "Your payment has arrived" in page and "Your place is reserved" in page and status(row) == "confirmed"
    assert kinds(row) == ["paid"] and kinds(row, "withdrawn") == ["awaiting_payment"]
    payment.refresh_from_db()
    assert (payment.state, payment.fee_minor, bool(payment.customer_id)) == ("captured", 33, True)
    assert find_broken() == []


def test_whatever_stripe_tells_twice_or_backwards_counts_once(client: Client, row: Reservation, bank: Standin) -> None:
    payment = press_pay(client, row)
    bank.pay(payment.session_id)
    for _ in range(2):
        tell(client, bank, payment)
    assert StripeEvent.objects.filter(state="done").count() == len(told_of(bank, payment)) == 3
    assert Event.objects.filter(action="reservation.paid").count() == 1 and kinds(row) == ["paid"]


def test_two_tabs_lead_to_one_page(client: Client, row: Reservation, bank: Standin) -> None:
    assert press_pay(client, row).pk == press_pay(client, row).pk and Payment.objects.count() == 1


def test_after_a_decline_another_attempt_has_a_page_of_its_own(client: Client, row: Reservation, bank: Standin) -> None:
    first = press_pay(client, row)
    assert bank.pay(first.session_id, card=DECLINED) == "declined"
    tell(client, bank, first)
    page = client.get(path(row, paid=first.pk)).content.decode()
    assert "Your payment was declined" in page and "Pay EUR" in page.replace("\u00a0", " ")
    second = press_pay(client, row)
    assert (second.attempt, second.session_id != first.session_id) == (2, True)
    first.refresh_from_db()
    assert first.state == "ended"
    bank.pay(second.session_id)
    tell(client, bank, second)
    assert status(row) == "confirmed" and find_broken() == []


def test_a_decline_is_told_by_any_way_back_and_not_of_a_place_that_is_gone(
    client: Client, row: Reservation, bank: Standin
) -> None:
    declined = press_pay(client, row)
    bank.pay(declined.session_id, card=DECLINED)
    tell(client, bank, declined)
    assert "Your payment was declined" in client.get(path(row)).content.decode()
    cancel(reservation=row, at=NOON + MINUTE, actor="customer")
    for way in (path(row), path(row, paid=declined.pk)):
        assert "Your payment was declined" not in client.get(way).content.decode()


def test_a_place_is_let_go_once_its_page_is_closed_and_goes_to_the_next(
    client: Client, row: Reservation, bank: Standin, now: time_machine.Traveller
) -> None:
    payment = press_pay(client, row)
    now.move_to(NOON + 29 * MINUTE)
    work()
    assert status(row) == "awaiting_payment"
    now.move_to(NOON + 30 * MINUTE)
    late = client.post(path(row, "pay/"))
    assert late.status_code == 409 and "The time has passed." in late.content.decode()
    work()
    payment.refresh_from_db()
    assert (status(row), payment.state) == ("expired", "ended") and allotment().held == 0
    assert kinds(row) == ["unpaid"]
    page = client.get(path(row)).content.decode()
    assert "Your place was let go" in page and "Nothing was charged." in page
    sessions = {each["id"]: each["status"] for each in bank.books()["checkout_sessions"]}
    assert sessions[payment.session_id] == "expired" and find_broken() == []


def test_what_was_paid_in_the_last_moment_counts_though_no_event_came(
    client: Client, row: Reservation, bank: Standin, now: time_machine.Traveller
) -> None:
    payment = press_pay(client, row)
    bank.pay(payment.session_id)
    now.move_to(NOON + 31 * MINUTE)
    work()
    assert status(row) == "confirmed" and find_broken() == []


def test_a_place_is_kept_while_the_bank_is_at_work(
    client: Client, row: Reservation, bank: Standin, now: time_machine.Traveller
) -> None:
    payment = press_pay(client, row)
    assert bank.pay(payment.session_id, method="voucher") == "processing"
    tell(client, bank, payment)
    now.move_to(NOON + timedelta(days=2))
    work()
    page = client.get(path(row, paid=payment.pk)).content.decode()
    assert status(row) == "awaiting_payment" and "Your bank is at work" in page and "Pay EUR" not in page
    bank.ask(f"sessions/{payment.session_id}/voucher", result="succeeded")
    tell(client, bank, payment)
    assert status(row) == "confirmed" and find_broken() == []


def test_a_voucher_that_nobody_pays_lets_the_place_go(
    client: Client, row: Reservation, bank: Standin, now: time_machine.Traveller
) -> None:
    payment = press_pay(client, row)
    bank.pay(payment.session_id, method="voucher")
    tell(client, bank, payment)
    now.move_to(NOON + timedelta(days=3))
    bank.ask(f"sessions/{payment.session_id}/voucher", result="failed")
    tell(client, bank, payment)
    work()
    assert status(row) == "expired" and Payment.objects.get().state == "ended" and find_broken() == []


def test_money_that_comes_after_a_cancellation_goes_back_by_itself(
    client: Client, row: Reservation, bank: Standin
) -> None:
    payment = press_pay(client, row)
    bank.pay(payment.session_id)
    cancel(reservation=row, at=NOON, actor="customer")
    tell(client, bank, payment)
    work()
    refund = Refund.objects.get()
    assert (refund.state, refund.reason, refund.amount_minor) == ("succeeded", "late", 500)
    assert bank.books()["refunds"][-1]["metadata"] == {"refund": str(refund.pk)}
    page = client.get(path(row)).content.decode()
    assert "Sent back to you" in page and "Nothing was charged." not in page and find_broken() == []


def test_who_cancels_reads_before_that_the_deposit_goes_back(client: Client, row: Reservation, bank: Standin) -> None:
    payment = press_pay(client, row)
    bank.pay(payment.session_id)
    tell(client, bank, payment)
    asked = client.get(path(row, cancel=1)).content.decode().replace("\u00a0", " ")
    assert "EUR 5.00 goes back to how you paid it." in asked
    client.post(path(row, "cancel/"))
    work()
    assert kinds(row) == ["cancelled", "refund"] and Refund.objects.get().state == "succeeded"
    assert find_broken() == []


def test_a_refund_that_fails_later_asks_staff_and_tells_the_customer(
    client: Client, row: Reservation, bank: Standin
) -> None:
    payment = press_pay(client, row)
    bank.pay(payment.session_id, card="4000000000005126")
    tell(client, bank, payment)
    cancel(reservation=row, at=NOON, actor="customer")
    work()
    refund = Refund.objects.get()
    assert refund.state == "pending"
    bank.ask(f"refunds/{refund.stripe_id}", status="failed")
    deliver_event(client, bank.books()["events"][-1])
    work()
    refund.refresh_from_db()
    assert (refund.state, refund.failure) == ("failed", "expired_or_canceled_card")
    assert MoneyTask.objects.get(closed_at=None).kind == "refund_failed" and kinds(row)[-1] == "refund_failed"
    assert "Came back to us; we are on it" in client.get(path(row)).content.decode() and find_broken() == []


def test_an_invited_customer_pays_the_rest_and_has_ordered(client: Client, row: Reservation, bank: Standin) -> None:
    deposit = press_pay(client, row)
    bank.pay(deposit.session_id)
    tell(client, bank, deposit)
    invited(row)
    page = client.get(path(row)).content.decode()
    assert "Order with obligation to pay" in page and "Deposit, already paid" in page
    balance = press_pay(client, row)
    assert (balance.purpose, balance.amount_minor) == ("balance", row.receipt["total_minor"] - 500)
    assert status(row) == "invited"
    saved = [each for each in bank.books()["checkout_sessions"] if each["id"] == balance.session_id]
    deposit.refresh_from_db()
    assert saved[0]["customer"] == deposit.customer_id
    bank.pay(balance.session_id)
    tell(client, bank, balance)
    kept = Reservation.objects.get()
    assert kept.status == "converted" and kept.hand_over.order["address"] == {"street": "Lindenweg 4", "city": "Köln"}
    assert [each["purpose"] for each in kept.hand_over.order["payments"]] == ["deposit", "balance"]
    cancel(reservation=row, at=NOON, actor="customer")
    work()
    assert sorted(Refund.objects.values_list("amount_minor", "state")) == [
        (500, "succeeded"), (row.receipt["total_minor"] - 500, "succeeded")
    ]  # fmt: skip
    assert find_broken() == []


def test_a_customer_who_was_deleted_at_stripe_pays_all_the_same(
    client: Client, row: Reservation, bank: Standin
) -> None:
    deposit = press_pay(client, row)
    bank.pay(deposit.session_id)
    tell(client, bank, deposit)
    deposit.refresh_from_db()
    bank.ask(f"customers/{deposit.customer_id}/delete", really=True)
    invited(row)
    balance = press_pay(client, row)
    assert balance.attempt == 2 and balance.state == "open"
    bank.pay(balance.session_id)
    tell(client, bank, balance)
    assert status(row) == "converted" and find_broken() == []


def test_nobody_lapses_whose_payment_is_under_way(
    client: Client, row: Reservation, bank: Standin, now: time_machine.Traveller
) -> None:
    deposit = press_pay(client, row)
    bank.pay(deposit.session_id)
    tell(client, bank, deposit)
    invited(row)
    for hour in (36, 48):
        inviting.follow(at=NOON + timedelta(hours=hour))
        deliver(NOON + timedelta(hours=hour))
    now.move_to(NOON + timedelta(hours=71))
    balance = press_pay(client, row)
    bank.pay(balance.session_id, method="voucher")
    tell(client, bank, balance)
    late = NOON + timedelta(hours=90)
    inviting.follow(at=late)
    work(late)
    assert status(row) == "invited"
    bank.ask(f"sessions/{balance.session_id}/voucher", result="failed")
    tell(client, bank, balance)
    inviting.follow(at=late)
    work(late)
    assert status(row) == "expired" and Refund.objects.get().amount_minor == 500 and find_broken() == []


def test_a_dispute_puts_it_on_hold_and_asks_staff(client: Client, row: Reservation, bank: Standin) -> None:
    payment = press_pay(client, row)
    bank.pay(payment.session_id, card="4000000000000259")
    tell(client, bank, payment)
    payment.refresh_from_db()
    for event in bank.books()["events"][-4:]:
        deliver_event(client, event)
    work()
    assert Hold.objects.get().code == "bank" and MoneyTask.objects.get().kind == "dispute"
    assert "The bank asks about the payment" in client.get(path(row)).content.decode()
    dispute = bank.books()["disputes"][-1]
    bank.ask(f"disputes/{dispute['id']}", status="won")
    deliver_event(client, bank.books()["events"][-1])
    work()
    assert Hold.objects.get().released_at and MoneyTask.objects.get().closed_at and find_broken() == []


def test_a_refund_made_at_stripe_is_put_into_our_books(client: Client, row: Reservation, bank: Standin) -> None:
    payment = press_pay(client, row)
    bank.pay(payment.session_id)
    tell(client, bank, payment)
    payment.refresh_from_db()
    bank.ask(f"intents/{payment.intent_id}/refund", amount=200)
    for event in bank.books()["events"][-2:]:
        deliver_event(client, event)
    work()
    refund = Refund.objects.get()
    assert (refund.reason, refund.amount_minor, refund.state) == ("at_stripe", 200, "succeeded")
    assert find_broken() == []


def test_while_stripe_is_away_nothing_is_charged_and_the_place_is_kept(
    client: Client, row: Reservation, bank: Standin
) -> None:
    bank.ask("unreachable", seconds=60)
    try:
        answer = client.post(path(row, "pay/"))
        assert answer.status_code == 503 and "Please try again in a moment" in answer.content.decode()
        assert Payment.objects.get().state == "begun" and status(row) == "awaiting_payment"
        work(NOON + 45 * MINUTE)  # the hold is over; nobody knows whether there is a page
        assert status(row) == "awaiting_payment"
    finally:
        bank.ask("unreachable", seconds=0)
    press_pay(client, row)
    assert Payment.objects.count() == 1


def test_a_currency_that_the_account_has_not_is_our_fault_and_not_the_customers(
    client: Client, launch_data: datetime, bank: Standin
) -> None:
    row = reserve(wish=wish(), at=NOON)
    Reservation.objects.filter(pk=row.pk).update(
        status="confirmed", currency="XPF", receipt={**row.receipt, "currency": "XPF"}
    )
    invited(row)
    answer = client.post(path(row, "pay/"))
    assert answer.status_code == 409 and "It is our fault, not yours" in answer.content.decode()
    assert MoneyTask.objects.get().kind == "refused" and status(row) == "invited"


def test_nothing_of_the_price_is_taken_from_the_browser(client: Client, row: Reservation, bank: Standin) -> None:
    client.post(path(row, "pay/"), {"amount": "1", "currency": "JPY", "purpose": "balance"})
    payment = Payment.objects.get()
    assert (payment.amount_minor, payment.currency, payment.purpose) == (500, "EUR", "deposit")


def test_a_partner_may_hold_for_longer_and_its_customer_is_written_to_at_once(
    launch_data: datetime, bank: Standin
) -> None:
    ask_for_deposit(allotment().launch, "DE", 500, "EUR")
    row = reserve(wish=wish(), at=AT)
    assert row.expires_at == AT + 30 * MINUTE
    assert row.messages.get().due_at == AT + 10 * MINUTE


def test_a_page_of_another_amount_is_closed_for_a_fresh_one(client: Client, row: Reservation, bank: Standin) -> None:
    """Staff gave a part of the deposit back while the page of the balance was open."""
    deposit = press_pay(client, row)
    bank.pay(deposit.session_id)
    tell(client, bank, deposit)
    invited(row)
    first = press_pay(client, row)
    refunding.refund_in_part(
        payment=Payment.objects.get(pk=deposit.pk), amount_minor=200, at=NOON, actor="staff:grace", reason="a scratch"
    )
    second = press_pay(client, row)
    assert (second.attempt, second.amount_minor) == (2, first.amount_minor + 200)
    bank.pay(second.session_id)
    tell(client, bank, second)
    assert status(row) == "converted" and find_broken() == []


def test_a_late_word_of_a_failed_refund_does_not_stop_the_next_one(
    client: Client, row: Reservation, bank: Standin
) -> None:
    payment = press_pay(client, row)
    bank.pay(payment.session_id, card="4000000000005126")
    tell(client, bank, payment)
    cancel(reservation=row, at=NOON, actor="customer")
    work()
    first = Refund.objects.get()
    bank.ask(f"refunds/{first.stripe_id}", status="failed")
    late = bank.books()["events"][-1]
    deliver_event(client, late)
    work()
    refunding.send_again(refund=first, at=NOON, actor="staff:grace", reason="asked by phone")
    deliver_event(client, {**late, "id": "evt_once_more"})
    post_room.work(at=NOON)
    assert Refund.objects.get().state == "owed"
    work()
    assert Refund.objects.get().stripe_id not in ("", first.stripe_id)
