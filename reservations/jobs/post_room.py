"""Stripe's events, worked on one by one: what an event is about is asked of Stripe, and that answer is carried over."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable
from datetime import datetime, timedelta

from django.conf import settings

from reservations.actions import disputing, inbox
from reservations.gateways.stripe import Ours, Refused, SeenDispute, Unreachable, ours_of
from reservations.jobs import cashier
from reservations.models import Payment, StripeEvent

log = logging.getLogger(__name__)
MOST = 50


class NotOurs(Exception):
    """Nothing of ours is known for what an event is about: not yet, or never."""


def work(*, at: datetime) -> int:
    """Whatever has come, in whatever order. Returns how many events were looked at."""
    lease = timedelta(seconds=settings.MONEY_LEASE_SECONDS)
    found = inbox.due(at=at, most=MOST, lease=lease)
    for event in found:
        _work_on(event, at)
    return len(found)


def _work_on(event: StripeEvent, at: datetime) -> None:
    try:
        _handle(event, at)
    except (Unreachable, NotOurs, Refused) as error:
        is_theirs = isinstance(error, Unreachable)
        _not_done(event, at, str(error) or "it is about nothing of ours", is_theirs=is_theirs)
    except Exception as error:  # an event of a kind that nobody thought of: staff see it, the next ones still go
        log.exception("event %s could not be worked on", event.pk)
        _not_done(event, at, f"{type(error).__name__}: {error}", is_theirs=False)
    else:
        inbox.note_done(event, at=at)


def _not_done(event: StripeEvent, at: datetime, error: str, *, is_theirs: bool) -> None:
    seconds = settings.MONEY_RETRY_SECONDS
    inbox.note_not_done(event, at=at, error=error, is_theirs=is_theirs, base_seconds=seconds)


def _handle(event: StripeEvent, at: datetime) -> None:
    about = json.loads(event.body)["data"]["object"]
    handle = _HANDLERS.get(str(about.get("object")))
    if handle is not None and event.type not in _IGNORED:
        handle(about, at)


def _handle_payment(about: dict[str, object], at: datetime) -> None:
    """A session, an intent or a charge: all three are parts of one payment."""
    kind, identifier = about["object"], str(about["id"])
    session_id = identifier if kind == "checkout.session" else ""
    intent_id = identifier if kind == "payment_intent" else str(about.get("payment_intent") or "")
    payment = _payment(session_id=session_id, intent_id=intent_id, ours=ours_of(about.get("metadata")))
    if session_id and not payment.session_id:  # we died before we could note it
        payment.session_id = session_id
    cashier.follow(payment, at=at)


def _payment(*, session_id: str = "", intent_id: str = "", ours: Ours | None = None) -> Payment:
    """Raises NotOurs, Unreachable, Refused."""
    rows = Payment.objects.select_related("reservation__launch", "reservation__variant__product")
    found = rows.filter(session_id=session_id).first() if session_id else None
    found = found or (rows.filter(intent_id=intent_id).first() if intent_id else None)
    if found is None and ours is None and intent_id:
        ours = cashier.account().payment_of(intent_id)
    if found is None and ours is not None:
        found = rows.filter(pk=ours.payment, reservation__reference=ours.reference).first()
    if found is None:
        raise NotOurs
    return found


def _handle_refund(about: dict[str, object], at: datetime) -> None:
    seen = cashier.account().look_at_refund(str(about["id"]))
    cashier.carry_over(seen, payment=_payment(intent_id=seen.intent_id), at=at)


def _handle_dispute(about: dict[str, object], at: datetime) -> None:
    _follow_dispute(cashier.account().look_at_dispute(str(about["id"])), at)


def _handle_warning(about: dict[str, object], at: datetime) -> None:
    _follow_dispute(cashier.account().look_at_warning(str(about["id"])), at)


def _follow_dispute(seen: SeenDispute, at: datetime) -> None:
    disputing.follow(payment_id=_payment(intent_id=seen.intent_id).pk, seen=seen, at=at)


_HANDLERS: dict[str, Callable[[dict[str, object], datetime], None]] = {
    "checkout.session": _handle_payment,
    "payment_intent": _handle_payment,
    "charge": _handle_payment,
    "refund": _handle_refund,
    "dispute": _handle_dispute,
    "radar.early_fraud_warning": _handle_warning,
}
_IGNORED = ("payment_intent.created", "charge.refund.updated")  # told by other events too
