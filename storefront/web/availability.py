"""Every market's state for every product, on a map and as a table, now or on another day; and why it is so."""

from __future__ import annotations

from collections import Counter
from datetime import date
from typing import Any

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from reservations.models import Product
from reservations.queries import links, texts
from reservations.queries.availability import Availability, availabilities
from reservations.queries.matrix import FIRST_DAY, LAST_DAY, Matrix, beginning, matrix, read_day
from reservations.queries.receipts import variant_name
from reservations.rules import opening
from storefront import clock
from storefront.shelf import KEEP, kept
from storefront.web import words, world
from storefront.web.cards import explanation
from storefront.web.site import Site, in_market, problem, see_other

NOW = "now"


class Unknown(Exception):
    """The address names a product, a day or a state that there is not. `code` is the problem's."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


@require_safe
@kept
@in_market
def availability(request: HttpRequest, site: Site, slug: str = "", on: str = NOW, only: str = "") -> HttpResponse:
    """The map is of one product, the table of all. `on` is a day or now; `only` a state of that product."""
    try:
        day, chosen = _read(on, only), _product(slug)
    except Unknown as unknown:
        return _refused(request, site, unknown)
    at = beginning(day) if day else clock.now()
    found = matrix(at=at, is_replay=day is not None)
    context = {
        "site": site,
        "chosen": {"slug": chosen.slug, "name": texts.translated(chosen.name)},
        "day": day.isoformat() if day else "",
        "only": only,
        "only_words": words.status_words(only) if only else "",
        "first_day": FIRST_DAY.isoformat(),
        "last_day": LAST_DAY.isoformat(),
        "at_words": _at_words(day),
        "all_url": _url(site.prefix, chosen.slug, on),
        "now_url": _url(site.prefix, chosen.slug, NOW, only),
        "products": [{"slug": row.slug, "name": texts.translated(row.name)} for row in found.products],
        "map": world.draw(
            found.of(chosen.slug), only=only, url=lambda cell: _here_url(site, cell.market, chosen.slug, on)
        ),
        "rows": _rows(site, found, chosen.slug, on, only),
        "legend": _legend(site, found, chosen.slug, on, only),
    }
    return _kept_for_a_minute(render(request, "availability.html", context))


@require_safe
@kept
@in_market
def here(request: HttpRequest, site: Site, slug: str, on: str) -> HttpResponse:
    """One cell explained: a product in this market, on a day or now, variant by variant where they differ."""
    try:
        day, product = _read(on), _product(slug)
    except Unknown as unknown:
        return _refused(request, site, unknown)
    at = beginning(day) if day else clock.now()
    variants = sorted(product.variants.all(), key=lambda row: row.position)
    found = availabilities(
        skus=[row.sku for row in variants],
        at=at,
        destinations=[(site.market.code, None)],
        is_replay=day is not None,
    )
    context = {
        "site": site,
        "product": {"name": texts.translated(product.name), "url": f"{site.prefix}products/{slug}/"},
        "at_words": _at_words(day),
        "is_now": day is None,
        "map_url": _url(site.prefix, slug, on),
        "availability": explanation(site, found[0]),
        "others": [
            {"name": variant_name(variant.options), **explanation(site, row)}
            for variant, row in zip(variants[1:], found[1:], strict=True)
            if (row.status, row.decision.reasons) != (found[0].status, found[0].decision.reasons)
        ],
        "first_variant": variant_name(variants[0].options),
    }
    return _kept_for_a_minute(render(request, "here.html", context))


@never_cache
@require_safe
@in_market
def choose(request: HttpRequest, site: Site) -> HttpResponse:
    """From the form to the page of its own that each choice has, so that it can be kept and linked."""
    slug, on, only = (request.GET.get(name, "").strip() for name in ("product", "on", "only"))
    try:
        _read(on or NOW, only)
        _product(slug or "-")
    except Unknown as unknown:
        return _refused(request, site, unknown, status=404 if unknown.code == "unknown_product" else 422)
    return see_other(_url(site.prefix, slug, on or NOW, only))


def _url(prefix: str, slug: str, on: str, only: str = "") -> str:
    base = f"{prefix}availability/{slug}/"
    if only:
        return f"{base}{on}/only/{only}/"
    return base if on == NOW else f"{base}{on}/"


def _here_url(site: Site, market: str, slug: str, on: str) -> str:
    return f"{links.prefix(site.language, market)}availability/{slug}/{on}/here/"


def _read(on: str, only: str = "") -> date | None:
    """The day; None: now. Raises Unknown."""
    day = None if on == NOW else read_day(on)
    if on != NOW and day is None:
        raise Unknown("unknown_day")
    if only and only not in opening.STATUSES:
        raise Unknown("unknown_state")
    return day


def _product(slug: str) -> Product:
    """The one of that name, the first without a name. Raises Unknown."""
    rows = Product.objects.prefetch_related("variants").order_by("position")
    found = (rows.filter(slug=slug) if slug else rows).first()
    if found is None:
        raise Unknown("unknown_product") if slug else Http404
    return found


def _refused(request: HttpRequest, site: Site, unknown: Unknown, status: int = 404) -> HttpResponse:
    title, remedy = {
        "unknown_product": (_("There is no such product."), ""),
        "unknown_day": (_("This is not a day that we can tell about."), _day_remedy()),
        "unknown_state": (_("There is no such state."), _("Choose one of the legend.")),
    }[unknown.code]
    return problem(request, status, unknown.code, title, remedy, site)


def _day_remedy() -> str:
    words_of = {"first": FIRST_DAY.isoformat(), "last": LAST_DAY.isoformat()}
    return _("Any day from %(first)s to %(last)s will do, such as 2027-02-18.") % words_of


def _at_words(day: date | None) -> str:
    return texts.day(day) if day else texts.instant(clock.now())


def _kept_for_a_minute(response: HttpResponse) -> HttpResponse:
    """It names the minute."""
    response[KEEP] = "60"
    return response


def _rows(site: Site, found: Matrix, slug: str, on: str, only: str) -> list[dict[str, Any]]:
    shown = [market for market in found.markets if not only or found.cells[slug, market.code].status == only]
    return [
        {
            "code": market.code,
            "country": texts.country(market.code),
            "url": links.prefix(site.language, market.code),
            "cells": [_cell(site, row, found.cells[row.slug, market.code], on) for row in found.products],
        }
        for market in sorted(shown, key=lambda market: texts.country(market.code))
    ]


def _cell(site: Site, product: Product, row: Availability, on: str) -> dict[str, Any]:
    reasons = row.decision.reasons
    return {
        "product": texts.translated(product.name),
        "url": _here_url(site, row.market, product.slug, on),
        "status": row.status,
        "status_words": words.status_words(row.status),
        "reason": words.reason_title(reasons[0]) if reasons else None,
        "next": texts.day(row.next_change_at.date()) if row.next_change_at else None,
    }


def _legend(site: Site, found: Matrix, slug: str, on: str, only: str) -> list[dict[str, Any]]:
    counts = Counter(cell.status for cell in found.of(slug).values())
    return [
        {
            "status": status,
            "words": words.status_words(status),
            "meaning": words.status_meaning(status),
            "count": counts[status],
            "url": _url(site.prefix, slug, on, status) if counts[status] else "",
            "is_chosen": status == only,
        }
        for status in opening.STATUSES
    ]
