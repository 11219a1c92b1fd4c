"""A customer's reservation, opened by its signed link: see it, agree again, cancel."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.crypto import constant_time_compare
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST, require_safe

from reservations.actions import accepting, cancelling
from reservations.actions.receipts import show
from reservations.actions.wishes import ConsentRequired
from reservations.models import Reservation
from reservations.queries import links, texts
from reservations.queries.consents import News, decision_for, news_for
from reservations.queries.facts import current_world
from reservations.queries.holds import open_holds
from reservations.queries.places import people_ahead
from reservations.queries.receipts import read as read_receipt
from reservations.rules import lifecycle, places
from storefront import clock
from storefront.actors import actor
from storefront.web import refusals
from storefront.web.forms import ConsentsForm
from storefront.web.site import Site, in_market, problem, see_other


def by_link(view: Callable[[HttpRequest, Site, Reservation], HttpResponse]) -> Callable[..., HttpResponse]:
    """Open the reservation that the URL names, where the key of the link is its own; nothing of it is cached."""

    @never_cache
    @in_market
    @wraps(view)
    def opened(request: HttpRequest, site: Site, reference: str) -> HttpResponse:
        row = _find(request, reference)
        return view(request, site, row) if row else _no_key(request, site)

    return opened


@require_safe
@by_link
def reservation(request: HttpRequest, site: Site, row: Reservation) -> HttpResponse:
    """A customer's reservation."""
    return _page(request, site, row)


def _page(request: HttpRequest, site: Site, row: Reservation, form: ConsentsForm | None = None) -> HttpResponse:
    receipt, hold, news = read_receipt(row), open_holds([row]).get(row.pk), _news(row)
    base = f"{links.prefix(site.language, site.market.code)}r/{row.reference}/"
    context = {
        "site": site,
        "reservation": {
            "reference": row.reference,
            "status": row.status,
            "status_words": refusals.reservation_words(row.status),
            "place_number": row.place_number,
            "people_ahead": people_ahead(row),
            "quantity": row.quantity,
            "name": row.name,
            "email": row.email,
        },
        "receipt": receipt,
        "hold": {
            "title": texts.obstacle(hold.code, hold.title),
            "since": texts.instant(hold.since, row.market.timezone),
        }
        if hold
        else None,
        "news": {
            "form": form or ConsentsForm(consents=news.consents),
            "notices": [texts.said(notice.text) for notice in news.notices],
            "url": f"{base}agree/",
            "shown": show(decision_for(current_world(), row, clock.now()), site.language).digest,
        }
        if news
        else None,
        "is_new": "new" in request.GET,
        "can_cancel": lifecycle.may_move(row.status, lifecycle.CANCELLED),
        "asked_cancel": "cancel" in request.GET,
        "ask_cancel_url": links.reservation_path(row) + "&cancel=1",
        "cancel_url": f"{base}cancel/",
        "page_url": links.reservation_path(row),
        "key": links.reservation_key(row),
        "events": [
            {"when": texts.instant(event.at, row.market.timezone), "words": refusals.event_words(event.action)}
            for event in row.events.order_by("id")
        ],
    }
    response = render(request, "reservation.html", context, status=422 if form else 200)
    response["X-Robots-Tag"] = "noindex"
    return response


def _news(row: Reservation) -> News:
    return news_for([row], world=current_world(), at=clock.now()).get(row.pk, News())


@require_POST
@by_link
def agree(request: HttpRequest, site: Site, row: Reservation) -> HttpResponse:
    """What has changed was shown again, and agreed to where the law asks for it."""
    form = ConsentsForm(request.POST, consents=_news(row).consents)
    if not form.is_valid():
        return _page(request, site, row, form)
    try:
        accepting.accept(
            reservation=row,
            given=form.given_consents(),
            language=site.language,
            at=clock.now(),
            actor=actor(request),
            shown_digest=request.POST.get("shown", ""),
        )
    except (ConsentRequired, accepting.ShownOtherwise):  # it has changed again: the page shows what is asked now
        return see_other(links.reservation_path(row))
    return see_other(links.reservation_path(row) + "#receipt")


@require_POST
@by_link
def cancel(request: HttpRequest, site: Site, row: Reservation) -> HttpResponse:
    """Cancel, once, and show the reservation as it is now."""
    cancelling.cancel(reservation=row, at=clock.now(), actor=actor(request))
    return see_other(links.reservation_path(row))


def _find(request: HttpRequest, reference: str) -> Reservation | None:
    """The reservation, when the key of the link is its own."""
    tidy = places.tidy_reference(reference)
    rows = Reservation.objects.select_related("variant__product", "market", "allotment")
    row = rows.filter(reference=tidy, is_sandbox=False).first()
    key = request.POST.get("key") or request.GET.get("key", "")
    if row is None or not constant_time_compare(key, links.reservation_key(row)):
        return None
    return row


def _no_key(request: HttpRequest, site: Site) -> HttpResponse:
    """The same answer whether the reference or the key is wrong."""
    title = _("This link does not open a reservation.")
    sentence = _("Use the link of your latest e-mail from us; copy it whole.")
    return problem(request, 404, "unknown_link", title, sentence, site)
