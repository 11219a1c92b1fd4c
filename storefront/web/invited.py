"""What a customer answers: skip a wave, wait for a delay, and be invited together with another."""

from __future__ import annotations

from urllib.parse import parse_qs, urlsplit

from django.http import HttpRequest, HttpResponse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST, require_safe

from reservations.actions import amending, estimating, inviting, lines
from reservations.jobs.deadlines import deadline_file
from reservations.models import Reservation
from storefront import clock
from storefront.actors import actor
from storefront.web.by_link import back, by_link, find, path_of
from storefront.web.contact import changed_meanwhile
from storefront.web.site import Site, problem


@require_POST
@by_link
def pause(request: HttpRequest, site: Site, row: Reservation) -> HttpResponse:
    """Skip waves and keep the rank, or be ready for the next again."""
    try:
        inviting.set_aside(
            reservation=row, at=clock.now(), actor=actor(request), is_paused=request.POST.get("ready") != "1"
        )
    except lines.CannotMove:
        return changed_meanwhile(request, site, row)
    return back(row)


@require_POST
@by_link
def wait(request: HttpRequest, site: Site, row: Reservation) -> HttpResponse:
    """Rather wait than cancel."""
    estimating.accept_delay(reservation=row, at=clock.now(), actor=actor(request))
    return back(row)


@require_POST
@by_link
def pair(request: HttpRequest, site: Site, row: Reservation) -> HttpResponse:
    """Both or neither: who has the link of both may say so. Or each alone again."""
    at, who = clock.now(), actor(request)
    if request.POST.get("part") == "1":
        amending.part(reservation=row, at=at, actor=who)
        return back(row)
    link = urlsplit(request.POST.get("link", "").strip())
    key, steps = parse_qs(link.query).get("key", [""])[0], link.path.split("/")
    other = find(steps[steps.index("r") + 1], key) if "r" in steps[:-1] else None
    try:
        if other is None:
            raise amending.CannotPair
        amending.pair(reservation=row, other=other, at=at, actor=who)
    except amending.CannotPair:
        title = _("These two cannot be a pair.")
        sentence = _(
            "Copy the whole link of the other reservation from its e-mail. Both must be of this launch and live."
        )
        now = {"text": _("Open your reservation"), "url": path_of(row)}
        return problem(request, 422, "cannot_pair", title, sentence, site, now)
    return back(row)


@require_safe
@by_link
def deadline(request: HttpRequest, site: Site, row: Reservation) -> HttpResponse:
    """Until when something is asked, as a calendar file (RFC 5545)."""
    if row.expires_at is None:
        return changed_meanwhile(request, site, row)
    content = deadline_file(row, ends_at=row.expires_at, made_at=clock.now())
    response = HttpResponse(content, content_type="text/calendar; charset=utf-8")
    response["Content-Disposition"] = f'attachment; filename="{row.reference}.ics"'
    return response
