"""Another variant, another market, fewer units: the reservation goes on, with its instant and so with its rank.

What would change is shown first (`terms_of`), and what was shown is what is accepted: where it no longer is so, nothing
happens and it is shown again. Within one pool the number stays. Into another line it takes a new number, behind which
nobody loses a place: its rank there is that of its original instant.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

import orjson
from django.db import transaction
from django.db.models import F

from reservations.actions import lines, receipts
from reservations.actions.owing import owe
from reservations.actions.preparing import Prepared, prepare
from reservations.actions.refunding import give_back, held_money
from reservations.actions.wishes import ConsentRequired, Refusal, SoldOut, Wish
from reservations.models import Acceptance, Allotment, Hold, Reservation, VacatedPlace, Wording
from reservations.queries.consents import texts_seen
from reservations.queries.facts import World, current_world
from reservations.queries.places import ahead_in, numbers_before
from reservations.rules import gate, holds, lifecycle, payments
from reservations.rules.money import Money

MOVED = "moved"
CHANGEABLE = (lifecycle.CONFIRMED, lifecycle.WAITLISTED)


class MoreUnits(Refusal):
    """A change gives units back, it takes none: for more, another place is reserved."""


class OtherProduct(Refusal):
    """The variant is of another product, or sold in another launch."""


class NothingChanges(Refusal):
    """It is so already."""


class ShownOtherwise(Exception):
    """The terms have changed between being shown and being accepted."""


@dataclass(frozen=True, kw_only=True)
class Change:
    """What a customer wants changed. None: as it is."""

    sku: str | None = None
    market: str | None = None
    subdivision: str | None = None
    postcode: str = ""
    quantity: int | None = None


@dataclass(frozen=True, kw_only=True)
class Terms:
    """What a change would mean now. `ahead` counts as `Standing.people_ahead` does; `digest` names all of it.

    `held_minor` is what was paid, in the old currency; `goes_back` what of it is refunded.
    """

    prepared: Prepared
    price: Money
    stays_in_line: bool
    is_confirmed: bool
    ahead: int
    held_minor: int
    goes_back: Money
    receipt: Mapping[str, Any]
    consents: tuple[gate.Notice, ...]

    @property
    def status(self) -> str:
        """A deposit that is asked in the new place is paid before it is confirmed."""
        if not self.is_confirmed:
            return lifecycle.WAITLISTED
        is_due = bool(self.receipt["deposit_minor"]) and not self.held_minor
        return lifecycle.AWAITING_PAYMENT if is_due else lifecycle.CONFIRMED

    @property
    def digest(self) -> str:
        """Not of who is ahead: others come and go while it is being read."""
        shown = (self.prepared.wish.sku, self.prepared.market.code, self.prepared.wish.subdivision, self.receipt)
        told = (self.is_confirmed, self.goes_back.amount_minor, self.prepared.shown.digest)
        return hashlib.sha256(orjson.dumps((*shown, *told), option=orjson.OPT_SORT_KEYS)).hexdigest()[:32]


def terms_of(*, reservation: Reservation, change: Change, at: datetime, language: str) -> Terms:
    """What the change would mean. Stores nothing. Raises the Refusal that says no, CannotMove."""
    return _terms(reservation, change, current_world(), at, language)


def _terms(row: Reservation, change: Change, world: World, at: datetime, language: str) -> Terms:
    if row.status not in CHANGEABLE:
        raise lines.CannotMove(row.reference, row.status, "changed")
    wish = _wish(row, change, language)
    if wish.quantity > row.quantity:
        raise MoreUnits
    ids = world.variant_ids.get(wish.sku)
    if ids is not None and ids[1] != row.variant.product_id:
        raise OtherProduct
    prepared, consents = _prepare(row, wish, world, at)
    if prepared.offering.launch_id != row.launch_id:
        raise OtherProduct
    is_same = (prepared.variant_id, prepared.market.code) == (row.variant_id, row.market_id)
    settled = prepared.wish
    if is_same and (settled.subdivision or "", settled.quantity) == (row.subdivision, row.quantity):
        raise NothingChanges
    # What was promised is kept: fewer units of the same cost what they cost.
    price = Money(row.unit_price_minor, row.currency) if is_same else prepared.price
    held = held_money([row]).get(row.pk, 0)
    deposit = _deposit(row, prepared, held)
    line = Allotment.objects.get(pk=prepared.allotment_id)
    stays = line.pk == row.allotment_id
    is_confirmed = row.status == lifecycle.CONFIRMED if stays else lines.fits(_as(row, settled.quantity), line)
    if not is_confirmed and not stays and not prepared.has_waiting_list:
        raise SoldOut
    return Terms(
        prepared=prepared,
        price=price,
        stays_in_line=stays,
        is_confirmed=is_confirmed,
        ahead=0 if stays else ahead_in(row, line, waits=not is_confirmed),
        held_minor=held,
        goes_back=Money(held - (deposit.amount_minor if deposit and held else 0), row.currency),
        receipt=receipts.write(
            quantity=settled.quantity,
            market=prepared.market,
            price=price,
            decision=prepared.decision,
            offering=prepared.offering,
            passport=prepared.passport,
            deposit=deposit,
        ),
        consents=consents,
    )


def _deposit(row: Reservation, prepared: Prepared, held: int) -> Money | None:
    """Who has paid a deposit pays no other: it goes along as far as one is asked there, and the rest goes back.

    Who has a place without one keeps it so; who waits is asked for what is asked there.
    """
    asked = prepared.deposit
    if held:
        same = asked is not None and asked.currency == row.currency
        return Money(min(held, asked.amount_minor), row.currency) if asked and same else None
    return asked if row.status == lifecycle.WAITLISTED else None


def _as(row: Reservation, quantity: int) -> Reservation:
    return Reservation(pk=row.pk, created_at=row.created_at, place_number=row.place_number, quantity=quantity)


def _wish(row: Reservation, change: Change, language: str) -> Wish:
    moves = change.market is not None and change.market != row.market_id
    subdivision = change.subdivision if moves or change.subdivision is not None else row.subdivision
    return Wish(
        sku=change.sku or row.variant.sku,
        quantity=row.quantity if change.quantity is None else change.quantity,
        market=change.market or row.market_id,
        subdivision=subdivision or None,
        postcode=change.postcode,
        language=language,
        email=row.email,
        name=row.name,
        consents={},
        partner_id=row.partner_id,
        is_sandbox=row.is_sandbox,
    )


def _prepare(row: Reservation, wish: Wish, world: World, at: datetime) -> tuple[Prepared, tuple[gate.Notice, ...]]:
    """As for a new reservation, with every consent as given; and those that were not seen yet."""
    try:
        prepared = prepare(wish=wish, world=world, at=at, holds_place=True)
    except ConsentRequired as asked:
        given = {notice.id: notice.version for notice in asked.missing}
        prepared = prepare(wish=replace(wish, consents=given), world=world, at=at, holds_place=True)
    seen = texts_seen(row)
    return prepared, tuple(each for each in prepared.decision.consents if (each.id, each.version) not in seen)


@transaction.atomic
def relocate(
    *,
    reservation: Reservation,
    change: Change,
    given: Mapping[str, str],
    shown_digest: str | None,
    at: datetime,
    actor: str,
    language: str,
    reason: str = "",
) -> Reservation:
    """Carry out a change whose terms were shown. Frees what it leaves, once, for whoever waits there.

    `given` is requirement id → version of each consent among the terms. Raises what `terms_of` raises, ConsentRequired,
    ShownOtherwise.
    """
    aim = _terms(reservation, change, current_world(), at, language).prepared.allotment_id
    [row] = lines.lock([reservation.pk], lines=[aim])
    terms = _terms(row, change, current_world(), at, language)
    if terms.prepared.allotment_id != aim or shown_digest not in (None, terms.digest):
        raise ShownOtherwise
    missing = tuple(notice for notice in terms.consents if given.get(notice.id) != notice.version)
    if missing:
        raise ConsentRequired(missing, ())
    before = _gist(row)
    was_line = row.allotment_id
    _put(row, terms, at)
    if terms.goes_back.amount_minor:
        is_fewer = terms.prepared.market.code == row.market_id
        reason = payments.FEWER if is_fewer else payments.MOVED
        give_back(row, terms.goes_back.amount_minor, at=at, reason=reason)
    _agree(row, terms, at, actor)
    kept = Reservation.objects.select_related("variant", "market", "launch").get(pk=row.pk)
    facts: dict[str, object] = {"from": before, "into": _gist(kept)}
    if kept.allotment_id != was_line:
        facts["to"] = kept.status
    lines.note(kept, "moved", at=at, actor=actor, reason=reason, facts=facts)
    owe([kept], kind=MOVED, at=at)
    lines.promote(allotment_id=was_line, at=at)
    return kept


def _gist(row: Reservation) -> dict[str, object]:
    return {
        "sku": row.variant.sku,
        "market": row.market_id,
        "subdivision": row.subdivision or None,
        "quantity": row.quantity,
        "unit_price_minor": row.unit_price_minor,
        "currency": row.currency,
        "place": row.place_number,
    }


def _put(row: Reservation, terms: Terms, at: datetime) -> None:
    """Rows and counters. Units are taken there and given back here in one transaction: none counts twice."""
    settled = terms.prepared.wish
    columns = {
        "variant_id": terms.prepared.variant_id,
        "market_id": terms.prepared.market.code,
        "subdivision": settled.subdivision or "",
        "quantity": settled.quantity,
        "unit_price_minor": terms.price.amount_minor,
        "currency": terms.price.currency,
        "receipt": {**terms.receipt, "amended_at": at.isoformat()},
    }
    held_before = lifecycle.counts(row.status, row.quantity)
    after = terms.status
    held_after = lifecycle.counts(after, settled.quantity)
    if terms.stays_in_line:
        Allotment.objects.filter(pk=row.allotment_id).update(held=F("held") + held_after[0] - held_before[0])
    else:
        columns |= _take_place(row, terms, at)
        Allotment.objects.filter(pk=row.allotment_id).update(
            held=F("held") - held_before[0], waiting=F("waiting") - held_before[1], gone=F("gone") + 1
        )
        Allotment.objects.filter(pk=terms.prepared.allotment_id).update(
            held=F("held") + held_after[0], waiting=F("waiting") + held_after[1]
        )
        columns |= {
            "status": after,
            "confirmed_at": at if after == lifecycle.CONFIRMED else None,
            "expires_at": payments.held_until(at, is_in_front=False) if after == lifecycle.AWAITING_PAYMENT else None,
        }
    if settled.quantity < row.quantity:
        lines.count_units(_customer(row), settled.quantity - row.quantity)
    moved = Reservation.objects.filter(pk=row.pk, status=row.status).update(**columns)
    assert moved == 1, "somebody moved a locked reservation"
    # The gate held it for what it is no longer, and has just said yes to what it is now. The bank's question stays.
    Hold.objects.filter(reservation=row, released_at=None).exclude(code=holds.BANK).update(released_at=at)


def _customer(row: Reservation) -> tuple[int, int, str, bool]:
    return row.launch_id, row.variant.product_id, row.email_key, row.is_sandbox


def _take_place(row: Reservation, terms: Terms, at: datetime) -> dict[str, object]:
    """A new number in the other line, behind those who came before the original instant; the old one is left."""
    VacatedPlace.objects.create(
        allotment_id=row.allotment_id, place_number=row.place_number, reservation=row, left_at=at
    )
    line = Allotment.objects.get(pk=terms.prepared.allotment_id)
    behind = numbers_before(row, line)
    latest = max(filter(None, (line.last_at, row.created_at)))
    Allotment.objects.filter(pk=line.pk).update(last_place=F("last_place") + 1, last_at=latest)
    return {"allotment_id": line.pk, "place_number": line.last_place + 1, "behind": behind}


def _agree(row: Reservation, terms: Terms, at: datetime, actor: str) -> None:
    """What was shown for the new place is kept beside what was shown first."""
    shown = terms.prepared.shown
    if shown.digest == row.wording_id:
        return
    Wording.objects.get_or_create(digest=shown.digest, defaults={"notices": list(shown.notices)})
    Acceptance.objects.get_or_create(reservation=row, wording_id=shown.digest, defaults={"at": at, "actor": actor})
