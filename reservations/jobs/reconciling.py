"""Reconciliation: each payment and refund of Stripe's against ours. What differs becomes a task with a proposed fix."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from reservations.actions import disputing
from reservations.actions.recording import record
from reservations.actions.tasking import close_tasks, open_task
from reservations.gateways.stripe import SeenIntent
from reservations.jobs import cashier
from reservations.models import MoneyTask, Payment
from reservations.rules import payments

# Stripe's list grows from its end: what is made while it is read is compared the next time.
SETTLES = timedelta(minutes=5)
BACK = timedelta(days=400)  # refunds and disputes may come a year after the payment


@dataclass(frozen=True)
class Reconciled:
    """How many payments were compared, and how many differ."""

    compared: int
    differences: int


def reconcile(*, at: datetime, actor: str = "system") -> Reconciled:
    """Compare both books. Raises Unreachable, and then nothing is said of either."""
    account, since = cashier.account(), at - BACK
    theirs = {each.intent_id: each for each in account.intents(since=since)}
    rows = Payment.objects.exclude(intent_id="").filter(began_at__gte=since).select_related("reservation")
    ours = {row.intent_id: row for row in rows.prefetch_related("refunds")}
    for seen in account.disputes(since=since):  # of which no event came
        if seen.intent_id in ours:
            disputing.follow(payment_id=ours[seen.intent_id].pk, seen=seen, at=at)
    differ = 0
    for intent_id, row in ours.items():
        if row.began_at < at - SETTLES:
            differ += _compare(row, theirs.get(intent_id), at)
    for intent_id, found in theirs.items():
        if intent_id not in ours and found.received.amount_minor and found.created_at < at - SETTLES:
            differ += _unknown(found, at)
    compared = Reconciled(len(ours.keys() | theirs.keys()), differ)
    record(at=at, actor=actor, action="money.reconciled", subject="money", facts=vars(compared))
    return compared


def _compare(row: Payment, seen: SeenIntent | None, at: datetime) -> bool:
    refunded = sum(
        each.amount_minor for each in row.refunds.all() if each.state in (payments.PENDING, payments.SUCCEEDED)
    )
    captured = row.amount_minor if row.state == payments.CAPTURED else 0
    mine = (captured, refunded)
    theirs = (seen.received.amount_minor, seen.refunded.amount_minor) if seen else (0, 0)
    subject = f"payment:{row.pk}"
    if mine == theirs:
        close_tasks(subject=subject, kind=MoneyTask.DIFFERENCE, at=at, actor="system", note="both books say the same")
        return False
    open_task(
        kind=MoneyTask.DIFFERENCE,
        subject=subject,
        row=row.reservation,
        sentence=f"We have {captured} captured and {refunded} refunded, Stripe {theirs[0]} and {theirs[1]} "
        f"(minor units of {row.currency}).",
        fix="look_again",
        facts={"intent": row.intent_id, "ours": mine, "theirs": theirs},
        at=at,
    )
    return True


def _unknown(seen: SeenIntent, at: datetime) -> bool:
    """Money that no payment of ours asked for, or whose payment does not know it yet."""
    ours = seen.ours
    known = ours and Payment.objects.filter(pk=ours.payment, reservation__reference=ours.reference).first()
    open_task(
        kind=MoneyTask.DIFFERENCE,
        subject=f"payment:{known.pk}" if known else f"intent:{seen.intent_id}",
        row=known.reservation if known else None,
        sentence=f"Stripe received {seen.received.amount_minor} {seen.received.currency} (minor units) that we do "
        "not know of.",
        fix="look_again" if known else "refund_at_stripe",
        facts={"intent": seen.intent_id},
        at=at,
    )
    return True
