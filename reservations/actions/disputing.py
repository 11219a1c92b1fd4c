"""Disputes and early fraud warnings: the place is kept on hold until a person has looked, or the bank has decided."""

from __future__ import annotations

from datetime import datetime

from django.db import transaction

from reservations.actions import holding
from reservations.actions.tasking import close_tasks, open_task
from reservations.gateways.stripe import SeenDispute
from reservations.models import MoneyTask, Payment
from reservations.queries.holds import open_holds
from reservations.rules import lifecycle

WON = ("won", "warning_closed", "prevented")


@transaction.atomic
def follow(*, payment_id: int, seen: SeenDispute, at: datetime) -> None:
    """What Stripe says of a dispute or a warning now. The same said again changes nothing."""
    payment = Payment.objects.select_related("reservation").get(pk=payment_id)
    [row] = holding.lock([payment.reservation_id])
    status, is_warning = seen.status, seen.status == "warning"
    subject, facts = f"payment:{payment.pk}", {"stripe": seen.stripe_id, "status": seen.status}
    if status in WON:
        holding.release_from_bank(row, at)
        close_tasks(subject=subject, kind=MoneyTask.DISPUTE, at=at, actor="system", note=f"the dispute is {status}")
        return
    kind = MoneyTask.FRAUD_WARNING if is_warning else MoneyTask.DISPUTE
    if MoneyTask.objects.filter(kind=kind, subject=subject, facts=facts).exists():
        return
    if row.status in lifecycle.LIVE and not open_holds([row]):
        holding.hold_for_bank(row, at)
    words = "An early fraud warning" if is_warning else f"A dispute, which is {status},"
    open_task(
        kind=kind,
        subject=subject,
        row=row,
        sentence=f"{words} about this payment: {seen.reason}. The reservation is on hold.",
        fix="release",
        facts=facts,
        at=at,
    )


@transaction.atomic
def release(*, payment: Payment, at: datetime, actor: str, reason: str) -> None:
    """Staff have looked: it goes on."""
    [row] = holding.lock([payment.reservation_id])
    holding.release_from_bank(row, at)
    for kind in (MoneyTask.DISPUTE, MoneyTask.FRAUD_WARNING):
        close_tasks(subject=f"payment:{payment.pk}", kind=kind, at=at, actor=actor, note=reason)
