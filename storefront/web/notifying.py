"""Tell me when it opens here."""

from __future__ import annotations

import uuid

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.crypto import constant_time_compare
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods

from reservations.actions import notifying
from reservations.models import NotifyRequest, Product
from reservations.queries import links, texts
from storefront import clock
from storefront.web.cards import product_cards
from storefront.web.forms import AddressForm
from storefront.web.site import Site, in_market, problem


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
@in_market
def notify(request: HttpRequest, site: Site) -> HttpResponse:
    """Take an address. The answer is the same whether or not it was known."""
    slug = request.POST.get("product") or request.GET.get("product", "")
    row = Product.objects.filter(slug=slug).first() if slug else Product.objects.order_by("position").first()
    if row is None:
        return problem(request, 404, "unknown_product", _("There is no such product."), site=site)
    at = clock.now()
    form = AddressForm(request.POST if request.method == "POST" else None)
    is_done = request.method == "POST" and form.is_valid()
    if is_done:
        notifying.ask_to_be_told(
            product=row, market=site.market, email=form.cleaned_data["email"], language=site.language, at=at
        )
    status = 422 if request.method == "POST" and not is_done else 200
    card = product_cards(site, [row], at)[0]
    return render(request, "notify.html", {"site": site, "card": card, "form": form, "done": is_done}, status=status)


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
@in_market
def wish(request: HttpRequest, site: Site, pk: uuid.UUID, step: str) -> HttpResponse:
    """Confirm or end a wish by the link of a mail. A link that a mail scanner opens changes nothing: a press does."""
    row = NotifyRequest.objects.select_related("product", "market").filter(pk=pk).first()
    key = request.POST.get("key") or request.GET.get("key", "")
    if row is None or not constant_time_compare(key, links.wish_key(row)):
        title = _("This link is not complete.")
        return problem(request, 404, "unknown_link", title, _("Use the link of our e-mail; copy it whole."), site)
    if request.method == "POST":
        act = notifying.confirm_wish if step == "confirm" else notifying.end_wish
        act(wish=row, at=clock.now())
    state = "ask" if request.method != "POST" else ("confirmed" if step == "confirm" else "ended")
    context = {
        "site": site,
        "state": state,
        "step": step,
        "key": key,
        "country": texts.country(row.market_id),
        "product": texts.translated(row.product.name),
    }
    return render(request, "notify_done.html", context)
