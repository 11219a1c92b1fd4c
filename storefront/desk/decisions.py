"""Decisions: what the gate answers now, what it answered on a past day, and what it would answer if."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.urls import path

from reservations.models import Decision, Evidence, Market, Product, Requirement, Variant
from reservations.queries.cells import in_words
from reservations.queries.facts import current_world
from reservations.queries.replay import replay
from reservations.queries.what_if import Supposed, cells_if
from storefront import clock
from storefront.desk import tables, words
from storefront.desk.atlas import CellForm, MapForm, cell_context, map_context
from storefront.desk.logged import ReadOnly

MOST_CELLS = 500


class ReplayForm(forms.Form):
    """A variant, a market and an instant."""

    variant = forms.ModelChoiceField(Variant.objects.order_by("sku"), to_field_name="sku")
    market = forms.ModelChoiceField(Market.objects.order_by("code"))
    at = forms.DateTimeField(label="Instant (UTC)", widget=forms.DateTimeInput(attrs={"type": "datetime-local"}))


class WhatIfForm(forms.Form):
    """What is supposed; empty fields suppose nothing."""

    then = forms.DateTimeField(
        label="At the instant (UTC)",
        required=False,
        help_text="Empty: now.",
        widget=forms.DateTimeInput(attrs={"type": "datetime-local"}),
    )
    without_evidence = forms.ModelChoiceField(
        Evidence.objects.filter(status=Evidence.APPROVED).order_by("pk"), required=False, label="This evidence ends"
    )
    requirement = forms.ModelChoiceField(
        Requirement.objects.order_by("pk"), required=False, label="This requirement starts"
    )
    starts_on = forms.DateField(required=False, label="on", widget=forms.DateInput(attrs={"type": "date"}))
    product = forms.ModelChoiceField(
        Product.objects.order_by("position"), to_field_name="slug", required=False, label="This product loses"
    )
    capability = forms.ChoiceField(required=False, label="this capability")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        choices = [("", "–"), *((word, word) for word in sorted(words.capabilities()))]
        self.fields["capability"] = forms.ChoiceField(required=False, label="this capability", choices=choices)

    def clean(self) -> dict[str, Any]:
        given: dict[str, Any] = super().clean() or self.cleaned_data
        for one, other in (("requirement", "starts_on"), ("product", "capability")):
            for name, missing in ((one, other), (other, one)):
                if given.get(name) and not given.get(missing) and missing not in self.errors:
                    self.add_error(missing, f"Say it too, or leave {name.replace('_', ' ')} empty.")
        if not self.errors and not any(given.values()):
            raise forms.ValidationError("Suppose something: nothing differs from now otherwise.")
        return given

    def supposed(self) -> Supposed:
        given = self.cleaned_data
        names = ("without_evidence", "requirement")
        return Supposed(
            **{name: given[name].pk if given[name] else "" for name in names},
            starts_on=given["starts_on"],
            product=given["product"].slug if given["product"] else "",
            capability=given["capability"],
        )


@admin.register(Decision)
class DecisionAdmin(ReadOnly):
    """What the gate answers now, for each variant and market."""

    change_list_template = "admin/decisions.html"
    list_display = ["variant", "market", "may_reserve", "may_ship", "decided", "next_change"]
    list_select_related = ["variant", "market"]
    list_filter = ["variant__product", "market"]
    search_fields = ["variant__sku", "market__code"]
    ordering = ["variant__sku", "market"]

    def get_urls(self) -> list[Any]:
        view = self.admin_site.admin_view
        return [
            path("map/", view(self.map_view), name="decision_map"),
            path("cell/", view(self.cell_view), name="decision_cell"),
            path("replay/", view(self.replay_view), name="decision_replay"),
            path("what-if/", view(self.what_if_view), name="decision_what_if"),
            *super().get_urls(),
        ]

    def map_view(self, request: HttpRequest) -> HttpResponse:
        """Every market's state for a product, and the matrix of all products, now or on a day."""
        form = MapForm(request.GET)
        context = map_context(form) if form.is_valid() else {}
        return self._page(request, "admin/map.html", "Where what may be done", form, context)

    def cell_view(self, request: HttpRequest) -> HttpResponse:
        """Why: the rows of law and the documents behind one cell."""
        form = CellForm(request.GET or None)
        context = cell_context(form) if form.is_valid() else {}
        return self._page(request, "admin/cell.html", "Why is it so?", form, context)

    def replay_view(self, request: HttpRequest) -> HttpResponse:
        """What was answered then, and what the facts that were known then make of it again."""
        form = ReplayForm(request.GET or None)
        found = None
        if form.is_valid():
            given = form.cleaned_data
            past = replay(sku=given["variant"].sku, market=given["market"].pk, at=given["at"])
            found = {
                "then": in_words(past.then) if past.then else "Nothing was decided yet.",
                "again": in_words(past.again) if past.again else "Nothing was known yet.",
                "agrees": past.then == past.again,
                "since": tables.instant(past.since) if past.since else "",
                "cause": past.cause,
                "digest": past.digest,
                "reasons": past.again.reasons if past.again else (),
            }
        return self._page(request, "admin/replay.html", "What did we say on that day?", form, {"found": found})

    def what_if_view(self, request: HttpRequest) -> HttpResponse:
        """Which cells would change. Nothing is stored."""
        form = WhatIfForm(request.GET or None)
        context: dict[str, Any] = {}
        if form.is_valid():
            at = clock.now()
            then = form.cleaned_data["then"] or at
            cells = cells_if(current_world(), form.supposed(), at=at, then=then)
            context = {"is_asked": True, "count": len(cells), "cells": cells[:MOST_CELLS]}
        return self._page(request, "admin/what_if.html", "What would change?", form, context)

    def _page(
        self, request: HttpRequest, template: str, title: str, form: forms.Form, context: dict[str, Any]
    ) -> HttpResponse:
        if not self.has_view_permission(request):
            raise PermissionDenied
        site = self.admin_site.each_context(request)
        return TemplateResponse(request, template, {**site, "title": title, "opts": self.opts, "form": form, **context})

    @admin.display(boolean=True, description="Reserve")
    def may_reserve(self, row: Decision) -> bool:
        return bool(row.answer["stages"]["reserve"])

    @admin.display(boolean=True, description="Ship")
    def may_ship(self, row: Decision) -> bool:
        return bool(row.answer["stages"]["ship"])

    @admin.display(description="Decided", ordering="decided_at")
    def decided(self, row: Decision) -> str:
        return tables.instant(row.decided_at)

    @admin.display(description="Next change", ordering="next_change_at")
    def next_change(self, row: Decision) -> str:
        return tables.instant(row.next_change_at) or "-"
