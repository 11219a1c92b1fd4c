"""Pages of one reservation, opened by its signed link."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps

from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.utils.crypto import constant_time_compare
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache

from reservations.models import Reservation
from reservations.queries import links
from reservations.rules import places
from storefront.web.site import Site, in_market, problem, see_other


def by_link(view: Callable[[HttpRequest, Site, Reservation], HttpResponse]) -> Callable[..., HttpResponse]:
    """Open the reservation that the URL names, where the key of the link is its own; nothing of it is cached."""

    @never_cache
    @in_market
    @wraps(view)
    def opened(request: HttpRequest, site: Site, reference: str) -> HttpResponse:
        key = request.POST.get("key") or request.GET.get("key", "")
        row = find(reference, key)
        if row is None:
            return no_key(request, site)
        response = view(request, site, row)
        response["X-Robots-Tag"] = "noindex"
        return response

    return opened


def find(reference: str, key: str) -> Reservation | None:
    """The reservation, when the key of the link is its own."""
    tidy = places.tidy_reference(reference)
    rows = Reservation.objects.select_related("variant__product", "market", "allotment", "launch")
    row = rows.filter(reference=tidy, is_sandbox=False).first()
    return row if row is not None and constant_time_compare(key, links.reservation_key(row)) else None


def no_key(request: HttpRequest, site: Site) -> HttpResponse:
    """The same answer whether the reference or the key is wrong."""
    title = _("This link does not open a reservation.")
    sentence = _("Use the link of your latest e-mail from us; copy it whole.")
    lost = {"text": _("Send me a new link"), "url": f"{site.prefix}lost-link/"}
    return problem(request, 404, "unknown_link", title, sentence, site, lost)


def path_of(row: Reservation, step: str = "") -> str:
    """A page of a reservation, with its key."""
    page, _, key = links.reservation_path(row).partition("?")
    return f"{page}{step}?{key}"


def back(row: Reservation, *, fragment: str = "") -> HttpResponseRedirect:
    """After a POST: look at the reservation as it is now."""
    return see_other(path_of(row) + (f"#{fragment}" if fragment else ""))
