"""Another variant, another country, fewer units: what would change is shown first, and then accepted or not."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_http_methods

from reservations.actions import lines, relocating, wishes
from reservations.actions.relocating import Terms
from reservations.models import Market, Reservation
from reservations.queries import links, texts
from reservations.queries.facts import current_world
from reservations.queries.places import standings
from reservations.queries.receipts import tax_words, variant_name
from reservations.rules import lifecycle
from storefront import clock
from storefront.actors import actor
from storefront.web import refusals
from storefront.web.by_link import back, by_link, path_of
from storefront.web.cards import product_cards
from storefront.web.contact import changed_meanwhile
from storefront.web.forms import ChangeForm, ConsentsForm
from storefront.web.site import Site


@dataclass(frozen=True)
class Difference:
    """One line of the comparison."""

    name: str
    now: str
    then: str

    @property
    def differs(self) -> bool:
        return self.now != self.then


@require_http_methods(["GET", "HEAD", "POST"])
@by_link
def change(request: HttpRequest, site: Site, row: Reservation) -> HttpResponse:
    """Choose; see what it means; accept."""
    if row.status not in relocating.CHANGEABLE:
        return changed_meanwhile(request, site, row)
    given = request.POST if request.method == "POST" else request.GET if "variant" in request.GET else None
    form = _form(row, given)
    if not form.is_bound or not form.is_valid():
        return _page(request, site, row, form)
    try:
        terms = relocating.terms_of(reservation=row, change=form.change(), at=clock.now(), language=site.language)
        if request.method == "POST":
            return _accept(request, site, row, form, terms)
    except wishes.SubdivisionRequired:
        form.ask_subdivision()
        return _page(request, site, row, form, status=422)
    except wishes.Refusal as refusal:
        return _page(request, site, row, form, refusal=refusal)
    except lines.CannotMove:
        return changed_meanwhile(request, site, row)
    return _page(request, site, row, form, terms=terms)


def _form(row: Reservation, given: Any) -> ChangeForm:
    world = current_world()
    product = row.variant.product
    skus = [sku for sku in world.skus_of(product.slug) if (sku, row.market_id) in world.prices or given]
    markets = sorted(
        ((code, texts.country(code)) for code in {code for sku, code in world.prices if sku in skus}),
        key=lambda each: each[1],
    )
    known = {"variant": row.variant.sku, "market": row.market_id, "quantity": row.quantity}
    asked = Market.objects.filter(code=(given or {}).get("market", row.market_id)).first() or row.market
    return ChangeForm(
        given,
        variants=[(sku, variant_name(world.subjects[sku].options)) for sku in skus],
        markets=markets,
        most=row.quantity,
        subdivisions=[(each["code"], each["name"]) for each in asked.subdivisions],
        reservation=row,
        initial=known,
    )


def _accept(request: HttpRequest, site: Site, row: Reservation, form: ChangeForm, terms: Terms) -> HttpResponse:
    ticks = ConsentsForm(request.POST, consents=terms.consents)
    if not ticks.is_valid():
        return _page(request, site, row, form, terms=terms, ticks=ticks)
    try:
        moved = relocating.relocate(
            reservation=row,
            change=form.change(),
            given=ticks.given_consents(),
            shown_digest=request.POST.get("shown", ""),
            at=clock.now(),
            actor=actor(request),
            language=site.language,
        )
    except relocating.ShownOtherwise:
        return _page(request, site, row, form, terms=terms, is_stale=True)
    return back(moved)


def _page(
    request: HttpRequest,
    site: Site,
    row: Reservation,
    form: ChangeForm,
    *,
    terms: Terms | None = None,
    ticks: ConsentsForm | None = None,
    refusal: wishes.Refusal | None = None,
    is_stale: bool = False,
    status: int = 200,
) -> HttpResponse:
    card = product_cards(site, [row.variant.product], clock.now())[0]
    told = refusals.explain(refusal, site, card) if refusal else None
    if told:
        status = told["status"]
    elif is_stale:
        status = 409
    elif (form.is_bound and form.errors) or ticks is not None:
        status = 422
    context = {
        "site": site,
        "form": form,
        "refusal": told,
        "is_stale": is_stale,
        "page_url": path_of(row),
        "change_url": path_of(row, "change/"),
        "key": links.reservation_key(row),
        "reference": row.reference,
        "product": texts.translated(row.variant.product.name),
        "terms": _compare(row, terms) if terms else None,
        "ticks": (ticks or ConsentsForm(consents=terms.consents)).ticks if terms else [],
        "ticks_form": ticks,
    }
    return render(request, "change.html", context, status=status)


def _compare(row: Reservation, terms: Terms) -> dict[str, Any]:
    """Now and then, line by line."""
    kept, then, settled = row.receipt, terms.receipt, terms.prepared.wish
    standing = standings([row])[row.pk]
    world, ahead = current_world(), standing.people_ahead if terms.stays_in_line else terms.ahead
    options = world.subjects[settled.sku].options
    rows = [
        Difference(_("Variant"), variant_name(row.variant.options), variant_name(options)),
        Difference(
            _("Delivery country"), _place(row.market_id, row.subdivision), _place(settled.market, settled.subdivision)
        ),
        Difference(_("Quantity"), str(row.quantity), str(settled.quantity)),
        Difference(_("Price each"), _amount(kept, "unit_price_minor"), _amount(then, "unit_price_minor")),
        Difference(_("Total"), _amount(kept, "total_minor"), _amount(then, "total_minor")),
        Difference(_("Tax"), tax_words(kept["tax"], kept["currency"]), tax_words(then["tax"], str(then["currency"]))),
        Difference(_("Delivery window"), _window(kept), _window(then)),
        Difference(_("Status"), refusals.reservation_words(row.status), refusals.reservation_words(terms.status)),
        Difference(_("Deposit, refundable"), _deposit(kept), _deposit(then)),
        Difference(_("Ahead of you"), _ahead(standing.people_ahead), _ahead(ahead)),
    ]
    seen = {notice["text"] for notice in row.shown}
    return {
        "rows": rows,
        "goes_back": texts.amount(terms.goes_back.amount_minor, row.currency) if terms.goes_back.amount_minor else "",
        "digest": terms.digest,
        "waits": not terms.is_confirmed and row.status == lifecycle.CONFIRMED,
        "keeps_number": terms.stays_in_line,
        "notices": [
            texts.said(each.text)
            for each in terms.prepared.decision.notices
            if not each.consent and each.text not in seen
        ],
    }


def _place(country: str, subdivision: str | None) -> str:
    return f"{texts.country(country)} ({subdivision})" if subdivision else texts.country(country)


def _amount(receipt: Any, name: str) -> str:
    return texts.amount(receipt[name], receipt["currency"])


def _deposit(receipt: Any) -> str:
    amount = receipt.get("deposit_minor", 0)
    return texts.amount(amount, receipt["currency"]) if amount else _("None")


def _window(receipt: Any) -> str:
    if not receipt["may_ship_at_reserving"]:
        return _("Waits for an approval")
    ships = receipt["ships"]
    if not (ships["from"] and ships["to"]):
        return _("Not set yet")
    return _("%(start)s to %(end)s") % {"start": texts.day(ships["from"]), "end": texts.day(ships["to"])}


def _ahead(people: int) -> str:
    return ngettext("%(people)s person", "%(people)s people", people) % {"people": people} if people else _("Nobody")
