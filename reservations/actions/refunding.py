"""Refunds: owed in the transaction of their cause, and never more than was captured.

Whoever calls this has locked the reservations (`lines.py`); the payments are locked here, after them.
"""

from __future__ import annotations

import uuid
from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime

from django.db import transaction
from django.db.models import Sum

from reservations.actions.owing import owe_version
from reservations.actions.recording import record
from reservations.actions.tasking import close_tasks, open_task
from reservations.gateways.stripe import SeenRefund
from reservations.models import MoneyTask, Payment, Refund, Reservation
from reservations.rules import payments
from reservations.rules.money import Money

REFUND, REFUND_FAILED = "refund", "refund_failed"
_FINAL = (payments.SUCCEEDED, payments.PAID_OTHERWISE)


class MoreThanCaptured(Exception):
    """So much is not left of the payment."""

    def __init__(self, left: Money) -> None:
        super().__init__(left)
        self.left = left


def held_money(rows: Iterable[Reservation]) -> dict[uuid.UUID, int]:
    """Minor units that we hold of each reservation: captured, less all that goes back. In its receipt's currency."""
    held: Counter[uuid.UUID] = Counter()
    for payment in _captured([row.pk for row in rows]):
        held[payment.reservation_id] += payment.amount_minor - _promised(payment)
    return dict(held)


def _captured(pks: Collection[uuid.UUID], *, is_locked: bool = False) -> Sequence[Payment]:
    """In the order in which they were captured, with what goes back of each."""
    rows = Payment.objects.filter(reservation__in=pks, state=payments.CAPTURED)
    if is_locked:
        list(rows.order_by("pk").select_for_update().values_list("pk"))
    return list(rows.order_by("captured_at", "pk").prefetch_related("refunds"))


def _promised(payment: Payment) -> int:
    return sum(refund.amount_minor for refund in payment.refunds.all())


def give_back_all(rows: Sequence[Reservation], *, at: datetime, reason: str = payments.ENDED_RESERVATION) -> int:
    """Owe everything that these reservations paid and that staff did not decide to keep. Returns how many refunds."""
    owed = [
        _owe(payment, left, reason, at)
        for payment in _captured([row.pk for row in rows], is_locked=True)
        if (left := payments.to_give_back(payment.amount_minor, _promised(payment), payment.kept_minor))
    ]
    return len(owed)


def give_back(row: Reservation, amount_minor: int, *, at: datetime, reason: str, note: str = "") -> None:
    """Owe so much of what a locked reservation paid, the newest payment first. Raises MoreThanCaptured."""
    rest = amount_minor
    paid = _captured([row.pk], is_locked=True)
    for payment in reversed(paid):
        part = min(rest, payment.amount_minor - _promised(payment))
        if part:
            _owe(payment, part, reason, at, note)
            rest -= part
    if rest:
        raise MoreThanCaptured(Money(amount_minor - rest, row.currency))


def give_back_payment(payment: Payment, *, at: datetime, reason: str) -> None:
    """Owe all of one payment: it was not needed, or came too late."""
    left = payments.to_give_back(payment.amount_minor, _promised(payment))
    if left:
        _owe(payment, left, reason, at)


def _owe(payment: Payment, amount_minor: int, reason: str, at: datetime, note: str = "") -> Refund:
    made = Refund.objects.create(
        payment=payment,
        number=Refund.objects.filter(payment=payment).count() + 1,
        amount_minor=amount_minor,
        reason=reason,
        note=note,
        owed_at=at,
        next_at=at,
    )
    _note(made, "owed", at=at, reason=note or reason)
    return made


def _note(refund: Refund, word: str, *, at: datetime, actor: str = "system", reason: str = "") -> None:
    payment = refund.payment
    record(
        at=at,
        actor=actor,
        action=f"refund.{word}",
        subject=f"refund:{refund.pk}",
        facts={
            "reservation": payment.reservation.reference,
            "payment": payment.pk,
            "amount_minor": refund.amount_minor,
            "currency": payment.currency,
        },
        reason=reason,
    )


@transaction.atomic
def note_refund(*, refund_id: int, seen: SeenRefund, at: datetime, look_again_at: datetime | None) -> Refund:
    """What Stripe says of a refund. One that succeeded may fail after: a person is asked then, and the customer told.

    `look_again_at`: when to ask again while it is pending.
    """
    refund = _locked(refund_id)
    refund.stripe_id = seen.stripe_id
    return _move(refund, _STATES.get(seen.status, payments.PENDING), seen.failure, at, look_again_at)


@transaction.atomic
def note_refused(*, refund_id: int, failure: str, at: datetime) -> Refund:
    """Stripe will not send it: a person is asked, and the customer told."""
    return _move(_locked(refund_id), payments.FAILED, failure, at, None)


def _locked(refund_id: int) -> Refund:
    return Refund.objects.select_for_update(of=("self",)).select_related("payment__reservation").get(pk=refund_id)


def _move(refund: Refund, state: str, failure: str, at: datetime, look_again_at: datetime | None) -> Refund:
    """What staff have paid in another way stays so."""
    was = refund.state
    if was == payments.PAID_OTHERWISE:
        return refund
    refund.state, refund.failure, refund.last_error = state, failure[:100], ""
    refund.next_at = look_again_at if state == payments.PENDING else None
    refund.settled_at = (refund.settled_at or at) if state in _FINAL else None
    refund.save()
    if state != was:
        _note(refund, state, at=at, reason=failure)
        _follow(refund, state, at)
    return refund


_STATES = {
    "pending": payments.PENDING,
    "requires_action": payments.PENDING,
    "succeeded": payments.SUCCEEDED,
    "failed": payments.FAILED,
    "canceled": payments.FAILED,
}


def _follow(refund: Refund, state: str, at: datetime) -> None:
    """Whom to tell of it."""
    row, subject = refund.payment.reservation, f"refund:{refund.pk}"
    if state == payments.SUCCEEDED:
        owe_version(row, kind=REFUND, version=version_of(refund), at=at)
        close_tasks(subject=subject, at=at, actor="system", note="Stripe says that it succeeded")
    elif state == payments.FAILED:
        owe_version(row, kind=REFUND_FAILED, version=version_of(refund), at=at)
        open_task(
            kind=MoneyTask.REFUND_FAILED,
            subject=subject,
            row=row,
            sentence=f"The refund failed ({refund.failure or 'no reason given'}). Send it again, or pay it otherwise.",
            fix="refund_again",
            at=at,
        )


def note_pending_long(*, refund: Refund, at: datetime) -> None:
    """Stripe has had it for long: a person asks there."""
    open_task(
        kind=MoneyTask.REFUND_PENDING,
        subject=f"refund:{refund.pk}",
        row=refund.payment.reservation,
        sentence="The refund has been pending for long. Look at Stripe's dashboard why.",
        at=at,
    )


def version_of(refund: Refund) -> int:
    """Which refund of its reservation it is: 1 for the first. Its letters have this version."""
    earlier = Refund.objects.filter(payment__reservation=refund.payment.reservation_id, pk__lte=refund.pk)
    return earlier.count()


def refund_of(row: Reservation, version: int) -> Refund | None:
    """The refund that a letter is about."""
    found = Refund.objects.filter(payment__reservation=row).select_related("payment").order_by("pk")
    return found[version - 1 : version].first() if version else found.last()


def paid_back(row: Reservation) -> list[Money]:
    """What went or goes back to a customer, by currency. A failed refund is still theirs."""
    sums: Counter[str] = Counter()
    for refund in Refund.objects.filter(payment__reservation=row).select_related("payment"):
        sums[refund.payment.currency] += refund.amount_minor
    return [Money(amount, currency) for currency, amount in sorted(sums.items())]


@transaction.atomic
def adopt(*, payment_id: int, seen: SeenRefund, at: datetime) -> Refund | None:
    """A refund that somebody made at Stripe is put into our books. None: it is there, or our books leave no room."""
    payment = Payment.objects.select_for_update(of=("self",)).select_related("reservation").get(pk=payment_id)
    left = payment.amount_minor - _promised(payment) if payment.state == payments.CAPTURED else 0
    if payment.refunds.filter(stripe_id=seen.stripe_id).exists() or seen.amount.amount_minor > left:
        return None
    made = _owe(payment, seen.amount.amount_minor, payments.AT_STRIPE, at)
    return note_refund(refund_id=made.pk, seen=seen, at=at, look_again_at=at)


@transaction.atomic
def send_again(*, refund: Refund, at: datetime, actor: str, reason: str) -> bool:
    """Staff try a failed refund once more, under another key. False: it has not failed."""
    kept = _locked(refund.pk)
    if kept.state != payments.FAILED:
        return False
    kept.state, kept.attempt, kept.stripe_id, kept.next_at, kept.tries = payments.OWED, kept.attempt + 1, "", at, 0
    kept.save()
    _note(kept, "sent_again", at=at, actor=actor, reason=reason)
    close_tasks(subject=f"refund:{kept.pk}", at=at, actor=actor, note=reason)
    return True


@transaction.atomic
def pay_otherwise(*, refund: Refund, at: datetime, actor: str, reason: str) -> bool:
    """Staff have paid a failed refund in another way, such as a bank transfer. False: it has not failed."""
    kept = _locked(refund.pk)
    if kept.state != payments.FAILED:
        return False
    kept.state, kept.settled_at, kept.next_at = payments.PAID_OTHERWISE, at, None
    kept.save()
    _note(kept, payments.PAID_OTHERWISE, at=at, actor=actor, reason=reason)
    owe_version(kept.payment.reservation, kind=REFUND, version=version_of(kept), at=at)
    close_tasks(subject=f"refund:{kept.pk}", at=at, actor=actor, note=reason)
    return True


@transaction.atomic
def refund_in_part(*, payment: Payment, amount_minor: int, at: datetime, actor: str, reason: str) -> None:
    """Staff give a part of a payment back, whatever becomes of the reservation. Raises MoreThanCaptured."""
    kept = Payment.objects.select_for_update(of=("self",)).select_related("reservation").get(pk=payment.pk)
    left = kept.amount_minor - _promised(kept) if kept.state == payments.CAPTURED else 0
    if not 1 <= amount_minor <= left:
        raise MoreThanCaptured(Money(left, kept.currency))
    made = _owe(kept, amount_minor, payments.BY_STAFF, at, reason)
    _note(made, "decided", at=at, actor=actor, reason=reason)


@transaction.atomic
def keep(*, payment: Payment, amount_minor: int, at: datetime, actor: str, reason: str) -> None:
    """Staff decide before the end of a reservation what of a payment is not refunded then. Raises MoreThanCaptured."""
    kept = Payment.objects.select_for_update(of=("self",)).select_related("reservation").get(pk=payment.pk)
    left = kept.amount_minor - _promised(kept) if kept.state == payments.CAPTURED else 0
    if not 0 <= amount_minor <= left:
        raise MoreThanCaptured(Money(left, kept.currency))
    Payment.objects.filter(pk=kept.pk).update(kept_minor=amount_minor)
    record(
        at=at,
        actor=actor,
        action="payment.kept",
        subject=f"payment:{kept.pk}",
        facts={"reservation": kept.reservation.reference, "amount_minor": amount_minor, "currency": kept.currency},
        reason=reason,
    )


def totals() -> Mapping[str, Mapping[str, int]]:
    """Currency → captured, refunded, pending, failed and fees, in minor units. Fees are those in the same currency."""
    found: dict[str, Counter[str]] = {}
    for currency, captured in (
        Payment.objects.filter(state=payments.CAPTURED).values_list("currency").annotate(Sum("amount_minor"))
    ):
        found.setdefault(currency, Counter())["captured"] += captured
    for currency, fees in (
        Payment.objects.exclude(fee_minor=None).values_list("fee_currency").annotate(Sum("fee_minor"))
    ):
        found.setdefault(currency, Counter())["fees"] += fees
    words = {payments.OWED: "pending", payments.PENDING: "pending", payments.FAILED: "failed"}
    refunds = Refund.objects.values_list("payment__currency", "state").annotate(Sum("amount_minor"))
    for currency, state, amount in refunds:
        found.setdefault(currency, Counter())[words.get(state, "refunded")] += amount
    return {currency: found[currency] for currency in sorted(found)}
