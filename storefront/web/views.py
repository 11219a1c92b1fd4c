"""The launch, its products and their availability."""

from __future__ import annotations

from collections import Counter
from typing import Any

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from reservations.models import Launch, LaunchMarket, Market, Product
from reservations.queries import links, texts
from reservations.queries.availability import availabilities
from reservations.rules import opening
from storefront import clock
from storefront.shelf import KEEP, SHORT, kept
from storefront.web import words
from storefront.web.cards import explanation, product_cards
from storefront.web.site import CHOICE_COOKIE, Site, in_market, language_name, problem


@never_cache
@require_safe
def start(request: HttpRequest) -> HttpResponse:
    """Suggest a market and language; let the visitor choose any other."""
    markets = list(Market.objects.order_by("code"))
    regions: dict[str, list[dict[str, Any]]] = {}
    for market in markets:
        regions.setdefault(_region(market), []).append(_choice(market))
    grouped: list[dict[str, Any]] = [
        {"name": name, "markets": sorted(rows, key=lambda row: row["country"])}
        for name, rows in sorted(regions.items())
    ]
    return render(request, "start.html", {"suggestion": _suggest(request, markets), "regions": grouped})


def _region(market: Market) -> str:
    continent = "Europe" if market.region == "EU" else market.timezone.split("/")[0]  # Cyprus keeps time in Asia
    return {
        "Europe": _("Europe"),
        "Atlantic": _("Europe"),
        "America": _("Americas"),
        "Asia": _("Asia"),
        "Australia": _("Oceania"),
        "Pacific": _("Oceania"),
        "Africa": _("Africa"),
    }[continent]


def _choice(market: Market) -> dict[str, Any]:
    return {
        "code": market.code,
        "country": texts.country(market.code),
        "languages": [
            {"code": code, "name": language_name(code), "url": links.prefix(code, market.code)}
            for code, _name in settings.LANGUAGES
        ],
    }


def _suggest(request: HttpRequest, markets: list[Market]) -> dict[str, str] | None:
    """What was chosen before, else the country the proxy names, else the region of the browser's language."""
    codes = {market.code for market in markets}
    language, _dash, code = request.COOKIES.get(CHOICE_COOKIE, "").rpartition("-")
    spoken = dict(settings.LANGUAGES)
    if code.upper() not in codes or language not in spoken:
        language, code = _from_headers(request, markets, spoken)
    if not code:
        return None
    return {
        "country": texts.country(code.upper()),
        "language_name": language_name(language),
        "url": links.prefix(language, code),
    }


def _from_headers(request: HttpRequest, markets: list[Market], spoken: dict[str, str]) -> tuple[str, str]:
    tags = [part.split(";")[0].strip().lower() for part in request.headers.get("Accept-Language", "").split(",")]
    language = next((code for tag in tags for code in spoken if tag == code or tag.startswith(code + "-")), "")
    if not language:
        language = "zh-hans" if "zh-hans" in spoken and any(tag in ("zh", "zh-cn", "zh-sg") for tag in tags) else "en"
    codes = {market.code for market in markets}
    named = request.headers.get(settings.COUNTRY_HEADER, "").upper() if settings.COUNTRY_HEADER else ""
    regions = [tag.rpartition("-")[2].upper() for tag in tags if "-" in tag]
    home = [
        market.code
        for market in markets
        for tag in tags
        if any(own.lower() == f"{tag}-{market.code.lower()}" for own in market.languages)
    ]
    code = next((each for each in [named, *regions, *home] if each in codes), "")
    return language, code


@require_safe
@kept
@in_market
def launch(request: HttpRequest, site: Site) -> HttpResponse:
    """The launch in this market."""
    at = clock.now()
    cards = product_cards(site, list(Product.objects.order_by("position")), at)
    row = Launch.objects.order_by("-pk").first()
    window = LaunchMarket.objects.filter(market=site.market, launch=row).first() if row else None
    counts: Counter[str] = Counter()
    if cards:
        counts.update(each.status for each in availabilities(skus=[cards[0]["variants"][0]["sku"]], at=at))
    told = _launch_words(site, row, window, at) if row else None
    context = {
        "site": site,
        "launch": told,
        "hero": cards[0] if cards else None,
        "cards": cards,
        "open_count": counts[opening.OPEN],
        "market_count": sum(counts.values()),
        "strip": [
            {"word": words.status_words(status), "status": status, "count": counts[status]}
            for status in opening.STATUSES
            if counts[status]
        ],
    }
    response = render(request, "launch.html", context)
    if told is not None and told["phase"] == opening.ANNOUNCED:
        response[KEEP] = SHORT  # it counts down from the time that it tells
    return response


def _launch_words(site: Site, row: Launch, window: LaunchMarket | None, at: Any) -> dict[str, Any]:
    phase = opening.ANNOUNCED
    if window:
        is_paused = row.paused_at is not None
        phase = opening.Window(opens_at=window.opens_at, closes_at=window.closes_at, is_paused=is_paused).phase(at)
    ships = [texts.day(day) for day in (row.ships_from, row.ships_to) if day]
    return {
        "name": texts.translated(row.name),
        "slug": row.slug,
        "phase": phase,
        "opens_at": window.opens_at.isoformat() if window else None,
        "opens_words": texts.instant(window.opens_at, site.market.timezone) if window else None,
        "ships_words": _("%(start)s to %(end)s") % {"start": ships[0], "end": ships[1]} if len(ships) == 2 else None,
    }


@require_safe
@kept
@in_market
def product(request: HttpRequest, site: Site, slug: str) -> HttpResponse:
    """One product: picture, price here, what it records and does, what is allowed here and why."""
    row = Product.objects.filter(slug=slug).first()
    if row is None:
        return problem(request, 404, "unknown_product", _("There is no such product."), site=site)
    card = product_cards(site, [row], clock.now())[0]
    context = {
        "site": site,
        "card": card,
        "variants": card["variants"],
        "availability": explanation(site, card["availability"]),
        "product": {
            "slug": row.slug,
            "name": card["name"],
            "tagline": card["tagline"],
            "kind": row.kind,
            "records": words.records(row.capabilities),
            "does": words.does(row.capabilities),
            "specs": [
                {"name": words.spec_name(name), "value": _(str(spec["value"])), "source": spec.get("source")}
                for name, spec in row.specs.items()
            ],
        },
    }
    response = render(request, "product.html", context)
    if card["availability"].status == opening.ANNOUNCED:
        response[KEEP] = SHORT  # it counts down from the time that it tells
    return response
