"""A customer's reservation, opened by its signed link: see it, agree again, cancel."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_POST, require_safe

from reservations.actions import accepting, cancelling, lines, relocating
from reservations.actions.receipts import show
from reservations.actions.wishes import ConsentRequired
from reservations.models import Reservation
from reservations.queries import links, texts
from reservations.queries.consents import News, decision_for, news_for
from reservations.queries.facts import current_world
from reservations.queries.holds import open_holds
from reservations.queries.places import standings
from reservations.queries.receipts import read as read_receipt
from reservations.queries.receipts import variant_name
from reservations.queries.waiting import why_waiting
from reservations.rules import lifecycle
from storefront import clock
from storefront.actors import actor
from storefront.web import deliveries, refusals, words
from storefront.web.by_link import back, by_link, path_of
from storefront.web.contact import changed_meanwhile
from storefront.web.forms import ConsentsForm
from storefront.web.paying import LOOK_SECONDS, money_facts
from storefront.web.site import Site
from storefront.web.sizing import size_facts

STEPS = ("cancel", "agree", "change", "contact", "pay", "pause", "wait", "pair", "size", "kit")


@require_safe
@by_link
def reservation(request: HttpRequest, site: Site, row: Reservation) -> HttpResponse:
    """A customer's reservation."""
    return _page(request, site, row)


def _page(request: HttpRequest, site: Site, row: Reservation, form: ConsentsForm | None = None) -> HttpResponse:
    standing = standings([row])[row.pk]
    money = money_facts(row, request.GET.get("paid", ""))
    context = {
        "site": site,
        "reservation": {
            "reference": row.reference,
            "status": row.status,
            "status_words": refusals.reservation_words(row.status),
            "is_live": row.status in lifecycle.LIVE,
            "place_number": row.place_number,
            "people_ahead": standing.people_ahead,
            "quantity": row.quantity,
            "name": row.name,
            "email": row.email,
            "is_paused": row.is_paused,
            "has_address": bool(row.address),
            "is_paired": row.pair is not None,
        },
        "reason": standing.reason if row.status == lifecycle.REVOKED else "",
        "was_unpaid": row.status == lifecycle.EXPIRED and row.wave_id is None,
        "receipt": read_receipt(row),
        "money": money,
        "hold": _hold(row),
        "news": _asked_again(site, row, form),
        "delivery": deliveries.delivery(row, standing),
        "asks": deliveries.asks(row),
        "waiting": _why_waiting(row),
        "size": size_facts(row),
        "others": _others(row),
        "is_new": "new" in request.GET,
        "asked_cancel": "cancel" in request.GET,
        "may": _may(row),
        "urls": {step: path_of(row, f"{step}/") for step in STEPS}
        | {"page": path_of(row), "ask_cancel": f"{path_of(row)}&cancel=1", "calendar": path_of(row, "deadline.ics")},
        "key": links.reservation_key(row),
        "events": [
            {"when": texts.instant(event.at, row.market.timezone), "words": refusals.event_words(event.action)}
            for event in row.events.order_by("id")
        ],
    }
    response = render(request, "reservation.html", context, status=422 if form else 200)
    if money["result"] == "waiting" and row.status in lifecycle.LIVE:
        response["Refresh"] = str(LOOK_SECONDS)
    return response


def _may(row: Reservation) -> dict[str, bool]:
    """What its holder can do with it now."""
    return {
        "cancel": lifecycle.may_move(row.status, lifecycle.CANCELLED),
        "change": row.status in relocating.CHANGEABLE,
        "amend": row.status in lifecycle.LIVE,
        "pause": row.status in (lifecycle.CONFIRMED, lifecycle.INVITED, lifecycle.WAITLISTED),
        "pair": row.status in relocating.CHANGEABLE,
    }


def _hold(row: Reservation) -> dict[str, str] | None:
    hold = open_holds([row]).get(row.pk)
    if hold is None:
        return None
    return {"title": texts.obstacle(hold.code, hold.title), "since": texts.instant(hold.since, row.market.timezone)}


def _asked_again(site: Site, row: Reservation, form: ConsentsForm | None) -> dict[str, Any] | None:
    news = _news(row)
    if not news:
        return None
    return {
        "form": form or ConsentsForm(consents=news.consents),
        "notices": [texts.said(notice.text) for notice in news.notices],
        "url": path_of(row, "agree/"),
        "shown": show(decision_for(current_world(), row, clock.now()), site.language).digest,
    }


def _others(row: Reservation) -> list[dict[str, Any]]:
    """What else is reserved under the address that this link was mailed to, each with its own place."""
    same = Reservation.objects.filter(email_key=row.email_key, email=row.email, is_sandbox=False)
    rows = same.filter(status__in=lifecycle.LIVE).exclude(pk=row.pk).select_related("variant__product")
    return [
        {
            "url": path_of(each),
            "product": texts.translated(each.variant.product.name),
            "variant": variant_name(each.variant.options),
            "place_number": each.place_number,
            "status_words": refusals.reservation_words(each.status),
        }
        for each in rows.order_by("created_at")
    ]


def _why_waiting(row: Reservation) -> list[str]:
    return words.waiting_words(why_waiting(row, at=clock.now())) if row.status == lifecycle.WAITLISTED else []


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
        return back(row)
    return back(row, fragment="receipt")


@require_POST
@by_link
def cancel(request: HttpRequest, site: Site, row: Reservation) -> HttpResponse:
    """Cancel, once, and show the reservation as it is now."""
    try:
        cancelling.cancel(reservation=row, at=clock.now(), actor=actor(request))
    except lines.CannotMove:
        return changed_meanwhile(request, site, row)
    return back(row)
