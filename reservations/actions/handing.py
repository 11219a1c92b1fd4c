"""Paid orders are handed over to whoever fulfils them: owed with the order, told and exported once each."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

from django.contrib.auth.models import User
from django.db import transaction

from reservations.actions.recording import record, staff_name
from reservations.models import HandOver, Reservation
from reservations.rules import payments


def hand_over(row: Reservation, *, at: datetime) -> HandOver:
    """Keep what whoever fulfils a locked, converted reservation needs. Call it in the transaction of the order."""
    return HandOver.objects.create(reservation=row, made_at=at, order=_order(row, at), next_at=at)


def _order(row: Reservation, at: datetime) -> dict[str, Any]:
    settled = row.settled_variant or row.variant
    paid = row.payments.filter(state=payments.CAPTURED).order_by("captured_at", "pk")
    return {
        "reference": row.reference,
        "ordered_at": at.isoformat(),
        "market": row.market_id,
        "language": row.language,
        "is_sandbox": row.is_sandbox,
        "customer": {"name": row.name, "email": row.email, "phone": row.phone},
        "address": row.address,
        "lines": [
            {
                "sku": settled.sku,
                "quantity": row.quantity,
                "unit_price": {"amount_minor": row.unit_price_minor, "currency": row.currency},
            }
        ],
        "total": {"amount_minor": row.receipt["total_minor"], "currency": row.currency},
        "payments": [
            {"purpose": each.purpose, "amount_minor": each.amount_minor, "currency": each.currency,
             "payment_intent": each.intent_id}
            for each in paid
        ],
    }  # fmt: skip


@transaction.atomic
def export(*, pks: Iterable[int], at: datetime, officer: User) -> Sequence[HandOver]:
    """Take orders that nobody has exported, once: of two at the same time each gets others. In the order they came."""
    rows = list(
        HandOver.objects.select_for_update(of=("self",))
        .filter(pk__in=list(pks), exported_at=None)
        .select_related("reservation")
        .order_by("pk")
    )
    HandOver.objects.filter(pk__in=[row.pk for row in rows]).update(exported_at=at, exported_by=officer)
    if rows:
        facts = {"orders": [row.reservation.reference for row in rows]}
        record(at=at, actor=staff_name(officer), action="orders.exported", subject="orders", facts=facts)
    return rows


def note_sent(row: HandOver, *, at: datetime) -> None:
    """The endpoint has taken it."""
    HandOver.objects.filter(pk=row.pk).update(sent_at=at, next_at=None, last_error="")


def note_not_sent(row: HandOver, *, next_at: datetime | None, error: str) -> None:
    """It is tried again then; None: no endpoint is named, and the export is the only way."""
    HandOver.objects.filter(pk=row.pk).update(next_at=next_at, tries=row.tries + 1, last_error=error[:300])
