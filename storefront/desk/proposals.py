"""Proposed changes: what differs, what the gate would decide, and the second person's answer; and the import."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db import models
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.template.response import TemplateResponse
from django.urls import path, reverse
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

from reservations.actions import proposing
from reservations.models import ProposedChange
from storefront import clock
from storefront.desk import four_eyes, tables
from storefront.desk.four_eyes import Act, Page, officer
from storefront.desk.logged import ReadOnly

CONFIRM, REJECT = "confirm", "reject"
ACTS = {
    CONFIRM: Act(
        label="Confirm",
        note="It is applied as shown, and the gate decides with it at once.",
        done="Applied. The gate decides with it as of now.",
    ),
    REJECT: Act(label="Reject", note="Nothing is changed.", done="Rejected. Nothing was changed.", needs_reason=True),
}
RUNS: dict[str, Callable[..., object]] = {CONFIRM: proposing.confirm, REJECT: proposing.reject}
MOST_BYTES = 2_000_000


class ImportForm(forms.Form):
    requirements = forms.FileField(required=False, label="requirements.yaml")
    evidence = forms.FileField(required=False, label="evidence.yaml")

    def clean(self) -> dict[str, Any]:
        given: dict[str, Any] = super().clean() or self.cleaned_data
        files = {name: file for name, file in given.items() if file}
        if not files and not self.errors:
            raise forms.ValidationError("Choose at least one file.")
        for name, file in files.items():
            if file.size > MOST_BYTES:
                self.add_error(name, f"The file is larger than {MOST_BYTES // 1_000_000} MB.")
        return given


class WaitingFilter(admin.SimpleListFilter):
    title = "who has to act"
    parameter_name = "waits"

    def lookups(self, request: HttpRequest, model_admin: admin.ModelAdmin) -> list[tuple[str, str]]:
        return [("me", "needs my approval")]

    def queryset(
        self, request: HttpRequest, queryset: models.QuerySet[ProposedChange]
    ) -> models.QuerySet[ProposedChange]:
        if self.value() != "me":
            return queryset
        return queryset.filter(status=ProposedChange.PROPOSED).exclude(proposed_by=officer(request))


@admin.register(ProposedChange)
class ProposedChangeAdmin(ReadOnly):
    change_form_template = "admin/acts.html"
    change_list_template = "admin/proposals.html"
    list_display = ["title", "status", "proposed_by", "proposed", "decided_by", "decided"]
    list_select_related = ["proposed_by", "decided_by"]
    list_filter = [WaitingFilter, "status"]
    search_fields = ["title"]
    ordering = ["-id"]
    fieldsets = [
        (None, {"fields": ["title", "status", "proposed_by", "proposed", "decided_by", "decided", "reason"]}),
        ("What differs", {"fields": ["rows_table", "missing_list"]}),
        ("Decisions that would change", {"fields": ["cells_table"]}),
        ("What was seen", {"fields": ["files_table", "base_sha256"]}),
    ]
    readonly_fields = ["proposed", "decided", "rows_table", "missing_list", "cells_table", "files_table"]

    def get_urls(self) -> list[Any]:
        view = self.admin_site.admin_view
        return [
            path("import/", view(self.import_view), name="import_files"),
            path("<int:pk>/act/<slug:verb>/", view(self.act_view), name="change_act"),
            *super().get_urls(),
        ]

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        row = self.get_object(request, object_id)
        context = {"acts": self._links(request, row), "advice": self._advice(request, row)} if row else {}
        return super().change_view(request, object_id, form_url, {**(extra_context or {}), **context})

    def _links(self, request: HttpRequest, row: ProposedChange) -> list[dict[str, str]]:
        if row.status != ProposedChange.PROPOSED:
            return []
        person = officer(request)
        is_own, may_decide = row.proposed_by_id == person.pk, person.has_perm("reservations.decide_proposedchange")
        verbs = [*([CONFIRM] if may_decide and not is_own else []), *([REJECT] if may_decide or is_own else [])]
        return [{"label": ACTS[verb].label, "url": reverse("admin:change_act", args=[row.pk, verb])} for verb in verbs]

    def _advice(self, request: HttpRequest, row: ProposedChange) -> str:
        is_waiting = row.status == ProposedChange.PROPOSED and row.proposed_by_id == request.user.pk
        return "You proposed it: a second person confirms it." if is_waiting else ""

    def act_view(self, request: HttpRequest, pk: int, verb: str) -> HttpResponse:
        row = get_object_or_404(ProposedChange, pk=pk)
        if verb not in ACTS or not self.has_view_permission(request, row):
            raise Http404
        what: dict[str, Any] = {"proposal_id": pk, "officer": officer(request), "at": clock.now()}
        refused = "" if row.status == ProposedChange.PROPOSED else f"{row.title} is {row.status}."
        facts = format_html("{}{}", self.rows_table(row), self.cells_table(row))
        page = Page(title=f"{ACTS[verb].label}: {row.title}", facts=facts, refused=refused)
        return four_eyes.act_page(self, request, row, act=ACTS[verb], page=page, run=partial(RUNS[verb], **what))

    def import_view(self, request: HttpRequest) -> HttpResponse:
        """Read the files, show what is wrong by line, id and field, or propose what differs."""
        if not officer(request).has_perm("reservations.add_proposedchange"):
            raise PermissionDenied
        is_sent = request.method == "POST"
        form = ImportForm(request.POST if is_sent else None, request.FILES if is_sent else None)
        if form.is_valid():
            files = {name: file.read() for name, file in form.cleaned_data.items() if file}
            try:
                row = proposing.propose_files(files=files, officer=officer(request), at=clock.now())
            except four_eyes.REFUSALS as refusal:
                form.add_error(None, four_eyes.sentence(refusal))
            else:
                messages.success(request, "Read and compared. It is applied when a second person confirms it.")
                return redirect("admin:reservations_proposedchange_change", row.pk)
        context = {
            **self.admin_site.each_context(request),
            "title": "Import requirements and evidence",
            "opts": self.opts,
            "form": form,
        }
        return TemplateResponse(request, "admin/import_files.html", context)

    @admin.display(description="Proposed", ordering="proposed_at")
    def proposed(self, row: ProposedChange) -> str:
        return tables.instant(row.proposed_at)

    @admin.display(description="Decided", ordering="decided_at")
    def decided(self, row: ProposedChange) -> str:
        return tables.instant(row.decided_at) or "-"

    @admin.display(description="Rows")
    def rows_table(self, row: ProposedChange) -> SafeString:
        return tables.table(["Row", "Field", "Before", "After"], list(_lines(row)))

    @admin.display(description="Not in the files")
    def missing_list(self, row: ProposedChange) -> str:
        named = [f"{table}: {', '.join(ids)}" for table, ids in row.missing.items() if ids]
        return f"These stay as they are. {'; '.join(named)}" if named else "None."

    @admin.display(description="By today's facts")
    def cells_table(self, row: ProposedChange) -> SafeString:
        first = [(each["sku"], each["market"], each["before"], each["after"]) for each in row.cells["first"]]
        count = row.cells["count"]
        more = f", the first {len(first)} of them here" if count > len(first) else ""
        summary = format_html("<p>{} decisions would change{}.</p>", count, more)
        return (
            format_html("{}{}", summary, tables.table(["SKU", "Market", "Before", "After"], first))
            if first
            else summary
        )

    @admin.display(description="Files")
    def files_table(self, row: ProposedChange) -> SafeString:
        return tables.table(["File", "SHA-256"], row.files.items())


def _lines(row: ProposedChange) -> Iterator[tuple[str, str, str, str]]:
    """Changed fields before and after; of a new row all fields in one cell."""
    for table, rows in row.after.items():
        for key, fields in rows.items():
            before = row.before.get(table, {}).get(key)
            if before is None:
                words = format_html_join(
                    "", "{}: {}<br>", ((name, _text(value)) for name, value in fields.items() if value)
                )
                yield key, "new", "", words
                continue
            for name, value in fields.items():
                yield key, name, _text(before[name]), _text(value)


def _text(value: Any) -> str:
    if isinstance(value, list):
        return ", ".join(map(str, value)) or "(none)"
    return "(none)" if value in (None, "") else str(value)
