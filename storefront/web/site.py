"""Which language and market a page speaks for: the prefix of its URL, and nothing else."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import wraps
from typing import Any

from django.conf import settings
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.utils import translation
from django.utils.translation import gettext as _

from reservations.models import Market
from reservations.queries import links, texts
from storefront import clock

CHOICE_COOKIE = "place"
CHOICE_SECONDS = 365 * 24 * 3600


@dataclass(frozen=True)
class Site:
    """The language and market of one request."""

    language: str
    market: Market
    path: str

    @property
    def prefix(self) -> str:
        return links.prefix(self.language, self.market.code)

    @property
    def place(self) -> str:
        """As the start page remembers it."""
        return self.prefix.strip("/")

    @property
    def country(self) -> str:
        return texts.country(self.market.code)

    @property
    def dir(self) -> str:
        return "rtl" if texts.locale(self.language).character_order == "right-to-left" else "ltr"

    @property
    def languages(self) -> list[dict[str, str]]:
        rest = self.path.removeprefix(self.prefix)
        return [
            {"code": code, "name": language_name(code), "url": links.prefix(code, self.market.code) + rest}
            for code, _name in settings.LANGUAGES
        ]

    @property
    def canonical(self) -> str:
        return str(settings.SITE_URL) + self.path

    @property
    def server_time(self) -> str:
        return clock.now().isoformat()

    @property
    def is_demo(self) -> bool:
        return bool(settings.IS_EMBEDDED)

    @property
    def has_no_real_money(self) -> bool:
        return bool(settings.HAS_NO_REAL_MONEY)


def language_name(code: str) -> str:
    """A language in its own words."""
    own = texts.locale(code)
    name = own.get_display_name(own) or code
    return name[:1].upper() + name[1:]


def in_market(view: Callable[..., HttpResponse]) -> Callable[..., HttpResponse]:
    """Turn the URL's language and market into a `Site`; an unknown one is a 404 that shows the way."""

    @wraps(view)
    def found(request: HttpRequest, language: str, market: str, **rest: Any) -> HttpResponse:
        if language not in dict(settings.LANGUAGES):
            return problem(request, 404, "unknown_language", _("We do not speak this language yet."))
        row = Market.objects.filter(code=market.upper()).first()
        if row is None:
            return problem(request, 404, "unknown_market", _("We do not deliver to this country or territory."))
        with translation.override(language):
            site = Site(language=language, market=row, path=request.path)
            return view(request, site, **rest)

    return found


def remember_choice(response: HttpResponse, site: Site) -> None:
    """So that the start page suggests it next time. Pages that are kept for everybody do it by `choice.js`."""
    response.set_cookie(CHOICE_COOKIE, site.place, max_age=CHOICE_SECONDS, samesite="Lax", secure=settings.IS_SECURE)


def problem(
    request: HttpRequest,
    status: int,
    code: str,
    title: str,
    sentence: str = "",
    site: Site | None = None,
    way_on: dict[str, str] | None = None,
) -> HttpResponse:
    """A page for what cannot be done, with a way on: `text` and `url` of the likeliest stand first."""
    links_on = [{"text": _("Choose a country and language"), "url": reverse("start")}]
    if site is not None:
        links_on.insert(0, {"text": _("Back to the launch"), "url": site.prefix})
    if way_on is not None:
        links_on.insert(0, way_on)
    context = {"code": code, "title": title, "sentence": sentence, "links": links_on, "site": site}
    return render(request, "problem.html", context, status=status)


def see_other(url: str) -> HttpResponseRedirect:
    """After a POST: go and look there (303, RFC 9110)."""
    response = HttpResponseRedirect(url)
    response.status_code = 303
    return response
