"""Reserve: gate, window, limit, claim, place, receipt, event and message in one transaction.

Locks are taken in one order everywhere: the customer's limit row, then the allotment row, both by a conditional
UPDATE, so that the same code is right on PostgreSQL and on SQLite.
"""

from __future__ import annotations

import secrets
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from django.db import IntegrityError, connection, transaction

from reservations.actions import receipts
from reservations.actions.recording import record
from reservations.models import (
    Allotment,
    CustomerLimit,
    LaunchMarket,
    Market,
    Message,
    Partner,
    Price,
    Reservation,
    ReviewTask,
    Variant,
)
from reservations.queries.facts import current_world
from reservations.rules import gate, lifecycle, limits, opening, places


class Refusal(Exception):
    """A foreseen no. Carries facts; words and HTTP belong to the front."""


@dataclass(eq=False)
class UnknownSku(Refusal):
    sku: str


@dataclass(eq=False)
class UnknownMarket(Refusal):
    market: str


@dataclass(eq=False)
class SubdivisionRequired(Refusal):
    market: str


@dataclass(eq=False)
class UnknownSubdivision(Refusal):
    market: str
    subdivision: str


@dataclass(eq=False)
class NotAvailableInMarket(Refusal):
    decision: gate.Decision
    next_change_at: datetime | None


@dataclass(eq=False)
class NotOpenYet(Refusal):
    opens_at: datetime | None


@dataclass(eq=False)
class LaunchPaused(Refusal):
    """The launch is paused, or a stop-sale is in force."""


@dataclass(eq=False)
class LaunchClosed(Refusal):
    closed_at: datetime | None


@dataclass(eq=False)
class ConsentRequired(Refusal):
    """Consents that are missing, or were given to another version of the text."""

    missing: tuple[gate.Notice, ...]
    unknown: tuple[str, ...]


@dataclass(eq=False)
class LimitReached(Refusal):
    limit: int


@dataclass(eq=False)
class SoldOut(Refusal):
    """Nothing left and no waiting list."""


@dataclass(eq=False)
class AllotmentExhausted(Refusal):
    """The partner's own allotment is used up."""


@dataclass(frozen=True, kw_only=True)
class Wish:
    """What somebody wants to reserve, already checked for its form."""

    sku: str
    quantity: int
    market: str
    subdivision: str | None
    language: str
    email: str
    name: str
    phone: str = ""
    consents: Mapping[str, str]
    partner: Partner | None = None
    partner_reference: str = ""
    attempt: uuid.UUID | None = None
    is_sandbox: bool = False


@dataclass(frozen=True)
class _Claim:
    allotment_id: int
    place_number: int
    is_confirmed: bool


def reserve(*, wish: Wish, at: datetime) -> Reservation:
    """Give a place, or raise the Refusal that says why not. A refusal stores nothing but a task to review a place.

    The same `attempt` sent again answers with the reservation that it made the first time.
    """
    try:
        with transaction.atomic():
            return _reserve(wish, at)
    except (IntegrityError, Refusal) as no:
        # Two clicks at once: the one that lost the race finds what the other made.
        earlier = _made_by(wish)
        if earlier is not None:
            return earlier
        if isinstance(no, NotAvailableInMarket):
            _ask_for_review(no, wish, at)
        raise


def _reserve(wish: Wish, at: datetime) -> Reservation:
    earlier = _made_by(wish)
    if earlier is not None:
        return earlier
    variant = Variant.objects.select_related("product").filter(sku=wish.sku).first()
    if variant is None:
        raise UnknownSku(wish.sku)
    market = Market.objects.filter(code=wish.market).first()
    if market is None:
        raise UnknownMarket(wish.market)
    decision = _decide(wish, market, at)
    price = Price.objects.filter(variant=variant, market=market).first()
    window = _open_window(variant, market, price, decision, at)
    _check_consents(wish, decision)
    _claim_limit(wish, window, variant)
    claim = _claim_place(wish, window, variant, market)
    assert price is not None
    return _store(wish, at, variant, market, price, window, decision, claim)


def _made_by(wish: Wish) -> Reservation | None:
    return Reservation.objects.filter(attempt=wish.attempt).first() if wish.attempt else None


def _decide(wish: Wish, market: Market, at: datetime) -> gate.Decision:
    """The gate, again, on the facts as committed now and on the delivery address."""
    known = {row["code"] for row in market.subdivisions}
    if wish.subdivision and wish.subdivision not in known:
        raise UnknownSubdivision(market.code, wish.subdivision)
    world = current_world()
    subject = world.subjects.get(wish.sku)
    if subject is None:
        raise UnknownSku(wish.sku)
    destination = world.destination(market.code, wish.subdivision or None)
    decision = gate.decide(subject=subject, destination=destination, facts=world.facts, at=at)
    if decision.is_stopped and decision.stages["announce"]:
        raise LaunchPaused
    if not decision.stages["reserve"]:
        change_at = gate.next_change_at(subject=subject, destination=destination, facts=world.facts, at=at)
        raise NotAvailableInMarket(decision, change_at)
    if decision.varies_in:
        raise SubdivisionRequired(market.code)
    return decision


def _open_window(
    variant: Variant, market: Market, price: Price | None, decision: gate.Decision, at: datetime
) -> LaunchMarket:
    rows = list(
        LaunchMarket.objects.select_related("launch").filter(market=market, launch__products=variant.product_id)
    )
    if not rows or price is None:
        raise NotOpenYet(None)
    windows = {
        opening.Window(opens_at=row.opens_at, closes_at=row.closes_at, is_paused=row.launch.paused_at is not None): row
        for row in rows
    }
    window = opening.current_window(list(windows), at)
    row = windows[window]  # type: ignore[index]
    phase = window.phase(at)  # type: ignore[union-attr]
    if phase == opening.ANNOUNCED:
        raise NotOpenYet(row.opens_at)
    if phase == opening.CLOSED:
        raise LaunchClosed(row.closes_at)
    if phase == opening.PAUSED:
        raise LaunchPaused
    return row


def _check_consents(wish: Wish, decision: gate.Decision) -> None:
    """Each consent that the destination asks for, in the version shown now; none that it does not know."""
    versions = {notice.id: notice.version for notice in decision.notices}
    unknown = tuple(sorted(given for given, version in wish.consents.items() if versions.get(given) != version))
    missing = tuple(notice for notice in decision.consents if wish.consents.get(notice.id) != notice.version)
    if missing or unknown:
        raise ConsentRequired(missing, unknown)


def _claim_limit(wish: Wish, window: LaunchMarket, variant: Variant) -> None:
    """Count the units against the customer's limit in one statement. Raises LimitReached."""
    limit = window.launch.per_customer_limit
    if wish.quantity > limit:
        raise LimitReached(limit)
    table = CustomerLimit._meta.db_table
    with connection.cursor() as cursor:
        # The table name is ours; every value is bound.
        cursor.execute(
            f"INSERT INTO {table} (launch_id, product_id, email_key, is_sandbox, quantity) VALUES (%s, %s, %s, %s, %s) "  # noqa: S608
            "ON CONFLICT (launch_id, product_id, email_key, is_sandbox) "
            f"DO UPDATE SET quantity = {table}.quantity + excluded.quantity "
            f"WHERE {table}.quantity + excluded.quantity <= %s RETURNING quantity",
            [window.launch_id, variant.product_id, limits.email_key(wish.email), wish.is_sandbox, wish.quantity, limit],
        )
        if cursor.fetchone() is None:
            raise LimitReached(limit)


def _claim_place(wish: Wish, window: LaunchMarket, variant: Variant, market: Market) -> _Claim:
    """Take units and the next place number in one statement. Raises SoldOut or AllotmentExhausted."""
    mine = Allotment.objects.filter(
        launch=window.launch_id, variant=variant, allotmentmarket__market=market, is_sandbox=wish.is_sandbox
    )
    rows = {row.partner_id: row for row in mine}
    own = rows.get(wish.partner.pk) if wish.partner else None
    allotment = own or rows.get(None)
    if allotment is None:
        raise SoldOut
    has_waiting_list = window.launch.has_waiting_list and own is None
    claim = _claim(allotment.pk, wish.quantity, has_waiting_list=has_waiting_list)
    if claim is None:
        raise AllotmentExhausted if own else SoldOut
    return claim


def _claim(allotment_id: int, quantity: int, *, has_waiting_list: bool) -> _Claim | None:
    """Nobody overtakes those who wait: while one waits, a new entry waits too, whatever is free."""
    fits = "waiting = 0 AND held + %(quantity)s <= capacity"
    table = Allotment._meta.db_table
    statement = (
        f"UPDATE {table} SET "  # noqa: S608  (the table name is ours; every value is bound)
        f"held = held + CASE WHEN {fits} THEN %(quantity)s ELSE 0 END, "
        f"waiting = waiting + CASE WHEN {fits} THEN 0 ELSE 1 END, "
        "last_place = last_place + 1 "
        f"WHERE id = %(id)s AND (%(waits)s = 1 OR ({fits})) RETURNING last_place, waiting"
    )
    with connection.cursor() as cursor:
        cursor.execute(statement, {"quantity": quantity, "id": allotment_id, "waits": int(has_waiting_list)})
        row = cursor.fetchone()
    return _Claim(allotment_id, row[0], row[1] == 0) if row else None


def _store(
    wish: Wish,
    at: datetime,
    variant: Variant,
    market: Market,
    price: Price,
    window: LaunchMarket,
    decision: gate.Decision,
    claim: _Claim,
) -> Reservation:
    """The reservation, its event, and the mail that is owed."""
    receipt = receipts.write(
        quantity=wish.quantity,
        language=wish.language,
        at=at,
        market=market,
        price=price,
        decision=decision,
        launch=window.launch,
    )
    reservation = _reservation(wish, at, variant, market, price, window, receipt, claim)
    reservation.save(force_insert=True)
    record(
        at=at,
        actor=f"partner:{wish.partner.slug}" if wish.partner else "customer",
        action=f"reservation.{reservation.status}",
        subject=f"reservation:{reservation.reference}",
        reservation=reservation,
        facts={"sku": variant.sku, "quantity": wish.quantity, "market": market.code, "place": claim.place_number},
    )
    if not wish.is_sandbox:
        Message.objects.create(reservation=reservation, kind=reservation.status, due_at=at)
    return reservation


def _reservation(
    wish: Wish,
    at: datetime,
    variant: Variant,
    market: Market,
    price: Price,
    window: LaunchMarket,
    receipt: dict[str, object],
    claim: _Claim,
) -> Reservation:
    return Reservation(
        reference=places.reference(secrets.randbits(40)),
        status=lifecycle.CONFIRMED if claim.is_confirmed else lifecycle.WAITLISTED,
        launch_id=window.launch_id,
        variant=variant,
        market=market,
        allotment_id=claim.allotment_id,
        subdivision=wish.subdivision or "",
        quantity=wish.quantity,
        place_number=claim.place_number,
        language=wish.language,
        email=wish.email,
        email_key=limits.email_key(wish.email),
        name=wish.name,
        phone=wish.phone,
        unit_price_minor=price.amount_minor,
        currency=price.currency,
        receipt=receipt,
        partner=wish.partner,
        partner_reference=wish.partner_reference,
        attempt=wish.attempt,
        is_sandbox=wish.is_sandbox,
        created_at=at,
        confirmed_at=at if claim.is_confirmed else None,
    )


def _ask_for_review(refusal: NotAvailableInMarket, wish: Wish, at: datetime) -> None:
    """Where the law leaves the place to a person's judgement, staff get one task for it."""
    waiting = [reason for reason in refusal.decision.reasons if reason.code == gate.NEEDS_REVIEW]
    product_id = Variant.objects.filter(sku=wish.sku).values_list("product_id", flat=True).first()
    for reason in waiting:
        ReviewTask.objects.get_or_create(
            product_id=product_id or 0,
            subdivision=wish.subdivision or "",
            requirement_id=reason.requirement,
            closed_at=None,
            defaults={"opened_at": at},
        )
