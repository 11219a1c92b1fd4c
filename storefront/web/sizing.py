"""The size of what was reserved without one."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest, HttpResponse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST

from reservations.actions import lines, sizing, wishes
from reservations.models import Reservation
from reservations.rules.sizes import SIZE
from storefront import clock
from storefront.actors import actor
from storefront.web.by_link import back, by_link, path_of
from storefront.web.contact import changed_meanwhile
from storefront.web.site import Site, problem, see_other


def size_facts(row: Reservation) -> dict[str, Any] | None:
    """What the page of a reservation shows: the sizes, the one chosen, and whether a kit was asked for."""
    if not sizing.is_open(row) or row.status not in sizing.OPEN:
        return None
    chosen = row.settled_variant_id
    return {
        "sizes": [
            {"sku": each.sku, "size": each.options[SIZE], "is_chosen": each.pk == chosen}
            for each in sizing.sizes_of(row)
        ],
        "is_chosen": chosen is not None,
        "has_kit": row.kit_asked_at is not None,
    }


@require_POST
@by_link
def size(request: HttpRequest, site: Site, row: Reservation) -> HttpResponse:
    """Choose a size; nothing in the line changes by it."""
    try:
        sizing.choose_size(reservation=row, sku=request.POST.get("sku", ""), at=clock.now(), actor=actor(request))
    except (sizing.UnknownSize, wishes.NotAvailableInMarket):
        title = _("This size is not made, or not for your country.")
        sentence = _("Nothing was stored. Choose one of those that the page of your reservation lists.")
        now = {"text": _("Open your reservation"), "url": path_of(row)}
        return problem(request, 422, "unknown_size", title, sentence, site, now)
    except (sizing.NoSizeToChoose, lines.CannotMove):
        return changed_meanwhile(request, site, row)
    return back(row, fragment="size")


@require_POST
@by_link
def kit(request: HttpRequest, site: Site, row: Reservation) -> HttpResponse:
    """Send me a sizing kit."""
    try:
        sizing.ask_for_kit(reservation=row, at=clock.now(), actor=actor(request))
    except sizing.AddressMissing:
        return see_other(path_of(row, "contact/"))
    except (sizing.NoSizeToChoose, lines.CannotMove):
        return changed_meanwhile(request, site, row)
    return back(row, fragment="size")
