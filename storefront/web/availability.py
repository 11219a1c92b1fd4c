"""Every market's state for every product, on a map and as a table, now or on another day."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, date, datetime, time
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from reservations.models import Market, Product
from reservations.queries import links, texts
from reservations.queries.availability import Availability, availabilities
from storefront import clock
from storefront.shelf import KEEP, kept
from storefront.web import words, world
from storefront.web.site import Site, in_market, problem, see_other

FIRST_DAY, LAST_DAY = date(2026, 1, 1), date(2035, 12, 31)
STATUSES = ("open", "waitlist", "announced", "notify_only", "paused", "blocked")


@require_safe
@kept
@in_market
def availability(request: HttpRequest, site: Site, slug: str = "", on: str = "") -> HttpResponse:
    """The map is of one product, the table of all. `on` is a day; else it is now."""
    products = list(Product.objects.prefetch_related("variants").order_by("position"))
    chosen = next((row for row in products if row.slug == slug), None) if slug else products[0]
    day = read_day(on) if on else None
    if chosen is None:
        return problem(request, 404, "unknown_product", _("There is no such product."), site=site)
    if on and day is None:
        return problem(request, 404, "unknown_day", _("This is not a day that we can tell about."), _day_remedy(), site)
    at = datetime.combine(day, time(), UTC) if day else clock.now()
    context = {
        "site": site,
        "chosen": {"slug": chosen.slug, "name": texts.translated(chosen.name)},
        "day": day.isoformat() if day else "",
        "first_day": FIRST_DAY.isoformat(),
        "last_day": LAST_DAY.isoformat(),
        "at_words": texts.day(day) if day else texts.instant(at),
        **_shown(site, products, chosen, at, is_replay=day is not None),
    }
    response = render(request, "availability.html", context)
    response[KEEP] = "60"  # it names the minute
    return response


@never_cache
@require_safe
@in_market
def choose(request: HttpRequest, site: Site) -> HttpResponse:
    """From the form to the page of its own that each product and day has, so that it can be kept and linked."""
    slug, on = request.GET.get("product", ""), request.GET.get("on", "").strip()
    if not Product.objects.filter(slug=slug).exists():
        return problem(request, 404, "unknown_product", _("There is no such product."), site=site)
    if on and read_day(on) is None:
        return problem(request, 422, "unknown_day", _("This is not a day that we can tell about."), _day_remedy(), site)
    return see_other(f"{site.prefix}availability/{slug}/{f'{on}/' if on else ''}")


def read_day(text: str) -> date | None:
    """An ISO 8601 date within the years that law and launches are known for."""
    try:
        day = date.fromisoformat(text)
    except ValueError:
        return None
    return day if FIRST_DAY <= day <= LAST_DAY else None


def _day_remedy() -> str:
    words_of = {"first": FIRST_DAY.isoformat(), "last": LAST_DAY.isoformat()}
    return _("Any day from %(first)s to %(last)s will do, such as 2027-02-18.") % words_of


def _shown(site: Site, products: list[Product], chosen: Product, at: datetime, *, is_replay: bool) -> dict[str, Any]:
    first = {row.slug: min(row.variants.all(), key=lambda variant: variant.position).sku for row in products}
    found = {(row.sku, row.market): row for row in availabilities(skus=first.values(), at=at, is_replay=is_replay)}
    markets = sorted(Market.objects.all(), key=lambda market: texts.country(market.code))
    rows = [
        {
            "code": market.code,
            "country": texts.country(market.code),
            "url": links.prefix(site.language, market.code),
            "cells": [_cell(site, row, found[first[row.slug], market.code]) for row in products],
        }
        for market in markets
    ]
    cells = {market.code: found[first[chosen.slug], market.code] for market in markets}
    counts = Counter(cell.status for cell in cells.values())
    return {
        "products": [{"slug": row.slug, "name": texts.translated(row.name)} for row in products],
        "rows": rows,
        "view_box": world.view_box(),
        "land": world.other_land(cells),
        "places": [
            {
                "name": texts.country(code),
                "status": cell.status,
                "status_words": words.status_words(cell.status),
                "url": links.product_path(site.language, code, chosen.slug),
                **world.shape(code),
            }
            for code, cell in sorted(cells.items(), key=lambda item: "dot" in world.shape(item[0]))
        ],
        "legend": [
            {
                "status": status,
                "words": words.status_words(status),
                "meaning": words.status_meaning(status),
                "count": counts[status],
            }
            for status in STATUSES
        ],
    }


def _cell(site: Site, product: Product, row: Availability) -> dict[str, Any]:
    reasons = row.decision.reasons
    return {
        "product": texts.translated(product.name),
        "url": links.product_path(site.language, row.market, product.slug),
        "status": row.status,
        "status_words": words.status_words(row.status),
        "reason": words.reason_title(reasons[0]) if reasons else None,
        "next": texts.day(row.next_change_at.date()) if row.next_change_at else None,
    }
