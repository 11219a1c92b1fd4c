"""The admin site of the launch, and what staff see first."""

from __future__ import annotations

from collections import Counter
from datetime import datetime, timedelta
from itertools import islice
from typing import Any

from django.conf import settings
from django.contrib.admin import AdminSite
from django.contrib.auth.models import User
from django.db import transaction
from django.db.models import F, Q
from django.http import HttpRequest
from django.template.response import TemplateResponse

from reservations.models import (
    Allotment,
    Event,
    Evidence,
    Launch,
    Message,
    MoneyTask,
    ProposedChange,
    ReviewTask,
    StopSale,
)
from reservations.queries import evidence
from reservations.queries.books import last_check
from reservations.rules.opening import Window
from storefront import clock

MOST_ROWS = 10
CHECK_IS_LATE_AFTER = timedelta(hours=2)


def launch_row(launch: Launch, at: datetime) -> dict[str, Any]:
    """A launch with how many of its markets are in which phase, and what comes next."""
    windows = [
        Window(opens_at=row.opens_at, closes_at=row.closes_at, is_paused=launch.paused_at is not None)
        for row in launch.windows.all()
    ]
    instants = [each for row in windows for each in (row.opens_at, row.closes_at) if each is not None and each > at]
    return {
        "launch": launch,
        "phases": sorted(Counter(row.phase(at) for row in windows).items()),
        "next_at": min(instants, default=None),
    }


def books_row(at: datetime) -> dict[str, Any] | None:
    """The newest check of the books, and whether the next one should have come by now; None before the first."""
    check = last_check()
    if check is None:
        return None
    broken = check.broken[:MOST_ROWS]
    more = len(check.broken) - len(broken)
    return {"at": check.at, "broken": broken, "more": more, "is_late": at - check.at > CHECK_IS_LATE_AFTER}


def evidence_rows(person: User, at: datetime) -> dict[str, Any]:
    """What waits for this person's approval, and approved evidence that ends soon and has no successor yet."""
    changes = ProposedChange.objects.filter(status=ProposedChange.PROPOSED).exclude(proposed_by=person)
    return {
        "waiting": evidence.waiting_for(person)[:MOST_ROWS],
        "changes": changes.order_by("id")[:MOST_ROWS],
        "ending": [(row, evidence.expiry(row)) for row, _ in islice(evidence.ending(on=at.date()), MOST_ROWS)],
    }


class DeskSite(AdminSite):
    site_title = site_header = "Launch desk"
    index_title = "Today"
    index_template = "admin/today.html"

    def each_context(self, request: HttpRequest) -> dict[str, Any]:
        return {**super().each_context(request), "no_real_money": settings.HAS_NO_REAL_MONEY}

    def index(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> TemplateResponse:
        """Launches, what is nearly full, and what waits for a decision; each only for those who may see it."""
        at = clock.now()
        may_see = {
            model._meta.model_name: request.user.has_perm(f"reservations.view_{model._meta.model_name}")
            for model in (Launch, Allotment, Message, ReviewTask, StopSale, Event, Evidence, MoneyTask)
        }
        full = Allotment.objects.filter(is_sandbox=False, capacity__gt=0, capacity__lte=F("held") * 10 / 9)
        stops = StopSale.objects.filter(Q(lifted_at=None) | Q(lifted_at__gt=at))
        today = {
            "at": at,
            "may_see": may_see,
            "launches": [launch_row(row, at) for row in Launch.objects.order_by("slug").prefetch_related("windows")],
            "nearly_full": full.select_related("variant", "partner").order_by("-waiting", "-held")[:MOST_ROWS],
            "unsent": Message.objects.filter(state__in=[Message.FAILED, Message.UNCERTAIN])
            .select_related("reservation")
            .defer("raw")
            .order_by("-id")[:MOST_ROWS],
            "reviews": ReviewTask.objects.filter(closed_at=None)
            .select_related("product")
            .order_by("opened_at")[:MOST_ROWS],
            "stops": stops.select_related("product", "variant", "market").order_by("-since")[:MOST_ROWS],
            "books": books_row(at),
            "money_tasks": MoneyTask.objects.filter(closed_at=None)
            .select_related("reservation")
            .order_by("id")[:MOST_ROWS],
            "evidence": evidence_rows(request.user, at) if isinstance(request.user, User) else {},
        }
        return super().index(request, {**today, **(extra_context or {})})

    def password_change(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> TemplateResponse:
        """One's own password: the change is logged, the passwords are not."""
        from storefront.desk.people import log_password_change  # noqa: PLC0415  (models are registered after the site)

        with transaction.atomic():
            before = User.objects.filter(pk=request.user.pk or 0).values_list("password", flat=True).first()
            answer = super().password_change(request, extra_context)
            if request.method == "POST" and before is not None:
                log_password_change(request, request.user.pk or 0, before)
        return answer
