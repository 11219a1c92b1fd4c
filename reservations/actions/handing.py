"""Paid orders are handed over to whoever fulfils them: owed with the order, told and exported once each."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

from django.contrib.auth.models import User
from django.db import transaction

from reservations.actions.recording import record, staff_name
from reservations.actions.tasking import open_task
from reservations.models import HandOver, MoneyTask, Reservation
from reservations.rules import payments


def hand_over(row: Reservation, *, at: datetime) -> HandOver:
    """Keep what whoever fulfils a locked, converted reservation needs. Call it in the transaction of the order."""
    return HandOver.objects.create(
        reservation=row, made_at=at, order=_order(row, at), next_at=None if row.is_sandbox else at
    )


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
        .filter(pk__in=list(pks), exported_at=None, cancelled_at=None)
        .select_related("reservation")
        .order_by("pk")
    )
    HandOver.objects.filter(pk__in=[row.pk for row in rows]).update(exported_at=at, exported_by=officer)
    if rows:
        facts = {"orders": [row.reservation.reference for row in rows]}
        record(at=at, actor=staff_name(officer), action="orders.exported", subject="orders", facts=facts)
    return rows


@transaction.atomic
def take_back(rows: Iterable[Reservation], *, at: datetime) -> None:
    """Orders that are cancelled are not handed over; of those that were, whoever fulfils them and a person are told."""
    wanted = [row.pk for row in rows]
    for each in HandOver.objects.select_for_update(of=("self",)).filter(reservation__in=wanted):
        each.cancelled_at, each.tries = at, 0
        _stop(each, at)


def _stop(row: HandOver, at: datetime) -> None:
    """Of a locked, cancelled one: what was told is told back."""
    row.next_at = at if row.sent_at else None
    row.save()
    if row.sent_at or row.exported_at:
        open_task(
            kind=MoneyTask.STOP_ORDER,
            subject=f"order:{row.reservation.reference}",
            row=row.reservation,
            sentence="This order was handed over, and is cancelled since: see that it is not sent.",
            at=at,
        )


@transaction.atomic
def note_sent(row: HandOver, *, at: datetime) -> None:
    """The endpoint has taken what `row` said then: the order, or that it is cancelled."""
    kept = HandOver.objects.select_for_update(of=("self",)).get(pk=row.pk)
    kept.last_error, kept.next_at = "", None
    if row.cancelled_at:
        kept.stop_sent_at = at
        kept.save()
        return
    kept.sent_at = at
    if kept.cancelled_at:  # while it was on its way
        _stop(kept, at)
    else:
        kept.save()
