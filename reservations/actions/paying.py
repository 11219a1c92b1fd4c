"""Paying: a deposit or a balance is begun, Stripe collects it, and what Stripe says of it is followed.

Our row is there before Stripe hears of it, and nothing here calls Stripe: `jobs/cashier.py` does, between these
transactions. Whatever Stripe says may come late, twice or in any order; each time the whole state is compared, and the
money finds its use or goes back.

Locks: those of `lines.py`, then the payment.
"""

from __future__ import annotations

import uuid
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import QuerySet

from reservations.actions import inviting, lines
from reservations.actions.recording import record
from reservations.actions.refunding import give_back_payment, held_money
from reservations.actions.tasking import open_task
from reservations.actions.wishes import LimitReached
from reservations.gateways.stripe import Seen
from reservations.models import Allotment, MoneyTask, Payment, Reservation
from reservations.queries.holds import open_holds
from reservations.rules import lifecycle, payments
from reservations.rules.inviting import may_put_back

PAID, UNPAID, PUT_BACK = "paid", "unpaid", "put_back"
# A row without a page is looked after when whoever began it has had the time to open one.
LOOK_AFTER = timedelta(seconds=45)
TOGETHER = 500


class NothingDue(Exception):
    """There is nothing to pay now."""


class OnHold(Exception):
    """While it is on hold, nothing is charged."""


@dataclass(frozen=True)
class Due:
    """What is to be paid now, for what."""

    purpose: str
    amount_minor: int


def due(row: Reservation) -> Due | None:
    """What a reservation has to pay now: its deposit, or the balance of an order that it is invited to."""
    if row.is_sandbox:
        return None
    if row.status == lifecycle.AWAITING_PAYMENT:
        return Due(payments.DEPOSIT, row.receipt["deposit_minor"])
    if row.status == lifecycle.INVITED:
        rest = row.receipt["total_minor"] - held_money([row]).get(row.pk, 0)
        return Due(payments.BALANCE, rest) if rest > 0 else None
    return None


def is_stale(payment: Payment) -> bool:
    """Whether another amount is due by now than its page asks for: a part of the deposit went back meanwhile."""
    asked = due(payment.reservation)
    return asked is not None and (asked.purpose, asked.amount_minor) != (payment.purpose, payment.amount_minor)


@transaction.atomic
def begin(*, reservation: Reservation, at: datetime, actor: str) -> Payment:
    """The payment that is under way for what is due now; a new attempt where none is.

    Two tabs get one payment. Raises NothingDue, OnHold, DeadlineHasPassed, SizeMissing.
    """
    [row] = lines.lock([reservation.pk])
    asked = due(row)
    if asked is None:
        raise NothingDue
    if row.expires_at is not None and row.expires_at <= at:
        raise inviting.DeadlineHasPassed
    if asked.purpose == payments.BALANCE:
        inviting.check_size(row)
        if open_holds([row]):
            raise OnHold
    same = Payment.objects.filter(reservation=row, purpose=asked.purpose)
    under_way = same.select_for_update().filter(state__in=payments.UNDER_WAY).first()
    if under_way is not None:
        return under_way
    made = Payment.objects.create(
        reservation=row,
        purpose=asked.purpose,
        attempt=same.count() + 1,
        amount_minor=asked.amount_minor,
        currency=row.currency,
        began_at=at,
        next_at=at + LOOK_AFTER,
    )
    note_payment(made, "begun", at=at, actor=actor)
    return made


def note_payment(payment: Payment, word: str, *, at: datetime, actor: str = "system", reason: str = "") -> None:
    """One row of the log. It stands beside those of the reservation, which its page lists."""
    facts = {
        "reservation": payment.reservation.reference,
        "purpose": payment.purpose,
        "attempt": payment.attempt,
        "amount_minor": payment.amount_minor,
        "currency": payment.currency,
    }
    subject = f"payment:{payment.pk}"
    record(at=at, actor=actor, action=f"payment.{word}", subject=subject, facts=facts, reason=reason)


@transaction.atomic
def give_up(*, payment: Payment, at: datetime, reason: str) -> None:
    """Nothing will come of an attempt for which there is no page that anybody could pay on."""
    moved = Payment.objects.filter(pk=payment.pk, state=payments.BEGUN).update(
        state=payments.ENDED, ended_at=at, next_at=None, last_error=reason[:300]
    )
    if moved:
        note_payment(payment, payments.ENDED, at=at, reason=reason[:300])


@transaction.atomic
def forget_customer(*, payment: Payment, at: datetime) -> None:
    """Stripe knows the customer no more: nothing is paid from what was saved there."""
    give_up(payment=payment, at=at, reason="the customer was deleted at Stripe")
    Payment.objects.filter(reservation=payment.reservation_id).update(customer_id="")


@transaction.atomic
def refuse(*, payment: Payment, at: datetime, reason: str) -> None:
    """Stripe will never take this payment, such as in a currency that the account has not: a person is asked.

    A place that was held for it is held longer meanwhile.
    """
    give_up(payment=payment, at=at, reason=reason)
    waiting = Reservation.objects.filter(pk=payment.reservation_id, status=lifecycle.AWAITING_PAYMENT)
    waiting.update(expires_at=payments.held_until(at, is_in_front=False))
    open_task(
        kind=MoneyTask.REFUSED,
        subject=f"payment:{payment.pk}",
        row=payment.reservation,
        sentence=f"Stripe refuses this payment: {reason}",
        fix="waive",
        at=at,
    )


@transaction.atomic
def settle(*, payment_id: int, seen: Seen, at: datetime, look_again_at: datetime | None = None) -> Payment:
    """Follow what Stripe says of a payment now. The same said again changes nothing.

    `look_again_at`: when to ask again while the bank is at work.
    """
    reservation_id = Payment.objects.values_list("reservation_id", flat=True).get(pk=payment_id)
    [row] = lines.lock([reservation_id])
    payment = Payment.objects.select_for_update(of=("self",)).select_related("reservation").get(pk=payment_id)
    was = payment.state
    if seen.is_paid and seen.amount != payment.amount:
        _differs(payment, row, seen, at)
        return payment
    state = _state(payment, seen)
    if was == payments.ENDED and state in payments.UNDER_WAY and _others(payment, payments.UNDER_WAY).exists():
        state = was  # what we gave up is not taken up again beside another; what is paid there is looked at then
    payment.session_id = payment.session_id or seen.session_id
    payment.session_url = seen.url if state == payments.OPEN else ""
    payment.intent_id = payment.intent_id or seen.intent_id
    payment.charge_id = seen.charge_id or payment.charge_id
    payment.customer_id = seen.customer_id or payment.customer_id
    payment.declined = seen.declined if state != payments.CAPTURED else ""
    if seen.fee is not None:
        payment.fee_minor, payment.fee_currency = seen.fee.amount_minor, seen.fee.currency
    payment.state, payment.tries, payment.last_error = state, 0, ""
    payment.next_at = look_again_at if state == payments.PROCESSING else None
    if state == payments.CAPTURED and was != state:
        payment.captured_at = at
    if state == payments.ENDED and was != state:
        payment.ended_at = at
    payment.save()
    if state != was:
        note_payment(payment, state, at=at, reason=seen.declined)
    if state == payments.CAPTURED and was != state:
        _use(payment, row, at)
    return payment


def _state(payment: Payment, seen: Seen) -> str:
    """Captured stays captured; all else is what Stripe says."""
    if seen.is_paid or payment.state == payments.CAPTURED:
        return payments.CAPTURED
    if seen.is_processing:
        return payments.PROCESSING
    return payments.OPEN if seen.is_open else payments.ENDED


def _others(payment: Payment, states: Collection[str]) -> QuerySet[Payment]:
    """The other attempts at the same that are in one of these states."""
    same = Payment.objects.filter(reservation=payment.reservation_id, purpose=payment.purpose, state__in=states)
    return same.exclude(pk=payment.pk)


def _differs(payment: Payment, row: Reservation, seen: Seen, at: datetime) -> None:
    open_task(
        kind=MoneyTask.DIFFERENCE,
        subject=f"payment:{payment.pk}",
        row=row,
        sentence=f"Stripe received {seen.amount.amount_minor} {seen.amount.currency} where "
        f"{payment.amount_minor} {payment.currency} were asked for.",
        facts={"intent": seen.intent_id},
        at=at,
    )


def _use(payment: Payment, row: Reservation, at: datetime) -> None:
    """Money has arrived: it keeps the place or completes the order, or it goes back."""
    if payment.purpose == payments.DEPOSIT and row.status == lifecycle.AWAITING_PAYMENT:
        lines.move([row], lifecycle.CONFIRMED, at=at, actor="system", letter=PAID, confirmed_at=at, expires_at=None)
    elif payment.purpose == payments.DEPOSIT and row.status == lifecycle.EXPIRED:
        if not _take_place_again(row, at):
            give_back_payment(payment, at=at, reason=payments.LATE)
    elif payment.purpose == payments.BALANCE and row.status == lifecycle.INVITED and due(row) is None:
        inviting.convert(row, at=at, actor="customer")
    else:
        is_second = row.status in lifecycle.LIVE and _others(payment, [payments.CAPTURED]).exists()
        give_back_payment(payment, at=at, reason=payments.DUPLICATE if is_second else payments.LATE)


def _take_place_again(row: Reservation, at: datetime) -> bool:
    """The deposit came after the place was let go: where its unit is still free, it is taken again."""
    assert row.ended_at is not None
    line = Allotment.objects.get(pk=row.allotment_id)
    if row.wave_id is not None or not may_put_back(row.ended_at, at) or not lines.fits(row, line):
        return False
    try:
        lines.check_limit(row, row.quantity)
    except LimitReached:
        return False
    lines.move(
        [row],
        lifecycle.CONFIRMED,
        at=at,
        actor="system",
        reason="the deposit arrived after the place was let go, and a unit was free",
        letter=PUT_BACK,
        confirmed_at=at,
        ended_at=None,
        expires_at=None,
    )
    return True


@transaction.atomic
def waive(*, reservation: Reservation, at: datetime, actor: str, reason: str) -> bool:
    """Keep the place without its deposit. False: none is due. What is paid on an open page then goes back."""
    [row] = lines.lock([reservation.pk])
    if row.status != lifecycle.AWAITING_PAYMENT:
        return False
    lines.move(
        [row],
        lifecycle.CONFIRMED,
        at=at,
        actor=actor,
        reason=reason,
        letter=PAID,
        confirmed_at=at,
        expires_at=None,
        receipt={**row.receipt, "deposit_minor": 0},
    )
    return True


def end_unpaid(*, at: datetime) -> int:
    """Let go of places whose time to pay is over and for which nothing is under way. Returns how many."""
    overdue = Reservation.objects.filter(status=lifecycle.AWAITING_PAYMENT, expires_at__lte=at).exclude(
        payments__state__in=payments.UNDER_WAY
    )
    ended = 0
    while pks := list(overdue.order_by("expires_at").values_list("pk", flat=True)[:TOGETHER]):
        ended += _end_unpaid(pks, at)
    return ended


@transaction.atomic
def _end_unpaid(pks: Sequence[uuid.UUID], at: datetime) -> int:
    rows = lines.lock(pks)
    paying = set(
        Payment.objects.filter(reservation__in=pks, state__in=payments.UNDER_WAY).values_list(
            "reservation_id", flat=True
        )
    )
    found = [
        row
        for row in rows
        if row.status == lifecycle.AWAITING_PAYMENT
        and row.pk not in paying
        and row.expires_at is not None
        and row.expires_at <= at
    ]
    reason = "no deposit came while the place was held for it"
    lines.end(found, lifecycle.EXPIRED, at=at, actor="system", reason=reason, letter=UNPAID)
    return len(found)
