"""Products as pages show them: name, picture, price and state in one market."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.utils.translation import gettext as _

from reservations.models import Price, Product, Variant
from reservations.queries import texts
from reservations.queries.availability import Availability, availabilities
from reservations.queries.facts import current_world
from reservations.queries.receipts import tax_words, variant_name
from reservations.rules import opening
from storefront.web import words
from storefront.web.site import Site

_COLOURS = {"glasses-s1": "black", "glasses-g1": "sand", "ring": "graphite", "earphones": "white"}
# From the best to the worst: a product is as available as its most available variant.
_RANK = ("open", "waitlist", "announced", "paused", "notify_only", "blocked")


def product_cards(site: Site, products: list[Product], at: datetime) -> list[dict[str, Any]]:
    """One card a product; a fixed number of queries."""
    variants = list(
        Variant.objects.filter(product__in=products).select_related("product").order_by("product__position", "position")
    )
    prices = {row.variant_id: row for row in Price.objects.filter(market=site.market, variant__in=variants)}
    rows = {
        row.sku: row
        for row in availabilities(skus=[v.sku for v in variants], at=at, destinations=[(site.market.code, None)])
    }
    return [
        _card(site, product, [variant for variant in variants if variant.product_id == product.pk], prices, rows, at)
        for product in products
    ]


def _card(
    site: Site,
    product: Product,
    variants: list[Variant],
    prices: dict[int, Price],
    rows: dict[str, Availability],
    at: datetime,
) -> dict[str, Any]:
    best = min((rows[variant.sku] for variant in variants), key=lambda row: _RANK.index(row.status))
    price = next((prices[variant.pk] for variant in variants if variant.pk in prices), None)
    deposit = current_world().deposit(best.sku, site.market.code, best.decision, at)
    return {
        "slug": product.slug,
        "kind": product.kind,
        "name": texts.translated(product.name),
        "tagline": texts.translated(product.tagline),
        "url": f"{site.prefix}products/{product.slug}/",
        "reserve_url": f"{site.prefix}reserve/{product.slug}/",
        "notify_url": f"{site.prefix}notify/?product={product.slug}",
        "picture": f"products/{product.slug}-{_COLOURS.get(product.slug, 'black')}-hero",
        "price": texts.amount(price.amount_minor, price.currency) if price else None,
        "tax_words": tax_words(tax_of(site), site.market.currency) if price else "",
        "deposit": texts.amount(deposit.amount_minor, deposit.currency) if deposit else "",
        "status": best.status,
        "status_words": words.status_words(best.status),
        "sentence": words.sentence(best, site.country, site.market.timezone),
        "availability": best,
        "variants": [_variant(variant, prices.get(variant.pk), rows[variant.sku]) for variant in variants],
    }


def tax_of(site: Site) -> dict[str, Any]:
    """How this market shows tax, in the shape that receipts keep."""
    return {"display": site.market.tax_display, "basis_points": site.market.tax_basis_points}


def _variant(variant: Variant, price: Price | None, row: Availability) -> dict[str, Any]:
    colour = variant.options.get("colour", "black")
    stem = f"{variant.product.slug}-{colour}"
    return {
        "sku": variant.sku,
        "name": variant_name(variant.options),
        "picture": f"products/{stem}-cutout",
        "model": f"models/{stem}.glb",
        "price": texts.amount(price.amount_minor, price.currency) if price else None,
        "amount_minor": price.amount_minor if price else None,
        "status": row.status,
        "status_words": words.status_words(row.status),
        "left_words": _left_words(row),
    }


def _left_words(row: Availability) -> str:
    if row.status == "open" and row.left is not None and row.left <= opening.FEW:
        return _("%(count)s left") % {"count": row.left}
    return ""


def explanation(site: Site, row: Availability) -> dict[str, Any]:
    """Why an answer is what it is: reasons, notices, stages and what comes next."""
    names = {each["code"]: each["name"] for each in site.market.subdivisions}
    return {
        "status": row.status,
        "status_words": words.status_words(row.status),
        "sentence": words.sentence(row, site.country, site.market.timezone),
        "reasons": [
            {
                "title": words.reason_title(reason),
                "requirement": reason.requirement,
                "stage_words": words.duty_words(reason.stage),
                "until": texts.day(reason.until) if reason.until else None,
                "evidence": reason.evidence,
            }
            for reason in row.decision.reasons
        ],
        "switched_off": texts.features(row.decision.switched_off),
        "notices": [_(notice.text) for notice in row.decision.notices if not notice.consent],
        "consents": [_(notice.text) for notice in row.decision.consents],
        "next_change": words.next_change_words(row.next_change_at, site.market.timezone),
        "opens_at": row.opens_at.isoformat() if row.opens_at else None,
        "opens_words": texts.instant(row.opens_at, site.market.timezone) if row.opens_at else None,
        "stages": [
            {"word": words.stage_words(stage), "allowed": allowed} for stage, allowed in row.decision.stages.items()
        ],
        "varies_in": [names.get(code, code) for code in row.decision.varies_in],
    }
