"""Stripe: payment pages, refunds and events. Our money and our numbers in, frozen dataclasses out.

Whatever may be asked again is asked with the same idempotency key. Nothing here touches the database.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any

import stripe

from reservations.rules.money import Money, fee_from_stripe, from_stripe, to_stripe

TOLERANCE_SECONDS = 300  # an event signed longer ago is refused
MOST_A_PAGE, MOST_DIGITS = 100, 19
_FOR_GOOD = (stripe.InvalidRequestError, stripe.AuthenticationError, stripe.PermissionError, stripe.CardError)
_COME_LATER, _OF_THEIRS = (409, 429), 500  # HTTP statuses
# What a session is asked with, so that one answer tells all of a payment.
_EXPAND = ["payment_intent.latest_charge.balance_transaction"]


@dataclass(eq=False)
class Unreachable(Exception):
    """Stripe did not answer, answered 5xx or asked to come later: ask again. What was asked for may have happened.

    `is_kept`: that answer is the kept one of an earlier request with this key, and stays so.
    """

    words: str
    is_kept: bool = False

    def __str__(self) -> str:
        return self.words


@dataclass(eq=False)
class Refused(Exception):
    """Stripe says no for good. `param` and `code` are Stripe's names."""

    code: str
    param: str
    words: str

    def __str__(self) -> str:
        return f"{self.code or self.param}: {self.words}"


class Forged(Exception):
    """The event is not signed by Stripe, was changed, or is too old."""


@dataclass(frozen=True, kw_only=True)
class Page:
    """A payment page to be opened. `payment` and `reference` are ours; all else the customer sees."""

    key: str
    payment: int
    reference: str
    amount: Money
    title: str
    description: str
    locale: str
    email: str
    customer_id: str
    saves_card: bool
    success_url: str
    cancel_url: str
    expires_at: datetime


@dataclass(frozen=True, kw_only=True)
class Seen:
    """A payment as Stripe tells it now."""

    session_id: str
    url: str
    is_open: bool
    is_paid: bool
    is_processing: bool
    amount: Money
    intent_id: str = ""
    charge_id: str = ""
    customer_id: str = ""
    fee: Money | None = None
    declined: str = ""


@dataclass(frozen=True, kw_only=True)
class SeenIntent:
    """A payment intent as Stripe's books have it: what was received and what went back."""

    intent_id: str
    ours: Ours | None
    received: Money
    refunded: Money
    created_at: datetime


@dataclass(frozen=True, kw_only=True)
class SeenRefund:
    """A refund as Stripe tells it now. `refund` is our number; None: somebody made it at Stripe."""

    stripe_id: str
    intent_id: str
    refund: int | None
    amount: Money
    status: str  # pending, requires_action, succeeded, failed, canceled
    failure: str


@dataclass(frozen=True, kw_only=True)
class SeenDispute:
    """A dispute or an early fraud warning."""

    stripe_id: str
    intent_id: str
    status: str
    reason: str


@dataclass(frozen=True, kw_only=True)
class Ours:
    """By what we know a payment at Stripe: its number and the reference of its reservation.

    The number alone is not enough: another shop of the same account has a payment of that number too.
    """

    payment: int
    reference: str


@dataclass(frozen=True, kw_only=True)
class Told:
    """An event whose signature is right."""

    id: str
    type: str
    body: str


class Stripe:
    """One account. `base` replaces Stripe's address, for the stand-in."""

    def __init__(self, *, secret_key: str, base: str, timeout_seconds: int) -> None:
        addresses: Any = {"api": base} if base else {}
        client = stripe.StripeClient(
            secret_key,
            base_addresses=addresses,
            max_network_retries=1,
            http_client=stripe.RequestsClient(timeout=timeout_seconds),
        )
        self._v1 = client.v1

    def open_page(self, page: Page) -> Seen:
        """Open a payment page, or find the one that this key opened. Raises Unreachable, Refused."""
        metadata = {"payment": str(page.payment), "reservation": page.reference}
        intent: dict[str, Any] = {"metadata": metadata, "description": page.description}
        if page.saves_card:
            intent["setup_future_usage"] = "off_session"
        line = {
            "quantity": 1,
            "price_data": {
                "currency": page.amount.currency.lower(),
                "unit_amount": to_stripe(page.amount),
                "product_data": {"name": page.title},
            },
        }
        params: dict[str, Any] = {
            "mode": "payment",
            "line_items": [line],
            "success_url": page.success_url,
            "cancel_url": page.cancel_url,
            "client_reference_id": page.reference,
            "metadata": metadata,
            "payment_intent_data": intent,
            "locale": page.locale,
            "expires_at": int(page.expires_at.timestamp()),
            "expand": _EXPAND,
        }
        if page.customer_id:
            params["customer"] = page.customer_id
        else:
            params |= {"customer_email": page.email, "customer_creation": "always"}
        with _translated():
            return _seen(self._v1.checkout.sessions.create(params, {"idempotency_key": page.key}))  # type: ignore[arg-type]

    def look(self, session_id: str) -> Seen:
        """Raises Unreachable, Refused."""
        with _translated():
            return _seen(self._v1.checkout.sessions.retrieve(session_id, {"expand": _EXPAND}))

    def close(self, session_id: str) -> Seen:
        """Close a page, so that nobody pays on it any more; or tell what it was faster with. Raises Unreachable."""
        try:
            with _translated():
                return _seen(self._v1.checkout.sessions.expire(session_id, {"expand": _EXPAND}))
        except Refused:
            return self.look(session_id)

    def refund(self, *, key: str, refund: int, intent_id: str, amount: Money) -> SeenRefund:
        """Raises Unreachable, Refused."""
        params: Any = {
            "payment_intent": intent_id,
            "amount": to_stripe(amount),
            "metadata": {"refund": str(refund)},
        }
        with _translated():
            return _seen_refund(self._v1.refunds.create(params, {"idempotency_key": key}))

    def refund_all(self, *, key: str, intent_id: str) -> None:
        """All that is left of a payment that is not ours. Raises Unreachable, Refused."""
        with _translated():
            self._v1.refunds.create({"payment_intent": intent_id}, {"idempotency_key": key})

    def look_at_refund(self, stripe_id: str) -> SeenRefund:
        """Raises Unreachable, Refused."""
        with _translated():
            return _seen_refund(self._v1.refunds.retrieve(stripe_id))

    def refunds_of(self, intent_id: str) -> list[SeenRefund]:
        """All of one payment. Raises Unreachable, Refused."""
        with _translated():
            found = self._v1.refunds.list({"payment_intent": intent_id, "limit": MOST_A_PAGE})
            return [_seen_refund(each) for each in found.auto_paging_iter()]

    def look_at_dispute(self, stripe_id: str) -> SeenDispute:
        """Raises Unreachable, Refused."""
        with _translated():
            return _seen_dispute(self._v1.disputes.retrieve(stripe_id))

    def disputes(self, *, since: datetime) -> Iterator[SeenDispute]:
        """Every dispute that began since then. Raises Unreachable, Refused."""
        created: Any = {"gte": int(since.timestamp())}
        with _translated():
            for each in self._v1.disputes.list({"created": created, "limit": MOST_A_PAGE}).auto_paging_iter():
                yield _seen_dispute(each)

    def look_at_warning(self, stripe_id: str) -> SeenDispute:
        """An early fraud warning. Raises Unreachable, Refused."""
        with _translated():
            found = self._v1.radar.early_fraud_warnings.retrieve(stripe_id)
        return SeenDispute(
            stripe_id=found.id, intent_id=_id(found.payment_intent), status="warning", reason=found.fraud_type
        )

    def payment_of(self, intent_id: str) -> Ours | None:
        """Which payment of ours an intent is for. Raises Unreachable, Refused."""
        with _translated():
            return ours_of(self._v1.payment_intents.retrieve(intent_id).metadata)

    def intents(self, *, since: datetime) -> Iterator[SeenIntent]:
        """Every payment intent that was made since then. Raises Unreachable, Refused."""
        created: Any = {"gte": int(since.timestamp())}
        with _translated():
            found = self._v1.payment_intents.list(
                {"created": created, "limit": MOST_A_PAGE, "expand": ["data.latest_charge"]}
            )
            for each in found.auto_paging_iter():
                charge = each.latest_charge
                refunded = charge.amount_refunded if isinstance(charge, stripe.Charge) else 0
                yield SeenIntent(
                    intent_id=each.id,
                    ours=ours_of(each.metadata),
                    received=from_stripe(each.amount_received, each.currency),
                    refunded=from_stripe(refunded, each.currency),
                    created_at=datetime.fromtimestamp(each.created, UTC),
                )


@lru_cache(maxsize=4)
def account(secret_key: str, base: str, timeout_seconds: int) -> Stripe:
    """The account of a key; its connections are kept."""
    return Stripe(secret_key=secret_key, base=base, timeout_seconds=timeout_seconds)


def read_event(*, body: bytes, signature: str, secrets: Iterable[str]) -> Told:
    """An event as it came over the wire, exactly. Any of the secrets will do, so that one can be replaced.

    Raises Forged.
    """
    try:
        text = body.decode()
        if not any(_is_signed(text, signature, secret) for secret in secrets):
            raise Forged
        event = json.loads(text)
        return Told(id=str(event["id"]), type=str(event["type"]), body=text)
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise Forged from error


def _is_signed(text: str, signature: str, secret: str) -> bool:
    try:
        return bool(stripe.WebhookSignature.verify_header(text, signature, secret, TOLERANCE_SECONDS))
    except stripe.SignatureVerificationError:
        return False


@contextmanager
def _translated() -> Iterator[None]:
    """Stripe's exceptions as ours."""
    try:
        yield
    except stripe.StripeError as error:
        words = str(error)[:250]
        if isinstance(error, _FOR_GOOD) and error.http_status not in _COME_LATER:
            raise Refused(error.code or type(error).__name__, str(getattr(error, "param", "") or ""), words) from error
        headers = {name.lower(): value for name, value in dict(error.headers or {}).items()}
        is_kept = headers.get("idempotent-replayed") == "true" and (error.http_status or 0) >= _OF_THEIRS
        raise Unreachable(words, is_kept) from error


def _seen(session: stripe.checkout.Session) -> Seen:
    intent = session.payment_intent
    intent = intent if isinstance(intent, stripe.PaymentIntent) else None
    charge = intent.latest_charge if intent else None
    charge = charge if isinstance(charge, stripe.Charge) else None
    currency, total = session.currency, session.amount_total
    if currency is None or total is None:
        raise Refused("no_amount", "", f"session {session.id} has no amount")
    error = intent.last_payment_error if intent else None
    declined = str(getattr(error, "decline_code", None) or getattr(error, "code", None) or "") if error else ""
    return Seen(
        session_id=session.id,
        url=session.url or "",
        is_open=session.status == "open",
        is_paid=session.payment_status == "paid" and intent is not None,
        is_processing=bool(intent and intent.status == "processing"),
        amount=from_stripe(total, currency),
        intent_id=intent.id if intent else "",
        charge_id=charge.id if charge else "",
        customer_id=_id(session.customer),
        fee=_fee(charge),
        declined=declined[:60],
    )


def _fee(charge: stripe.Charge | None) -> Money | None:
    transaction = charge.balance_transaction if charge else None
    if not isinstance(transaction, stripe.BalanceTransaction):
        return None
    return fee_from_stripe(transaction.fee, transaction.currency)


def _seen_refund(refund: stripe.Refund) -> SeenRefund:
    return SeenRefund(
        stripe_id=refund.id,
        intent_id=_id(refund.payment_intent),
        refund=_number(refund.metadata, "refund"),
        amount=from_stripe(refund.amount, refund.currency),
        status=refund.status or "pending",
        failure=str(getattr(refund, "failure_reason", None) or ""),
    )


def _seen_dispute(found: stripe.Dispute) -> SeenDispute:
    return SeenDispute(
        stripe_id=found.id, intent_id=_id(found.payment_intent), status=found.status, reason=found.reason
    )


def _id(value: Any) -> str:
    """The id of what may be expanded."""
    return str(getattr(value, "id", value) or "")


def ours_of(metadata: Any) -> Ours | None:
    """Which payment of ours an object is for, by what `open_page` has written on it; None: none that we know of."""
    number, reference = _number(metadata, "payment"), _word(metadata, "reservation")
    return Ours(payment=number, reference=reference) if number is not None and reference else None


def _number(metadata: Any, name: str) -> int | None:
    """A number that Stripe keeps for us; None where there is none."""
    found = _word(metadata, name)
    return int(found) if found.isdecimal() and len(found) < MOST_DIGITS else None


def _word(metadata: Any, name: str) -> str:
    """From Stripe's object, or from the JSON of an event."""
    found = metadata.get(name) if isinstance(metadata, Mapping) else getattr(metadata, name, "")
    return str(found or "")
