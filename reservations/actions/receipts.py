"""What was promised and shown, as it stood when it was promised."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

import orjson

from reservations.queries.facts import MarketTerms, Offering
from reservations.rules import gate
from reservations.rules.money import Money

TERMS_VERSION = "2026-11-27"


@dataclass(frozen=True)
class Shown:
    """Notices in one language, and the SHA-256 of them."""

    digest: str
    notices: tuple[dict[str, object], ...]


def show(decision: gate.Decision, language: str) -> Shown:
    """Every notice of a decision with its version, the language it is shown in, and the SHA-256 of its source text."""
    notices = tuple(_notice(notice, language) for notice in decision.notices)
    return Shown(hashlib.sha256(orjson.dumps(notices)).hexdigest(), notices)


def _notice(notice: gate.Notice, language: str) -> dict[str, object]:
    return {
        "id": notice.id,
        "version": notice.version,
        "text": notice.text,
        "sha256": hashlib.sha256(notice.text.encode()).hexdigest(),
        "language": language,
        "consent": notice.consent,
    }


def write(
    *,
    quantity: int,
    market: MarketTerms,
    price: Money,
    decision: gate.Decision,
    offering: Offering,
    passport: gate.Passport | None,
    deposit: Money | None = None,
) -> dict[str, object]:
    """The receipt as JSON: price and tax in minor units, terms version, ship window, what was told of the device.

    `deposit` is for all units together; it counts towards the total, and no more than that is asked.
    """
    total = price.times(quantity)
    has_tax = market.is_tax_included and bool(market.tax_basis_points)
    return {
        "unit_price_minor": price.amount_minor,
        "total_minor": total.amount_minor,
        "currency": price.currency,
        "tax": {
            "display": market.tax_display,
            "basis_points": market.tax_basis_points,
            "included_minor": total.tax_included(market.tax_basis_points or 0).amount_minor if has_tax else None,
        },
        "deposit_minor": deposit.amount_minor if deposit else 0,
        "terms_version": TERMS_VERSION,
        "withdrawal_days": market.withdrawal_days,
        "ships": {
            "from": offering.ships_from.isoformat() if offering.ships_from else None,
            "to": offering.ships_to.isoformat() if offering.ships_to else None,
        },
        "may_ship_at_reserving": decision.stages["ship"],
        "passport": passport.id if passport else None,
        "switched_off": [list(pair) for pair in decision.switched_off],
    }
