"""Rows as the API shows them."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from functools import cache
from typing import Any

import orjson
from django.conf import settings
from django.templatetags.static import static

from reservations.actions.asks import Granted
from reservations.models import Hold, Launch, Market, Passport, Product, Reservation, Variant
from reservations.queries import links
from reservations.queries.availability import Availability
from reservations.queries.consents import News, news_for
from reservations.queries.deposits import deposit_states
from reservations.queries.facts import Decided, World, current_world, deposit_of
from reservations.queries.holds import open_holds
from reservations.queries.places import Standing, standings
from reservations.rules import lifecycle, opening
from storefront.api.problems import notice, reason, stamp

_TAX_NAMES = {
    "AU": "GST", "NZ": "GST", "SG": "GST", "IN": "GST", "CA": "GST", "US": "Sales tax", "JP": "Consumption tax",
    "MY": "Sales tax", "HK": None, "MO": None, "QA": None, "KW": None,
}  # fmt: skip
_PICTURES = {
    "glasses-s1": "glasses-s1-black",
    "glasses-g1": "glasses-g1-sand",
    "ring": "ring-graphite",
    "earphones": "earphones-white",
}


def money(amount_minor: int, currency: str) -> dict[str, Any]:
    return {"amount_minor": amount_minor, "currency": currency}


def market(row: Market) -> dict[str, Any]:
    rate = None if row.tax_basis_points is None else f"{row.tax_basis_points / 100:g}"
    return {
        "code": row.code,
        "name": row.name,
        "currency": row.currency,
        "languages": row.languages,
        "tax": {"name": _TAX_NAMES.get(row.code, "VAT"), "rate": rate, "included": row.is_tax_included},
        "region": row.region,
        "subdivisions": row.subdivisions,
    }


def availability(row: Availability) -> dict[str, Any]:
    return {
        "market": row.market,
        "subdivision": row.subdivision,
        "sku": row.sku,
        "status": row.status,
        "opens_at": stamp(row.opens_at),
        "next_change_at": stamp(row.next_change_at),
        **_told(row.decided),
    }


def _told(decided: Decided) -> dict[str, Any]:
    """What a decision says, as JSON, written once for as long as the decision holds."""
    if "json" not in decided.shown:
        decision = decided.decision
        parts: dict[str, Any] = {
            "stages": dict(decision.stages),
            "reasons": [reason(each) for each in decision.reasons],
            "notices": [notice(each) for each in decision.notices],
            "disabled_features": decision.disabled_features,
            "varies_in": decision.varies_in,
        }
        decided.shown["json"] = {name: orjson.Fragment(orjson.dumps(part)) for name, part in parts.items()}
    told: dict[str, Any] = decided.shown["json"]
    return told


@cache
def _images(slug: str) -> list[str]:
    stem = _PICTURES.get(slug)
    return [settings.SITE_URL + static(f"products/{stem}-hero.{kind}") for kind in ("avif", "webp")] if stem else []


def product(row: Product, world: World, offers: Mapping[str, Availability] | None = None) -> dict[str, Any]:
    """A product; with price and availability in one market, each variant's own."""
    return {
        "slug": row.slug,
        "kind": row.kind,
        "name": row.name.get("en", row.slug),
        "tagline": row.tagline.get("en", ""),
        "capabilities": row.capabilities,
        "specs": row.specs,
        "images": _images(row.slug),
        "variants": [
            _offered(variant, world, offers[variant.sku]) if offers else _variant(variant)
            for variant in row.variants.all()
        ],
    }


def _variant(row: Variant) -> dict[str, Any]:
    return {"sku": row.sku, "options": row.options}


def _offered(variant: Variant, world: World, row: Availability) -> orjson.Fragment:
    """A variant with price, deposit for each, and what may be done: written once for as long as it is the same."""
    form = f"offered {row.status}"
    if form not in row.shown:
        price = world.prices.get((row.sku, row.market))
        deposit = deposit_of(row.offering, price, row.decision)
        told = {
            **_variant(variant),
            "price": money(price.amount_minor, price.currency) if price else None,
            "deposit": money(deposit.amount_minor, deposit.currency) if deposit else None,
            "availability": availability(row),
        }
        row.shown[form] = orjson.Fragment(orjson.dumps(told))
    written: orjson.Fragment = row.shown[form]
    return written


def passport(row: Passport, market: str) -> dict[str, Any]:
    """A device passport as it stands for one of its markets."""
    page = f"{settings.SITE_URL}{links.prefix(settings.LANGUAGE_CODE, market)}privacy/{row.product.slug}/"
    return {
        "product": row.product.slug,
        "market": market,
        "version": row.version,
        "since": row.since.isoformat(),
        "records": row.records,
        "processor": row.processor,
        "contact": row.contact,
        "sample": row.is_sample,
        "page": page,
        "page_for_bystanders": f"{page}bystanders/",
    }


def launch(row: Launch, at: datetime) -> dict[str, Any]:
    """A launch; its own instants are those of the market that opens first, and of the one that closes last."""
    rows = sorted(row.windows.all(), key=lambda window: window.market_id)
    windows = [
        opening.Window(opens_at=w.opens_at, closes_at=w.closes_at, is_paused=row.paused_at is not None) for w in rows
    ]
    closes = [window.closes_at for window in windows]
    phases = {window.phase(at) for window in windows} or {opening.ANNOUNCED}
    order = (opening.OPEN, opening.PAUSED, opening.ANNOUNCED, opening.CLOSED)
    return {
        "slug": row.slug,
        "name": row.name.get("en", row.slug),
        "opens_at": stamp(min((window.opens_at for window in windows), default=None)),
        "closes_at": stamp(max(closes)) if closes and None not in closes else None,  # type: ignore[type-var]
        "phase": min(phases, key=order.index),
        "server_time": stamp(at),
        "products": sorted(each.slug for each in row.products.all()),
        "markets": [
            {
                "code": w.market_id,
                "opens_at": stamp(w.opens_at),
                "closes_at": stamp(w.closes_at),
                "phase": window.phase(at),
            }
            for w, window in zip(rows, windows, strict=True)
        ],
    }


def reservations(rows: list[Reservation], at: datetime) -> list[dict[str, Any]]:
    """Reservations as they stand at `at`: as many queries for one as for many."""
    found, holds, news = standings(rows), open_holds(rows), news_for(rows, world=current_world(), at=at)
    deposits = deposit_states(rows)
    return [
        _reservation(
            row,
            (row.settled_variant or row.variant).sku,
            found[row.pk],
            at,
            hold=holds.get(row.pk),
            news=news.get(row.pk),
            deposit=deposits.get(row.pk),
        )
        for row in rows
    ]


def granted(row: Granted) -> dict[str, Any]:
    """A reservation that was just made."""
    return _reservation(row.reservation, row.sku, Standing(row.people_ahead, ""), row.reservation.created_at)


def _reservation(
    row: Reservation,
    sku: str,
    standing: Standing,
    at: datetime,
    *,
    hold: Hold | None = None,
    news: News | None = None,
    deposit: str | None = None,
) -> dict[str, Any]:
    return {
        "id": str(row.pk),
        "reference": row.reference,
        "status": row.status,
        "status_reason": standing.reason or None,
        "market": row.market_id,
        "subdivision": row.subdivision or None,
        "lines": [{"sku": sku, "quantity": row.quantity, "unit_price": money(row.unit_price_minor, row.currency)}],
        "deposit": _deposit(row, deposit),
        "place": {
            "number": row.place_number,
            "people_ahead": standing.people_ahead,
            "ship_window": _ship_window(row, standing),
            "as_of": stamp(at),
        },
        "language": row.language,
        "created_at": stamp(row.created_at),
        "confirmed_at": stamp(row.confirmed_at),
        "expires_at": stamp(row.expires_at),
        "on_hold": _hold(hold) if hold else None,
        "consents_due": [notice(each) for each in news.consents] if news else [],
        "partner_reference": row.partner_reference or None,
        "manage_url": None if row.is_sandbox else settings.SITE_URL + links.reservation_path(row),
    }


def _deposit(row: Reservation, state: str | None) -> dict[str, Any] | None:
    """For all units. `state` is None where nothing was begun yet."""
    amount = row.receipt.get("deposit_minor", 0)
    if not amount:
        return None
    is_due = row.status == lifecycle.AWAITING_PAYMENT
    if state is None or state == "due":
        state = "due" if is_due else "not_due"
    return {"amount": money(amount, row.currency), "status": state}


def _ship_window(row: Reservation, standing: Standing) -> dict[str, Any] | None:
    """As last computed, or as promised when it was reserved."""
    if standing.window:
        return {"from": standing.window.ships_from.isoformat(), "to": standing.window.ships_to.isoformat()}
    ships = row.receipt["ships"]
    return {"from": ships["from"], "to": ships["to"]} if ships["from"] else None


def _hold(row: Hold) -> dict[str, Any]:
    return {"reason": row.title, "requirement": row.requirement, "since": stamp(row.since)}


def draw(facts: dict[str, Any]) -> dict[str, Any]:
    return facts | {name: stamp(facts[name]) for name in ("opens_at", "closes_at", "drawn_at")}
