"""Waves: supply by line, a dry run, and two persons who release it; estimates of delivery."""

from __future__ import annotations

from datetime import date
from functools import partial
from typing import Any

from django import forms
from django.contrib import admin, messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404
from django.urls import path, reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString

from reservations.actions import estimating, waving
from reservations.models import Allotment, Event, Invitation, Launch, Wave, WaveSupply
from storefront import clock
from storefront.desk import four_eyes, tables
from storefront.desk.four_eyes import Act, Page, officer
from storefront.desk.logged import Inline, Logged, ReadOnly

PROPOSE, RELEASE, DROP = "propose", "release", "drop"
ACTS = {
    PROPOSE: Act(
        label="Propose the release",
        note="Nobody is invited yet: a second person looks at the dry run and releases it.",
        done="Proposed. A second person releases it.",
    ),
    RELEASE: Act(
        label="Release",
        note="Everybody whom it reaches now is invited by mail. Whoever cancelled since the dry run is passed over.",
        done="Released: the invitations are on their way.",
    ),
    DROP: Act(label="Drop", note="It will not come. Nobody is told.", done="Dropped.", needs_reason=True),
}
RUNS: dict[str, Any] = {PROPOSE: waving.propose, RELEASE: waving.release, DROP: waving.drop}
NEXT = {Wave.PLANNED: (PROPOSE, DROP), Wave.PROPOSED: (RELEASE, DROP)}


class SupplyInline(Inline):
    model = WaveSupply
    autocomplete_fields = ["allotment"]


class WaveForm(forms.ModelForm):
    def clean_ships_to(self) -> date:
        """Nobody is promised a day that has passed."""
        ships_to: date = self.cleaned_data["ships_to"]
        if ships_to < clock.now().date():
            raise forms.ValidationError("This day has passed. Choose one to come.")
        return ships_to


@admin.register(Wave)
class WaveAdmin(Logged):
    form = WaveForm
    list_display = ["launch", "number", "state", "ships_from", "ships_to", "units", "proposed_by", "released_by"]
    list_select_related = ["launch", "proposed_by", "released_by"]
    list_filter = ["launch", "state"]
    fields = ["launch", "number", "ships_from", "ships_to", "state", "proposed_by", "released_by", "dry_run", "history"]
    readonly_fields = ["state", "proposed_by", "released_by", "dry_run", "history"]
    inlines = [SupplyInline]
    ordering = ["launch", "number"]
    change_form_template = "admin/acts.html"
    actions = ["publish_estimates"]

    def get_urls(self) -> list[Any]:
        act = path("<int:pk>/act/<slug:verb>/", self.admin_site.admin_view(self.act_view), name="wave_act")
        return [act, *super().get_urls()]

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """What was proposed stays as it was shown."""
        return (obj is None or obj.state == Wave.PLANNED) and super().has_change_permission(request, obj)

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return (obj is None or obj.state == Wave.PLANNED) and super().has_delete_permission(request, obj)

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        row = self.get_object(request, object_id)
        acts = [
            {"label": ACTS[verb].label, "url": reverse("admin:wave_act", args=[row.pk, verb])}
            for verb in ACTS
            if row and verb in NEXT.get(row.state, ())
        ]
        return super().change_view(request, object_id, form_url, {**(extra_context or {}), "acts": acts})

    def act_view(self, request: HttpRequest, pk: int, verb: str) -> HttpResponse:
        row = get_object_or_404(Wave.objects.select_related("launch"), pk=pk)
        if verb not in ACTS or not self.has_view_permission(request, row):
            raise Http404
        refused = "" if verb in NEXT.get(row.state, ()) else f"{row} is {row.state}."
        page = Page(title=f"{ACTS[verb].label}: {row}", facts=self.dry_run(row), refused=refused)
        run = partial(RUNS[verb], wave=row, officer=officer(request), at=clock.now())
        return four_eyes.act_page(self, request, row, act=ACTS[verb], page=page, run=run)

    @admin.display(description="Units")
    def units(self, row: Wave) -> int:
        return sum(row.supplies.values_list("quantity", flat=True))

    @admin.display(description="Dry run: whom it reaches now")
    def dry_run(self, row: Wave) -> SafeString:
        if not row.pk or row.state not in NEXT:
            return SafeString("-")
        run = waving.dry_run(row)
        lines = Allotment.objects.select_related("variant").in_bulk(list(run.left))
        left = ", ".join(f"{lines[pk]}: {units}" for pk, units in run.left.items()) or "nothing"
        totals = tables.facts(
            [
                ("Reservations reached", len(run.reached)),
                ("By market", ", ".join(f"{code}: {count}" for code, count in sorted(run.by_market.items())) or "none"),
                ("Left over", left),
                ("Passed over, since a pair is not whole", run.parted),
            ]
        )
        first = [
            (each.reference, each.place_number, each.variant.sku, each.quantity, each.market_id) for each in run.first
        ]
        return format_html("{}{}", totals, tables.table(["First", "Place", "Variant", "Units", "Market"], first))

    @admin.display(description="History")
    def history(self, row: Wave) -> SafeString:
        events = Event.objects.filter(subject=f"wave:{row.pk}", reservation=None).order_by("id")
        rows = [(tables.instant(each.at), each.actor, each.action, each.reason, each.facts) for each in events]
        return tables.table(["At", "Who", "What", "Why", "Facts"], rows)

    @admin.action(description="Publish estimates of delivery for these launches", permissions=["change"])
    def publish_estimates(self, request: HttpRequest, queryset: Any) -> None:
        """Everybody whose expected window changes is told by mail; what was said before stays known."""
        for launch in Launch.objects.filter(waves__in=queryset).distinct():
            told = estimating.publish(launch=launch, at=clock.now(), person=officer(request))
            messages.success(request, f"{launch}: {told.windows} told of a window, {told.delays} of a delay.")


@admin.register(Invitation)
class InvitationAdmin(ReadOnly):
    """Whose time runs, who was reminded, and whose letter came back."""

    list_display = [
        "reservation",
        "wave",
        "invited_at",
        "delivered_at",
        "ends_at",
        "reminders",
        "bounced_at",
        "outcome",
    ]
    list_select_related = ["reservation", "wave__launch"]
    list_filter = ["outcome", ("bounced_at", admin.EmptyFieldListFilter), "wave"]
    search_fields = ["reservation__reference"]
    ordering = ["-id"]
