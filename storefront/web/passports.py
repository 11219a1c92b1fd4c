"""Device passports: what a product records here, where it goes, how one objects; for owners and for bystanders."""

from __future__ import annotations

from typing import Any

from babel.units import format_unit
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

from reservations.launchdata.passports import UNTIL_DELETED
from reservations.models import Passport, Product
from reservations.queries import texts
from reservations.queries.facts import current_world
from reservations.queries.passports import passport_of
from storefront import clock
from storefront.shelf import KEEP, kept
from storefront.web.site import Site, in_market, problem

NEARBY = ("pictures", "seen_by_assistant", "sound", "spoken_requests")  # what may record those who do not wear it
LIT = ("light", "light_and_tone")
LIGHT_PICTURES = {"glasses-s1": ("products/glasses-s1-light-off.webp", "products/glasses-s1-light-on.webp")}


@require_safe
@kept
@in_market
def passport(request: HttpRequest, site: Site, slug: str) -> HttpResponse:
    """The passport in this market; where there is none, that it is missing and what follows."""
    return _page(request, site, slug, "passport.html")


@require_safe
@kept
@in_market
def bystanders(request: HttpRequest, site: Site, slug: str) -> HttpResponse:
    """For people nearby: how they notice, what they can ask for, where they object."""
    return _page(request, site, slug, "bystanders.html")


def _page(request: HttpRequest, site: Site, slug: str, template: str) -> HttpResponse:
    product = Product.objects.filter(slug=slug).first()
    if product is None:
        return problem(request, 404, "unknown_product", _("There is no such product."), site=site)
    found = passport_of(current_world(), product=slug, market=site.market.code, at=clock.now())
    base = f"{site.prefix}privacy/{slug}/"
    context = {
        "site": site,
        "product": {"name": texts.translated(product.name), "url": f"{site.prefix}products/{slug}/", "slug": slug},
        "passport": _shown(found) if found else None,
        "light_pictures": LIGHT_PICTURES.get(slug),
        "passport_url": base,
        "bystanders_url": f"{base}bystanders/",
    }
    response = render(request, template, context)
    response[KEEP] = "60"  # a newer one may begin, of which no decision tells
    return response


def _shown(row: Passport) -> dict[str, Any]:
    records = [_record(each, row) for each in row.records]
    return {
        "version": row.version,
        "since": texts.day(row.since),
        "contact": row.contact,
        "is_sample": row.is_sample,
        "processor": row.processor,
        "country": texts.country(row.processor["country"]),
        "records": records,
        "nearby": [each for each in records if each["code"] in NEARBY],
        "has_light": any(each["signal"] in LIT for each in row.records),
        "goes_to_cloud": any(each["where"] == "cloud" for each in row.records),
    }


def _record(record: dict[str, str], row: Passport) -> dict[str, Any]:
    return {
        "code": record["what"],
        "what": what_words(record["what"]),
        "starts": starts_words(record["starts"]),
        "signal": signal_words(record["signal"]),
        "where": where_words(record["where"], texts.country(row.processor["country"])),
        "kept": kept_words(record["kept"]),
        "is_lit": record["signal"] in LIT,
    }


def what_words(what: str) -> str:
    return {
        "pictures": _("Pictures and video"),
        "seen_by_assistant": _("A picture for a question to the assistant"),
        "sound": _("Sound recordings"),
        "spoken_requests": _("What is said to the assistant"),
        "requests": _("Questions and the assistant's answers"),
        "account_and_settings": _("Account and settings"),
        "health": _("Body signals such as pulse and temperature"),
        "gestures": _("Movements of the finger"),
        "lens_prescription": _("The lens prescription, for prescription lenses only"),
    }[what]


def starts_words(starts: str) -> str:
    return {
        "press": _("When the wearer presses the button"),
        "asked": _("When the wearer asks the assistant"),
        "worn": _("While it is worn"),
        "set_up": _("When it is set up"),
        "ordered": _("When it is ordered"),
    }[starts]


def signal_words(signal: str) -> str:
    return {
        "light": _("A light shines outwards"),
        "tone": _("A tone is heard"),
        "light_and_tone": _("A light shines outwards, and a tone is heard"),
        "screen": _("Shown to the wearer only"),
        "none": _("Nothing is seen or heard"),
    }[signal]


def where_words(where: str, country: str) -> str:
    return {
        "device": _("On the device"),
        "phone": _("On the wearer's phone"),
        "cloud": _("In a data centre in %(country)s") % {"country": country},
    }[where]


def kept_words(kept: str) -> str:
    """Until it is deleted, or an ISO 8601 duration of one unit, in words."""
    if kept == UNTIL_DELETED:
        return _("Until the owner deletes it")
    number, unit = int(kept[1:-1]), {"Y": "year", "M": "month", "D": "day"}[kept[-1]]
    return format_unit(number, f"duration-{unit}", locale=texts.locale()) if number else _("Not kept")
