"""Privacy, terms, accessibility; robots, sitemap, health; and what answers when nothing is found."""

from __future__ import annotations

from django.conf import settings
from django.db import DatabaseError, connection
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from reservations.actions.receipts import TERMS_VERSION
from reservations.models import Market, Product
from reservations.queries import links, texts
from storefront.shelf import kept
from storefront.web import words
from storefront.web.site import Site, in_market, problem

SELLER = {
    "name": "Qianwen Launch Shop (sample seller)",
    "address": "1 Sample Street, Sample City",
    "email": "hello@qianwen.example",
}


@require_safe
@kept
@in_market
def privacy(request: HttpRequest, site: Site) -> HttpResponse:
    """What this shop and the devices keep, and how to object."""
    products = [
        {"name": texts.translated(row.name), "slug": row.slug, "records": words.records(row.capabilities)}
        for row in Product.objects.order_by("position")
    ]
    context = {"site": site, "market": site.market, "products": products, "seller": SELLER}
    return render(request, "privacy.html", context | {"can_text": bool(settings.SMS_MAIL_DOMAIN)})


@require_safe
@kept
@in_market
def terms(request: HttpRequest, site: Site) -> HttpResponse:
    """The terms of a reservation, with the seller's particulars."""
    context = {"site": site, "market": site.market, "seller": SELLER, "terms_version": TERMS_VERSION}
    return render(request, "terms.html", context)


@require_safe
@kept
@in_market
def accessibility(request: HttpRequest, site: Site) -> HttpResponse:
    """The accessibility statement."""
    return render(request, "accessibility.html", {"site": site, "seller": SELLER})


@never_cache
@require_safe
def live(request: HttpRequest) -> HttpResponse:
    """The process answers."""
    return JsonResponse({"status": "ok"})


@never_cache
@require_safe
def ready(request: HttpRequest) -> HttpResponse:
    """The database answers: without it nothing can be promised. The broker may be away; the outbox waits for it."""
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")
    except DatabaseError:
        return JsonResponse({"status": "unavailable", "database": "down"}, status=503)
    return JsonResponse({"status": "ok", "database": "ok"})


@require_safe
@kept
def robots(request: HttpRequest) -> HttpResponse:
    lines = ["User-agent: *", "Disallow: /admin/", "Disallow: /*/r/", f"Sitemap: {settings.SITE_URL}/sitemap.xml", ""]
    return HttpResponse("\n".join(lines), content_type="text/plain; charset=utf-8")


@require_safe
@kept
def sitemap(request: HttpRequest) -> HttpResponse:
    pages = ["", "availability/", "privacy/", "terms/", "accessibility/"]
    slugs = list(Product.objects.order_by("position").values_list("slug", flat=True))
    pages += [page for slug in slugs for page in (f"products/{slug}/", f"privacy/{slug}/")]
    urls = [
        f"{settings.SITE_URL}{links.prefix(language, market)}{page}"
        for market in Market.objects.order_by("code").values_list("code", flat=True)
        for language, _name in settings.LANGUAGES
        for page in pages
    ]
    return render(request, "sitemap.xml", {"urls": urls}, content_type="application/xml")


def not_found(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    return problem(request, 404, "not_found", _("There is no such page."), _("Check the address, or start again here."))


def forbidden(request: HttpRequest, exception: Exception | None = None, reason: str = "") -> HttpResponse:
    """A form without its cookie: say what to do, since nothing was stored."""
    title = _("This form could not be trusted.")
    return problem(
        request,
        403,
        "form_expired",
        title,
        _("Nothing was stored. Allow cookies, open the form again and send it once more."),
    )


def bad_request(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    return problem(
        request, 400, "malformed", _("We could not read this request."), _("Nothing was stored. Go back and try again.")
    )
