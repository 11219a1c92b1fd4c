"""What Stripe would say, for tests that need no Stripe; those that do start the stand-in (`tests/standin.py`)."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from reservations.actions import paying
from reservations.gateways.stripe import Seen, SeenRefund
from reservations.models import Deposit, Launch, Payment, Refund, Reservation
from reservations.rules.money import Money


def ask_for_deposit(launch: Launch, market: str, amount_minor: int, currency: str) -> Deposit:
    asked = {"amount_minor": amount_minor, "currency": currency}
    return Deposit.objects.update_or_create(launch=launch, market_id=market, defaults=asked)[0]


def seen(payment: Payment, **changes: Any) -> Seen:
    """A payment as Stripe tells it: open, unless it is said otherwise."""
    told: dict[str, Any] = {
        "session_id": f"cs_{payment.pk}",
        "url": f"https://pay.example/{payment.pk}",
        "is_open": True,
        "is_paid": False,
        "is_processing": False,
        "amount": payment.amount,
        "intent_id": "",
    }
    if changes.get("is_paid"):
        told |= {"is_open": False, "intent_id": f"pi_{payment.pk}", "charge_id": f"ch_{payment.pk}"}
        told |= {"customer_id": "cus_1", "fee": Money(25, payment.currency)}
    return Seen(**told | changes)


def settle(payment: Payment, at: datetime, **changes: Any) -> Payment:
    """Stripe says so of it."""
    return paying.settle(payment_id=payment.pk, seen=seen(payment, **changes), at=at)


def pay(row: Reservation, at: datetime) -> Payment:
    """What is due now is paid at once, and Stripe tells of it."""
    return settle(paying.begin(reservation=row, at=at, actor="customer"), at, is_paid=True)


def back(row: Reservation) -> list[tuple[int, str]]:
    """What goes back of a reservation, and why."""
    refunds = Refund.objects.filter(payment__reservation=row).order_by("pk")
    return list(refunds.values_list("amount_minor", "reason"))


def seen_refund(refund: Refund, status: str, failure: str = "") -> SeenRefund:
    """A refund as Stripe tells it."""
    return SeenRefund(
        stripe_id=f"re_{refund.pk}",
        intent_id=refund.payment.intent_id,
        refund=refund.pk,
        amount=refund.amount,
        status=status,
        failure=failure,
    )
