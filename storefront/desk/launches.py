"""Launches, their opening instants, and allotments."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest

from reservations.actions.cancelling import promote
from reservations.models import Allotment, AllotmentMarket, Launch, LaunchMarket
from storefront import clock
from storefront.desk.logged import Logged


class WindowInline(admin.TabularInline):
    """Opening and closing instants, in UTC."""

    model = LaunchMarket
    extra = 0
    autocomplete_fields = ["market"]
    ordering = ["market"]


@admin.register(Launch)
class LaunchAdmin(Logged):
    list_display = ["slug", "per_customer_limit", "has_waiting_list", "paused_at", "ships_from", "ships_to"]
    search_fields = ["slug"]
    filter_horizontal = ["products"]
    inlines = [WindowInline]
    actions = ["pause", "resume"]
    ordering = ["slug"]

    @admin.action(description="Pause: no reservations until resumed", permissions=["change"])
    def pause(self, request: HttpRequest, queryset: QuerySet[Launch]) -> None:
        self._set_paused(request, queryset.filter(paused_at=None), clock.now())

    @admin.action(description="Resume", permissions=["change"])
    def resume(self, request: HttpRequest, queryset: QuerySet[Launch]) -> None:
        self._set_paused(request, queryset.exclude(paused_at=None), None)

    def _set_paused(self, request: HttpRequest, rows: QuerySet[Launch], paused_at: Any) -> None:
        for row in list(rows):
            before = {"paused_at": str(row.paused_at) if row.paused_at else None}
            row.paused_at = paused_at
            row.save(update_fields=["paused_at"])
            self._write(request, "changed", self._name(row), {"paused_at": [before["paused_at"], str(paused_at or "")]})


class AllotmentForm(forms.ModelForm):
    def clean_capacity(self) -> int:
        """Units that are held cannot be taken away."""
        capacity: int = self.cleaned_data["capacity"]
        if self.instance.pk and capacity < self.instance.held:
            raise forms.ValidationError(f"{self.instance.held} units are held. Give at least that many.")
        return capacity


class AllotmentMarketInline(admin.TabularInline):
    model = AllotmentMarket
    extra = 0
    autocomplete_fields = ["market"]


@admin.register(Allotment)
class AllotmentAdmin(Logged):
    form = AllotmentForm
    list_display = ["variant", "pool", "partner", "capacity", "held", "units_left", "waiting"]
    list_select_related = ["variant", "partner"]
    list_filter = ["launch", "pool", "partner"]
    search_fields = ["variant__sku", "pool"]
    readonly_fields = ["held", "units_left", "waiting", "last_place"]
    autocomplete_fields = ["launch", "variant"]
    inlines = [AllotmentMarketInline]
    ordering = ["pool", "variant__sku"]

    def get_queryset(self, request: HttpRequest) -> QuerySet[Allotment]:
        return super().get_queryset(request).filter(is_sandbox=False)

    @admin.display(description="Left")
    def units_left(self, row: Allotment) -> int:
        return row.left if row.pk else 0

    def save_model(self, request: HttpRequest, obj: Allotment, form: forms.ModelForm, change: bool) -> None:
        """Save only what was changed, so that a claim made meanwhile is not undone; then give freed units to who waits."""
        if not change:
            super().save_model(request, obj, form, change)
            return
        row = Allotment.objects.get(pk=obj.pk)
        before = {field: getattr(row, field) for field in form.changed_data}
        obj.save(update_fields=form.changed_data)
        facts = {field: [str(value), str(getattr(obj, field))] for field, value in before.items()}
        if facts:
            self._write(request, "changed", self._name(obj), facts)
        promote(allotment_id=obj.pk, at=clock.now())
