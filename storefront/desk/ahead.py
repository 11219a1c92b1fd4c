"""The shop as it will look, or would have looked, at an instant in a market, from the facts as they are now."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from urllib.parse import urlencode

from csp.decorators import csp_update
from django import forms
from django.conf import settings
from django.contrib import admin
from django.contrib.admin.widgets import AdminSplitDateTime
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404
from django.template.response import TemplateResponse
from django.urls import resolve, reverse
from django.views.decorators.clickjacking import xframe_options_sameorigin

from reservations.models import Launch, Market, Product
from reservations.queries import links
from storefront import clock

WIDE, NARROW = "100%", "390"


class AheadForm(forms.Form):
    at = forms.SplitDateTimeField(label="Instant (UTC)", widget=AdminSplitDateTime)
    market = forms.ModelChoiceField(Market.objects.order_by("code"), empty_label=None)
    language = forms.ChoiceField(choices=settings.LANGUAGES)
    page = forms.ChoiceField(required=False)
    width = forms.ChoiceField(required=False, choices=[(WIDE, "Wide"), (NARROW, "As a telephone: 390 px")])

    def __init__(self, *given: Any, **more: Any) -> None:
        super().__init__(*given, **more)
        slugs = list(Product.objects.order_by("position").values_list("slug", flat=True))
        pages = [(f"{kind}/{slug}/", f"{slug}: {word}") for kind, word in _KINDS for slug in slugs]
        self.fields["page"].choices = [("", "The launch"), *pages]  # type: ignore[attr-defined]

    @property
    def path(self) -> str:
        given = self.cleaned_data
        return f"{links.prefix(given['language'], given['market'].code)}{given['page']}"


_KINDS = (("products", "product"), ("reserve", "reservation form"), ("availability", "availability"))


def page(request: HttpRequest, pk: int) -> HttpResponse:
    """Choose an instant, a market and a page; it stands below. At first the first opening that is to come."""
    launch = get_object_or_404(Launch, pk=pk)
    _check(request)
    form = AheadForm(request.GET if "at_0" in request.GET else None, initial={"at": _next_opening(launch)})
    context: dict[str, Any] = {
        **admin.site.each_context(request),
        "title": "The shop at an instant",
        "opts": Launch._meta,
        "row": launch,
        "back": reverse("admin:reservations_launch_change", args=[pk]),
        "label": "Preview",
        "form": form,
        "frame_url": f"{reverse('admin:launch_ahead_frame')}?{urlencode(request.GET, doseq=True)}",
        "is_narrow": request.GET.get("width") == NARROW,
    }
    return TemplateResponse(request, "admin/ahead.html", context)


@xframe_options_sameorigin
@csp_update({"frame-ancestors": ["'self'"], "script-src": ["'none'"]})
def frame(request: HttpRequest) -> HttpResponse:
    """The page itself. It is nobody's: no cookie goes in or out. Its links open the shop as it is now."""
    _check(request)
    form = AheadForm(request.GET)
    if not form.is_valid():
        raise Http404
    visit = HttpRequest()
    visit.method, visit.path, visit.path_info = "GET", form.path, form.path
    visit.META = {
        name: request.META[name] for name in ("SERVER_NAME", "SERVER_PORT", "HTTP_HOST") if name in request.META
    }
    found = resolve(form.path)
    with clock.standing_at(form.cleaned_data["at"]):
        shown = found.func(visit, *found.args, **found.kwargs)
    return HttpResponse(shown.content.decode().replace("<head>", '<head><base target="_blank">', 1))


def _check(request: HttpRequest) -> None:
    if not request.user.has_perm("reservations.view_launch"):
        raise PermissionDenied


def _next_opening(launch: Launch) -> datetime:
    at = clock.now()
    return launch.windows.filter(opens_at__gt=at).order_by("opens_at").values_list("opens_at", flat=True).first() or at
