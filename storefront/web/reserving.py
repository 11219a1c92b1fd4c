"""The reservation form."""

from __future__ import annotations

import uuid
from datetime import timedelta
from typing import Any
from urllib.parse import urlencode

from django.conf import settings
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods

from reservations.actions import reserving, wishes
from reservations.models import Market, Product, Reservation
from reservations.queries import links, texts
from reservations.queries.availability import Availability, availabilities
from reservations.queries.facts import World, current_offering, current_world
from reservations.queries.receipts import tax_words, variant_name
from reservations.rules import gate, opening, payments
from storefront import clock
from storefront.web import refusals, words
from storefront.web.cards import product_cards, tax_of
from storefront.web.forms import ReservationForm
from storefront.web.site import Site, in_market, problem, remember_choice, see_other

ATTEMPT_COOKIE = "attempt"
RESERVABLE = (opening.OPEN, opening.WAITLIST)
DEFAULT_LIMIT = 1


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
@in_market
def reserve(request: HttpRequest, site: Site, slug: str) -> HttpResponse:
    """Show the form, or reserve. The delivery country is the market of the URL."""
    wanted = request.GET.get("market", "").upper()
    if request.method != "POST" and wanted and wanted != site.market.code:
        return HttpResponseRedirect(f"{links.prefix(site.language, wanted)}reserve/{slug}/")
    if "show" in request.POST:
        choice = urlencode({name: _asked(request, name) for name in ("variant", "subdivision")})
        return see_other(f"{request.path}?{choice}")
    world = current_world()
    skus = world.skus_of(slug)
    if not skus:
        return problem(request, 404, "unknown_product", _("There is no such product."), site=site)
    if request.method != "POST":
        return _show(request, site, slug, world)
    form = _form(request, site, world, skus, _asked(request, "variant"))
    if not form.is_valid():
        return _show(request, site, slug, world, form)
    try:
        return _reserve(request, site, form, slug)
    except wishes.Refusal as refusal:
        return _show(request, site, slug, world, form, refusal)


def _asked(request: HttpRequest, name: str) -> str:
    return request.POST.get(name) or request.GET.get(name, "")


def _place(request: HttpRequest, site: Site) -> str | None:
    """The part of the country that was asked for, where there is such a part."""
    asked = _asked(request, "subdivision")
    return asked if asked in {each["code"] for each in site.market.subdivisions} else None


def find_attempt(request: HttpRequest) -> uuid.UUID | None:
    """One number for all tabs of a browser until a reservation is made, so that a form counts once."""
    for given in (request.POST.get("attempt", ""), request.COOKIES.get(ATTEMPT_COOKIE, "")):
        try:
            return uuid.UUID(given)
        except ValueError:
            continue
    return None


def _form(request: HttpRequest, site: Site, world: World, skus: tuple[str, ...], sku: str) -> ReservationForm:
    """The form as the chosen variant and place ask for it, from the facts in memory."""
    at, market, place = clock.now(), site.market.code, _place(request, site)
    chosen = sku if sku in skus else skus[0]
    offering = current_offering(world.offers(chosen, market), at)
    asks = bool(world.decide(chosen, market, None, at).decision.varies_in)
    return ReservationForm(
        request.POST if request.method == "POST" else None,
        variants=[(each, variant_name(world.subjects[each].options)) for each in skus],
        limit=offering.per_customer_limit if offering else DEFAULT_LIMIT,
        market=market,
        subdivisions=[(each["code"], each["name"]) for each in site.market.subdivisions],
        asks_subdivision=asks,
        consents=world.decide(chosen, market, place, at).decision.consents,
        initial={"variant": chosen, "subdivision": place or ""},
    )


def _reserve(request: HttpRequest, site: Site, form: ReservationForm, slug: str) -> HttpResponse:
    """Raises the Refusal."""
    given = form.cleaned_data
    wish = wishes.Wish(
        sku=given["variant"],
        quantity=given["quantity"],
        product=slug,
        market=site.market.code,
        subdivision=given.get("subdivision") or None,
        postcode=given.get("postcode", ""),
        language=site.language,
        email=given["email"],
        name=given["name"],
        consents=form.given_consents(),
        attempt=find_attempt(request) or uuid.uuid4(),
    )
    return show_the_way(reserving.reserve(wish=wish, at=clock.now()))


def show_the_way(reservation: Reservation) -> HttpResponse:
    """To the page of the reservation that was just made."""
    response = see_other(links.reservation_path(reservation) + "&new=1")
    response.delete_cookie(ATTEMPT_COOKIE)
    return response


def _show(
    request: HttpRequest,
    site: Site,
    slug: str,
    world: World,
    form: ReservationForm | None = None,
    refusal: wishes.Refusal | None = None,
) -> HttpResponse:
    """The page: to be filled in, to be mended, or with what was refused."""
    card = product_cards(site, [Product.objects.get(slug=slug)], clock.now())[0]
    skus = [variant["sku"] for variant in card["variants"]]
    rows = availabilities(skus=skus, at=clock.now(), destinations=[(site.market.code, _place(request, site))])
    answers = {row.sku: row for row in rows}
    asked = _asked(request, "variant")
    best = asked if asked in answers else card["availability"].sku
    form = form or _form(request, site, world, world.skus_of(slug), best)
    told = refusals.explain(refusal, site, card) if refusal else None
    status = told["status"] if told else 422 if form.is_bound else 200
    attempt = str(find_attempt(request) or uuid.uuid4())
    context = _context(site, card, form, answers, told) | {"attempt": attempt}
    response = render(request, "reserve.html", context, status=status)
    remember_choice(response, site)
    response.set_cookie(ATTEMPT_COOKIE, attempt, httponly=True, samesite="Lax", secure=settings.IS_SECURE)
    return response


def _context(
    site: Site,
    card: dict[str, Any],
    form: ReservationForm,
    answers: dict[str, Availability],
    refusal: dict[str, Any] | None = None,
) -> dict[str, Any]:
    best = answers[card["availability"].sku]
    answer = answers.get(form["variant"].value(), best)
    price = next((each["price"] for each in card["variants"] if each["sku"] == answer.sku), card["price"])
    deposit = current_world().deposit(answer.sku, site.market.code, answer.decision, clock.now())
    markets = sorted(
        ({"code": code, "name": texts.country(code)} for code in Market.objects.values_list("code", flat=True)),
        key=lambda each: each["name"],
    )
    return {
        "site": site,
        "card": card,
        "form": form,
        "variants": card["variants"],
        "switched_off": texts.features(answer.decision.switched_off),
        "notices": [_(each.text) for each in answer.decision.notices if not each.consent],
        "market": site.market,
        "markets": markets,
        "total": {
            "price": price,
            "tax_words": tax_words(tax_of(site), site.market.currency),
            "due_now": texts.amount(0, site.market.currency),
            "deposit": texts.amount(deposit.amount_minor, deposit.currency) if deposit else "",
            "hold_minutes": payments.HOLD // timedelta(minutes=1),
        },
        "status": answer.status,
        "sentence": words.sentence(answer, site.country, site.market.timezone),
        "reasons": [words.reason_title(reason) for reason in answer.decision.reasons if _forbids(reason)],
        "next_change": words.next_change_words(answer.next_change_at, site.market.timezone),
        "opens_at": answer.opens_at.isoformat() if answer.opens_at else None,
        "opens_words": texts.instant(answer.opens_at, site.market.timezone) if answer.opens_at else None,
        "best": {"status": best.status, "sentence": words.sentence(best, site.country, site.market.timezone)},
        "can_reserve": answer.status in RESERVABLE,
        "can_reserve_any": any(each.status in RESERVABLE for each in answers.values()),
        "refusal": refusal,
    }


def _forbids(reason: gate.Reason) -> bool:
    return reason.stage != "operate"
