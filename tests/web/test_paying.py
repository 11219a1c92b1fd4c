"""A customer pays on Stripe's page and comes back to ours; Stripe's events come in. Against the stand-in, over HTTP."""

from __future__ import annotations

import gzip
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
from reservations.actions.cancelling import cancel
from reservations.actions.reserving import reserve
from reservations.jobs import cashier, post_room
from reservations.models import Event, Hold, Message, MoneyTask, Payment, Refund, Reservation, StripeEvent
from reservations.queries import links
from reservations.queries.books import find_broken
from stripe_standin.hooks import sign
from tests.actions.test_waves import NOON, deliver, release, wave_of
from tests.money import ask_for_deposit
from tests.pages import fill_in
from tests.standin import KEY, SECRET, Standin, standin
from tests.world import AT, allotment, wish

pytestmark = [pytest.mark.django_db, pytest.mark.both_databases]
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
    assert "EUR 5.00 goes back to how you paid it, in full." in asked or "€5.00 goes back" in asked
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


def invited(row: Reservation) -> None:
    release(wave_of(1))
    deliver(NOON)
    inviting.follow(at=NOON)
    contact = amending.Contact(name="Ada", address={"street": "Lindenweg 4", "city": "Köln"})
    amending.amend_contact(reservation=row, contact=contact, at=NOON, actor="customer")


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
