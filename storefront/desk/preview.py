"""Any letter in any language, about a real reservation, as it would go now."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode

from django.conf import settings
from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.urls import reverse

from reservations.gateways.mail import Mail
from reservations.jobs import letters
from reservations.jobs.words import KINDS
from reservations.models import Message, Reservation
from reservations.rules import places
from storefront import clock


def page(request: HttpRequest) -> HttpResponse:
    """Choose a kind, a language and a reservation (the newest unless another is named), and read the letter."""
    asked, letter = _asked(request)
    context: dict[str, Any] = {
        **admin.site.each_context(request),
        "title": "Letters as they would go now",
        "opts": Message._meta,
        "kinds": KINDS,
        "languages": settings.LANGUAGES,
        "asked": asked,
        "letter": letter,
        "html_url": f"{reverse('admin:message_preview_html')}?{urlencode(asked)}",
    }
    return TemplateResponse(request, "admin/preview.html", context)


def html(request: HttpRequest) -> HttpResponse:
    """The HTML part alone, for the frame of the page."""
    return HttpResponse(_asked(request)[1].html)


def _asked(request: HttpRequest) -> tuple[dict[str, str], Mail]:
    """What was chosen, and its letter. It shows a customer's name and address: who may read messages may read it."""
    if not request.user.has_perm("reservations.view_message"):
        raise PermissionDenied
    rows = Reservation.objects.select_related("variant__product", "market", "wording", "launch")
    named = places.tidy_reference(request.GET.get("reference", ""))
    row = rows.filter(reference=named).first() or rows.order_by("-created_at").first()
    kind, language = request.GET.get("kind", KINDS[0]), request.GET.get("language", "en")
    if row is None or kind not in KINDS or language not in dict(settings.LANGUAGES):
        raise Http404
    letter = letters.preview(kind=kind, language=language, reservation=row, at=clock.now())
    return {"kind": kind, "language": language, "reference": row.reference}, letter
