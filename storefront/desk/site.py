"""The admin site of the launch, and what staff see first."""

from __future__ import annotations

from typing import Any

from django.contrib.admin import AdminSite
from django.db.models import F
from django.http import HttpRequest, HttpResponse

from reservations.models import Allotment, Launch, Message, ReviewTask, StopSale

MOST_ROWS = 10


class DeskSite(AdminSite):
    site_title = site_header = "Launch desk"
    index_title = "Today"
    index_template = "admin/today.html"

    def index(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        """Launches, what is nearly full, and what waits for a decision."""
        full = Allotment.objects.filter(is_sandbox=False, capacity__lte=F("held") * 10 / 9).select_related("variant")
        today = {
            "launches": Launch.objects.order_by("slug"),
            "nearly_full": full.order_by("-held")[:MOST_ROWS],
            "unsent": Message.objects.filter(state__in=[Message.FAILED, Message.UNCERTAIN]).order_by("id")[:MOST_ROWS],
            "reviews": ReviewTask.objects.filter(closed_at=None).select_related("product")[:MOST_ROWS],
            "stops": StopSale.objects.filter(lifted_at=None).order_by("-since")[:MOST_ROWS],
        }
        return super().index(request, {**today, **(extra_context or {})})
