"""Name, phone, address and e-mail of a reservation; and a new link for who lost theirs."""

from __future__ import annotations

import uuid

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.crypto import constant_time_compare
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods

from reservations.actions import amending, lines, wishes
from reservations.models import AddressChange, Reservation
from reservations.queries import links
from storefront import clock
from storefront.actors import actor
from storefront.web.by_link import back, by_link, no_key, path_of
from storefront.web.forms import AddressForm, ContactForm
from storefront.web.site import Site, in_market, problem, see_other

GET_AND_POST = ["GET", "HEAD", "POST"]


@require_http_methods(GET_AND_POST)
@by_link
def contact(request: HttpRequest, site: Site, row: Reservation) -> HttpResponse:
    """Who gets it and where, and where letters go."""
    form = ContactForm(request.POST or None, market=row.market_id, subdivision=row.subdivision, initial=_known(row))
    status = 200
    if request.method == "POST" and form.is_valid():
        try:
            return _amend(request, site, row, form)
        except lines.CannotMove:
            return changed_meanwhile(request, site, row)
        except wishes.LimitReached as refusal:
            words = _("With this address one customer would hold more than %(limit)s. Cancel one there first.")
            form.add_error("email", words % {"limit": refusal.limit})
    if form.is_bound:
        status = 422
    context = {"site": site, "form": form, "page_url": path_of(row), "reference": row.reference}
    context |= {"key": links.reservation_key(row), "can_text": bool(settings.SMS_MAIL_DOMAIN)}
    return render(request, "contact.html", context, status=status)


def _known(row: Reservation) -> dict[str, str]:
    return {"name": row.name, "email": row.email, "phone": row.phone, **(row.address or {})}


def _amend(request: HttpRequest, site: Site, row: Reservation, form: ContactForm) -> HttpResponse:
    at, who = clock.now(), actor(request)
    amending.amend_contact(reservation=row, contact=form.contact(), at=at, actor=who)
    change = amending.ask_for_address(reservation=row, email=form.cleaned_data["email"], at=at, actor=who)
    if change is None:
        return back(row)
    return see_other(path_of(row, "contact/sent/"))


@require_http_methods(["GET", "HEAD"])
@by_link
def sent(request: HttpRequest, site: Site, row: Reservation) -> HttpResponse:
    """A link is on its way to the new address."""
    asked = row.address_changes.filter(ended_at=None).first()
    if asked is None:
        return back(row)
    return render(request, "contact_sent.html", {"site": site, "email": asked.email, "page_url": path_of(row)})


def changed_meanwhile(request: HttpRequest, site: Site, row: Reservation) -> HttpResponse:
    """Another tab, or the line, was faster."""
    title = _("This reservation has changed meanwhile.")
    sentence = _("Nothing was stored. Look at it as it is now.")
    now = {"text": _("Open your reservation"), "url": path_of(row)}
    return problem(request, 409, "cannot_change", title, sentence, site, now)


@never_cache
@require_http_methods(GET_AND_POST)
@in_market
def address(request: HttpRequest, site: Site, reference: str, pk: uuid.UUID) -> HttpResponse:
    """Confirm a new address by the link that was mailed to it. A mail scanner that opens it changes nothing."""
    change = AddressChange.objects.select_related("reservation").filter(pk=pk).first()
    key = request.POST.get("key") or request.GET.get("key", "")
    if change is None or not constant_time_compare(key, links.address_key(change)):
        return no_key(request, site)
    if request.method != "POST":
        return render(request, "address.html", {"site": site, "email": change.email, "key": key})
    try:
        row = amending.confirm_address(change=change, at=clock.now())
    except (amending.Unusable, lines.CannotMove, wishes.LimitReached):
        title = _("This link confirms nothing any more.")
        sentence = _("It was used, another address was asked for since, or the reservation has ended.")
        return problem(request, 409, "unusable_link", title, sentence, site)
    return back(row)


@never_cache
@require_http_methods(GET_AND_POST)
@in_market
def lost_link(request: HttpRequest, site: Site) -> HttpResponse:
    """Mail the links of an address to it. The answer is the same whether or not the address is known."""
    form = AddressForm(request.POST or None)
    is_done = request.method == "POST" and form.is_valid()
    if is_done:
        amending.send_links(email=form.cleaned_data["email"], at=clock.now())
    status = 422 if form.is_bound and not is_done else 200
    return render(request, "lost_link.html", {"site": site, "form": form, "done": is_done}, status=status)
