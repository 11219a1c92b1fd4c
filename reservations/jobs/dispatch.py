"""Paid orders go to the fulfilment endpoint, where one is named."""

from __future__ import annotations

from datetime import datetime

from django.conf import settings
from django.db.models import F

from reservations.actions import handing
from reservations.gateways.fulfilment import CANCELLED, PAID, NotTaken, send_order
from reservations.models import HandOver
from reservations.rules import payments

MOST = 50


def work(*, at: datetime) -> int:
    """Tell of what is due. What is not taken is told again later. Returns how many were told."""
    if not settings.FULFILMENT_URL:
        return 0
    found = list(HandOver.objects.filter(next_at__lte=at).order_by("next_at")[:MOST])
    return sum(_send(row, at) for row in found)


def _send(row: HandOver, at: datetime) -> bool:
    later = payments.retry_at(at, row.tries + 1, settings.MONEY_RETRY_SECONDS)
    if not HandOver.objects.filter(pk=row.pk, next_at=row.next_at).update(next_at=later, tries=F("tries") + 1):
        return False  # another worker has it
    try:
        send_order(
            url=settings.FULFILMENT_URL,
            secret=settings.FULFILMENT_SECRET,
            number=row.pk,
            kind=CANCELLED if row.cancelled_at else PAID,
            order=row.order,
            at=at,
        )
    except NotTaken as error:
        HandOver.objects.filter(pk=row.pk).update(last_error=str(error)[:300])
        return False
    handing.note_sent(row, at=at)
    return True
