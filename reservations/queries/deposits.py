"""How far the deposits of reservations are."""

from __future__ import annotations

import uuid
from collections.abc import Iterable

from reservations.models import Payment, Reservation
from reservations.rules import payments


def deposit_states(rows: Iterable[Reservation]) -> dict[uuid.UUID, str]:
    """Reservation id → due, processing, paid, refund_pending or refunded; none where none is asked. Two queries."""
    asked = [row.pk for row in rows if row.receipt.get("deposit_minor")]
    if not asked:
        return {}
    found = Payment.objects.filter(reservation__in=asked, purpose=payments.DEPOSIT)
    return {payment.reservation_id: _state(payment) for payment in found.order_by("pk").prefetch_related("refunds")}


def _state(payment: Payment) -> str:
    if payment.state != payments.CAPTURED:
        return "processing" if payment.state == payments.PROCESSING else "due"
    refunds = payment.refunds.all()
    if sum(refund.amount_minor for refund in refunds) < payment.amount_minor:
        return "paid"
    is_back = all(refund.state in (payments.SUCCEEDED, payments.PAID_OTHERWISE) for refund in refunds)
    return "refunded" if is_back else "refund_pending"
