"""The two pages of the room that Django renders: the queue, as a shell for the layer, and the draw."""

from __future__ import annotations

import re
from typing import Any

from django.conf import settings
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_safe

from reservations.models import Draw, Launch, Product
from reservations.queries import texts
from reservations.queries.draws import draw_of, order_of
from reservations.queries.rooms import Room
from storefront import clock
from storefront.waiting_room import drawing
from storefront.waiting_room.shell import MARKS, mark
from storefront.web.site import Site, in_market, problem, see_other

_TICKET_ID = re.compile(r"[0-9a-f]{24}")


@never_cache
@require_safe
@in_market
def room(request: HttpRequest, site: Site) -> HttpResponse:
    """The shell of the queue's page, when the layer asks for it; else there is no queue, and the form is open."""
    held: Room | None = request.META.get("WAITING_ROOM")
    slug = request.GET.get("product", "")
    product = Product.objects.filter(slug=slug).first()
    if held is None:
        return see_other(f"{site.prefix}reserve/{slug}/" if product else site.prefix)
    launch = Launch.objects.get(slug=held.launch)
    context = {
        "site": site,
        "name": texts.translated(product.name if product else launch.name),
        "is_open": held.is_open(clock.now()),
        "opens_at": held.opens_at.isoformat(),
        "opens_words": texts.instant(held.opens_at, site.market.timezone),
        "draws_words": texts.instant(held.draws_at, site.market.timezone) if held.draws_at else None,
        "minutes": settings.WAITING_ROOM_PASS_SECONDS // 60,
        "draw_url": f"{site.prefix}draw/{held.launch}/",
        "room_url": f"{site.prefix}waiting-room/?product={slug}",
        "poll_url": f"{site.prefix}waiting-room/poll/?product={slug}",
        "marks": {name: mark(name) for name in MARKS},
    }
    is_door = request.META["WAITING_ROOM_KIND"] == "door"
    return render(request, "waiting_room_door.html" if is_door else "waiting_room.html", context)


@never_cache
@csrf_exempt
@in_market
def no_room(request: HttpRequest, site: Site) -> HttpResponse:
    """The room was switched off while somebody waited in it: the form is open."""
    product = Product.objects.filter(slug=request.GET.get("product", "")).first()
    go = f"{site.prefix}reserve/{product.slug}/" if product else site.prefix
    return JsonResponse({"state": "admitted", "go": go}) if request.path.endswith("/poll/") else see_other(go)


@never_cache
@require_safe
@in_market
def draw(request: HttpRequest, site: Site, slug: str) -> HttpResponse:
    """The draw of a launch: its rule and promise before, list, seed and verifier after, and one's own place."""
    drawing.hold_if_asked(slug, site.market.code)
    row = draw_of(slug, site.market.code)
    if row is None:
        return problem(request, 404, "unknown_draw", _("This launch has no draw."), site=site)
    context = {
        "site": site,
        "name": texts.translated(row.launch.name),
        "draw": row,
        "count": len(row.tickets),
        "opens_words": texts.instant(row.opens_at, site.market.timezone),
        "closes_words": texts.instant(row.closes_at, site.market.timezone),
        "drawn_words": texts.instant(row.drawn_at, site.market.timezone) if row.drawn_at else None,
        "json_url": f"/api/v1/launches/{slug}/draw/?market={site.market.code}",
        **_find(row, request.GET.get("ticket", "")),
    }
    return render(request, "draw.html", context)


def _find(row: Draw, given: str) -> dict[str, Any]:
    """The place of a ticket id, or of a ticket's whole link."""
    found = _TICKET_ID.search(given)
    order = order_of(row) if found else []
    place = order.index(found[0]) + 1 if found and found[0] in order else None
    return {"asked": given, "ticket": found[0] if found else given, "place": place}
