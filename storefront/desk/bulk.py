"""One act on many reservations: proposed from the list, carried out by a second person."""

from __future__ import annotations

import uuid
from functools import partial
from typing import Any

from django import forms
from django.contrib import admin, messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.template.response import TemplateResponse
from django.urls import path, reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString

from reservations.actions import bulk
from reservations.models import BulkAct, Market
from storefront import clock
from storefront.desk import four_eyes, tables
from storefront.desk.four_eyes import Act, Page, officer
from storefront.desk.logged import ReadOnly

CARRY_OUT, DROP = "carry-out", "drop"
ACTS = {
    CARRY_OUT: Act(
        label="Carry out",
        note="Those that can still be changed are changed, and their customers told by mail. This cannot be undone.",
        done="Carried out.",
    ),
    DROP: Act(label="Drop", note="Nothing is changed.", done="Dropped.", needs_reason=True),
}
NEXT = {CARRY_OUT: (BulkAct.PROPOSED, BulkAct.RUNNING), DROP: (BulkAct.PROPOSED,)}
RUNS: dict[str, Any] = {CARRY_OUT: bulk.carry_out, DROP: bulk.drop}


class ProposalForm(forms.Form):
    """What to do with the reservations chosen, and why."""

    kind = forms.ChoiceField(label="Act", choices=[(kind, kind.capitalize()) for kind in BulkAct.KINDS])
    market = forms.ModelChoiceField(
        queryset=Market.objects.order_by("code"), required=False, help_text="Where to move them; only for a move."
    )
    reason = forms.CharField(max_length=300, widget=forms.TextInput(attrs={"size": 60, "autocomplete": "off"}))

    def clean(self) -> dict[str, Any]:
        given: dict[str, Any] = super().clean() or self.cleaned_data
        if given.get("kind") == BulkAct.MOVE and not given.get("market"):
            self.add_error("market", "Choose where to move them.")
        return given


@admin.register(BulkAct)
class BulkActAdmin(ReadOnly):
    list_display = ["id", "kind", "count", "state", "reason", "proposed_by", "decided_by", "done"]
    list_select_related = ["proposed_by", "decided_by"]
    list_filter = ["state", "kind"]
    fields = ["kind", "count", "target", "reason", "state", "outlook", "done", "refused", "proposed_by", "decided_by"]
    readonly_fields = ["count", "outlook"]
    change_form_template = "admin/acts.html"
    ordering = ["-id"]

    def get_urls(self) -> list[Any]:
        view = self.admin_site.admin_view
        return [
            path("propose/", view(self.propose_view), name="bulk_propose"),
            path("<int:pk>/act/<slug:verb>/", view(self.act_view), name="bulk_act"),
            *super().get_urls(),
        ]

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        row = self.get_object(request, object_id)
        acts = [
            {"label": act.label, "url": reverse("admin:bulk_act", args=[row.pk, verb])}
            for verb, act in ACTS.items()
            if row and row.state in NEXT.get(verb, ())
        ]
        return super().change_view(request, object_id, form_url, {**(extra_context or {}), "acts": acts})

    def act_view(self, request: HttpRequest, pk: int, verb: str) -> HttpResponse:
        row = get_object_or_404(BulkAct, pk=pk)
        if verb not in ACTS or not self.has_view_permission(request, row):
            raise Http404
        refused = "" if row.state in NEXT[verb] else f"{row} is {row.state}."
        page = Page(title=f"{ACTS[verb].label}: {row}", facts=self.outlook(row), refused=refused)
        run = partial(RUNS[verb], act=row, officer=officer(request), at=clock.now())
        return four_eyes.act_page(self, request, row, act=ACTS[verb], page=page, run=run)

    def propose_view(self, request: HttpRequest) -> HttpResponse:
        """From the reservations chosen in the list, to a proposal."""
        pks = [uuid.UUID(pk) for pk in request.session.get("bulk", [])]
        form = ProposalForm(request.POST if "kind" in request.POST else None)
        if not pks:
            return redirect("admin:reservations_reservation_changelist")
        if form.is_bound and form.is_valid():
            given = form.cleaned_data
            target = {"market": given["market"].code} if given["kind"] == BulkAct.MOVE else {}
            try:
                act = bulk.propose(
                    kind=given["kind"],
                    pks=pks,
                    target=target,
                    reason=given["reason"],
                    officer=officer(request),
                    at=clock.now(),
                )
            except four_eyes.REFUSALS as refusal:
                form.add_error(None, four_eyes.sentence(refusal))
            else:
                del request.session["bulk"]
                messages.success(request, "Proposed. A second person carries it out.")
                return redirect("admin:reservations_bulkact_change", act.pk)
        context = {
            **self.admin_site.each_context(request),
            "title": f"An act on {len(pks)} reservations",
            "opts": self.opts,
            "form": form,
            "facts": [(kind, _facts(bulk.outlook(kind=kind, pks=pks))) for kind in BulkAct.KINDS],
        }
        return TemplateResponse(request, "admin/bulk.html", context)

    @admin.display(description="Reservations")
    def count(self, row: BulkAct) -> int:
        return len(row.pks)

    @admin.display(description="Dry run: what it would change now")
    def outlook(self, row: BulkAct) -> SafeString:
        if row.state != BulkAct.PROPOSED:
            return SafeString("-")
        run = bulk.outlook(kind=row.kind, pks=[uuid.UUID(pk) for pk in row.pks])
        first = [(each.reference, each.status, each.variant.sku, each.quantity, each.market_id) for each in run.first]
        return format_html("{}{}", _facts(run), tables.table(["First", "Status", "Variant", "Units", "Market"], first))


def _facts(run: bulk.Outlook) -> SafeString:
    words = [
        ("Would change", run.able),
        ("Cannot be changed so", run.unable),
        ("By status", ", ".join(f"{name}: {count}" for name, count in sorted(run.by_status.items())) or "none"),
        ("By market", ", ".join(f"{name}: {count}" for name, count in sorted(run.by_market.items())) or "none"),
    ]
    return tables.facts(words)
