"""What was promised, as it stood when it was promised."""

from __future__ import annotations

import hashlib
from datetime import datetime
from functools import lru_cache

from reservations.queries.facts import MarketTerms, Offering
from reservations.rules import gate
from reservations.rules.money import Money

TERMS_VERSION = "2026-11-25"


def write(
    *,
    quantity: int,
    language: str,
    at: datetime,
    market: MarketTerms,
    price: Money,
    decision: gate.Decision,
    offering: Offering,
) -> dict[str, object]:
    """The receipt as JSON: price and tax in minor units, terms version, ship window, and every notice shown.

    A notice carries its version, the language it was shown in, the SHA-256 of its source text and, for a consent,
    when it was given.
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
        "due_now_minor": 0,
        "terms_version": TERMS_VERSION,
        "withdrawal_days": market.withdrawal_days,
        "ships": {
            "from": offering.ships_from.isoformat() if offering.ships_from else None,
            "to": offering.ships_to.isoformat() if offering.ships_to else None,
        },
        "may_ship_at_reserving": decision.stages["ship"],
        "notices": [_notice(notice, language, at) for notice in decision.notices],
    }


def _notice(notice: gate.Notice, language: str, at: datetime) -> dict[str, object]:
    return _text(notice) | {
        "language": language,
        "accepted_at": at.isoformat() if notice.consent else None,
    }


@lru_cache(maxsize=1000)
def _text(notice: gate.Notice) -> dict[str, object]:
    return {
        "id": notice.id,
        "version": notice.version,
        "text": notice.text,
        "sha256": hashlib.sha256(notice.text.encode()).hexdigest(),
    }
