"""What can be said of a wish before anything is claimed: form of the place, gate, window, limit, consents, price.

Pure on a `World`: no query, nothing stored.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from typing import NamedTuple

from reservations.actions.receipts import Shown, show
from reservations.actions.wishes import (
    AllotmentExhausted,
    ConsentRequired,
    LaunchClosed,
    LaunchPaused,
    LimitReached,
    NotAvailableInMarket,
    NotOpenYet,
    PostcodeElsewhere,
    Refusal,
    SoldOut,
    SubdivisionRequired,
    UnknownMarket,
    UnknownPostcode,
    UnknownSku,
    UnknownSubdivision,
    Wish,
)
from reservations.queries.facts import Decided, MarketTerms, Offering, World, current_offering, deposit_of
from reservations.rules import destinations, gate, opening
from reservations.rules.money import Money


class Prepared(NamedTuple):
    """A wish that may be granted as far as the world says, and everything that granting it needs."""

    wish: Wish
    at: datetime
    variant_id: int
    product_id: int
    market: MarketTerms
    price: Money
    offering: Offering
    decision: gate.Decision
    passport: gate.Passport | None
    shown: Shown
    allotment_id: int
    is_partners_own: bool

    @property
    def deposit(self) -> Money | None:
        """What is asked for all units to keep the place; nothing in the sandbox, which knows no money."""
        each = None if self.wish.is_sandbox else deposit_of(self.offering, self.price, self.decision)
        return each.times(self.wish.quantity) if each else None

    @property
    def customer(self) -> tuple[int, int, str, bool]:
        """Who counts as one for the limit: launch, product, e-mail key, sandbox."""
        return self.offering.launch_id, self.product_id, self.wish.email_key, self.wish.is_sandbox

    @property
    def has_waiting_list(self) -> bool:
        return self.offering.has_waiting_list and not self.is_partners_own

    def exhausted(self) -> Refusal:
        """The no when nothing is left."""
        return AllotmentExhausted() if self.is_partners_own else SoldOut()


def prepare(*, wish: Wish, world: World, at: datetime, holds_place: bool = False) -> Prepared:
    """Check the wish on the facts as committed now and on the delivery address. Raises the Refusal that says no.

    `holds_place`: it changes a reservation, which may be done after the launch has closed.
    """
    ids = world.variant_ids.get(wish.sku)
    if ids is None or wish.product not in (None, world.subjects[wish.sku].product):
        raise UnknownSku(wish.sku)
    wish, market = _settled(wish, world)
    decided = world.decide(wish.sku, market.code, wish.subdivision, at)
    decision = _allowed(decided, wish)
    offering = _open_offering(world, wish, at, holds_place)
    _check_consents(wish, decision)
    if wish.quantity > offering.per_customer_limit:
        raise LimitReached(offering.per_customer_limit)
    pools = world.allotments.get((offering.launch_id, wish.sku, market.code, wish.is_sandbox), {})
    own = pools.get(wish.partner_id) if wish.partner_id is not None else None
    allotment_id = own if own is not None else pools.get(None)
    if allotment_id is None:
        raise SoldOut
    return Prepared(
        wish=wish,
        at=at,
        variant_id=ids[0],
        product_id=ids[1],
        market=market,
        price=world.prices[wish.sku, market.code],
        offering=offering,
        decision=decision,
        passport=world.passport(world.subjects[wish.sku].product, market.code, at),
        shown=_shown(decided, wish.language),
        allotment_id=allotment_id,
        is_partners_own=own is not None,
    )


def _settled(wish: Wish, world: World) -> tuple[Wish, MarketTerms]:
    """The wish with market and subdivision as the delivery address names them, and that market."""
    market = world.markets.get(destinations.settle(wish.market).country)
    if market is None:
        raise UnknownMarket(wish.market)
    try:
        place = destinations.locate(wish.market, wish.subdivision or None, wish.postcode)
    except destinations.NotAPostcode as error:
        raise UnknownPostcode(market.code, error.example) from error
    except destinations.PostcodeElsewhere as error:
        told = error.told.code if error.told else None
        raise PostcodeElsewhere(market.code, wish.subdivision, told) from error
    if place.country != market.code or (place.subdivision and place.subdivision not in market.subdivisions):
        raise UnknownSubdivision(market.code, wish.subdivision or "")
    if (wish.market, wish.subdivision) == (place.country, place.subdivision):
        return wish, market
    return replace(wish, market=place.country, subdivision=place.subdivision), market


def _allowed(decided: Decided, wish: Wish) -> gate.Decision:
    decision = decided.decision
    if decision.is_stopped and decision.stages["announce"]:
        raise LaunchPaused
    if not decision.stages["reserve"]:
        raise NotAvailableInMarket(decision, decided.until, wish.subdivision or wish.market)
    if decision.varies_in:
        raise SubdivisionRequired(wish.market)
    return decision


def _shown(decided: Decided, language: str) -> Shown:
    """Computed once for as long as the decision holds."""
    shown: Shown = decided.shown.get(language) or decided.shown.setdefault(language, show(decided.decision, language))
    return shown


def _open_offering(world: World, wish: Wish, at: datetime, holds_place: bool) -> Offering:
    offering = current_offering(world.offers(wish.sku, wish.market), at)
    if offering is None:
        raise NotOpenYet(None)
    phase = offering.window.phase(at)
    if phase == opening.ANNOUNCED:
        raise NotOpenYet(offering.window.opens_at)
    if phase == opening.CLOSED and not holds_place:
        raise LaunchClosed(offering.window.closes_at)
    if phase == opening.PAUSED:
        raise LaunchPaused
    return offering


def _check_consents(wish: Wish, decision: gate.Decision) -> None:
    """Each consent that the destination asks for, in the version shown now; none that it does not know."""
    versions = decision.versions
    unknown = tuple(sorted(given for given, version in wish.consents.items() if versions.get(given) != version))
    missing = tuple(notice for notice in decision.consents if wish.consents.get(notice.id) != notice.version)
    if missing or unknown:
        raise ConsentRequired(missing, unknown)
