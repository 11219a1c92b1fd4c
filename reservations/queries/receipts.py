"""A stored receipt, ready to be shown in the reader's language."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from django.utils.translation import gettext, gettext_noop

from reservations.models import Reservation
from reservations.queries import texts
from reservations.queries.consents import shown_to
from reservations.rules.sizes import LATER, SIZE


@dataclass(frozen=True)
class Consent:
    """What a customer agreed to, and when."""

    text: str
    accepted: str


@dataclass(frozen=True, kw_only=True)
class Receipt:
    """What was promised, in words: amounts and instants are formatted in the reader's language."""

    product: str
    variant: str
    quantity: int
    unit_price: str
    total: str
    deposit: str  # for all units; empty where none was asked
    due_now: str
    tax: str
    country: str
    ships: tuple[str, str] | None
    may_ship: bool
    terms_version: str
    withdrawal_days: int | None
    consents: tuple[Consent, ...]
    notices: tuple[str, ...]
    switched_off: tuple[str, ...]
    reserved: str


def read(reservation: Reservation) -> Receipt:
    """The receipt of a reservation in the active language."""
    kept, shown = reservation.receipt, shown_to(reservation)
    ships, timezone = kept["ships"], reservation.market.timezone
    deposit = kept.get("deposit_minor", 0)
    return Receipt(
        product=texts.translated(reservation.variant.product.name),
        variant=variant_name(reservation.variant.options),
        quantity=reservation.quantity,
        unit_price=texts.amount(kept["unit_price_minor"], kept["currency"]),
        total=texts.amount(kept["total_minor"], kept["currency"]),
        deposit=texts.amount(deposit, kept["currency"]) if deposit else "",
        due_now=texts.amount(deposit, kept["currency"]),
        tax=tax_words(kept["tax"], kept["currency"]),
        country=texts.country(reservation.market_id),
        ships=(texts.day(ships["from"]), texts.day(ships["to"])) if ships["from"] and ships["to"] else None,
        may_ship=kept["may_ship_at_reserving"],
        terms_version=kept["terms_version"],
        withdrawal_days=kept["withdrawal_days"],
        consents=tuple(
            Consent(texts.said(notice["text"]), texts.instant(notice["accepted_at"], timezone))
            for notice in shown
            if notice["accepted_at"]
        ),
        notices=tuple(texts.said(notice["text"]) for notice in shown if not notice["accepted_at"]),
        switched_off=tuple(texts.features(kept.get("switched_off", ()))),
        reserved=texts.instant(reservation.created_at, timezone),
    )


def tax_words(tax: dict[str, Any], currency: str) -> str:
    """How tax stands in the price: the words beside every amount."""
    if tax["display"] == "exclusive":
        return gettext("Tax is added at your address before you pay.")
    if tax["display"] == "not_applicable":
        return gettext("No consumption tax is charged in this market.")
    if not tax["basis_points"]:
        return gettext("Tax included.")
    rate = f"{tax['basis_points'] / 100:g}"
    if tax.get("included_minor") is None:
        return gettext("Includes %(rate)s %% tax.") % {"rate": rate}
    amount = texts.amount(tax["included_minor"], currency)
    return gettext("Includes %(rate)s %% tax: %(amount)s.") % {"rate": rate, "amount": amount}


OPTIONS = {
    "black": gettext_noop("Black"),
    "tortoise": gettext_noop("Tortoise"),
    "sand": gettext_noop("Sand"),
    "graphite": gettext_noop("Graphite"),
    "silver": gettext_noop("Silver"),
    "white": gettext_noop("White"),
    "prescription": gettext_noop("with prescription lenses"),
    "none": gettext_noop("without camera"),
}


def variant_name(options: Mapping[str, str]) -> str:
    """The options of a variant in words."""
    return ", ".join(_option(key, value) for key, value in options.items())


def _option(key: str, value: str) -> str:
    if key == SIZE and value == LATER:
        return gettext("size to be chosen")
    if key == SIZE:
        return gettext("size %(size)s") % {"size": value}
    return texts.said(OPTIONS[value]) if value in OPTIONS else value
