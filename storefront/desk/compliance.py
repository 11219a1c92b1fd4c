"""Requirements, evidence, stop-sales and review tasks."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import admin
from django.db import models
from django.http import HttpRequest

from reservations.models import Decision, Evidence, Market, Product, Requirement, ReviewTask, StopSale, Variant
from reservations.rules.gate import CAPABILITIES
from storefront import clock
from storefront.desk.logged import Logged, ReadOnly


def check_words(found: list[Any], known: set[str], what: str) -> list[Any]:
    """A list of known words. Raises a form error that names the unknown ones."""
    unknown = [str(word) for word in found if word not in known] if isinstance(found, list) else [str(found)]
    if unknown:
        raise forms.ValidationError(f'Unknown {what}: {", ".join(unknown)}. Write a list such as ["{min(known)}"].')
    return found


class RequirementForm(forms.ModelForm):
    source_url = forms.URLField(required=False, assume_scheme="https", max_length=500)

    def clean_applies_to(self) -> list[str]:
        return check_words(self.cleaned_data["applies_to"], set(CAPABILITIES), "capabilities")


class EvidenceForm(forms.ModelForm):
    def clean_products(self) -> list[str]:
        return check_words(
            self.cleaned_data["products"] or [], set(Product.objects.values_list("slug", flat=True)), "products"
        )

    def clean_variants(self) -> list[str]:
        return check_words(
            self.cleaned_data["variants"] or [], set(Variant.objects.values_list("sku", flat=True)), "SKUs"
        )

    def clean_markets(self) -> list[str]:
        return check_words(
            self.cleaned_data["markets"] or [], set(Market.objects.values_list("code", flat=True)), "markets"
        )

    def clean_subdivisions(self) -> list[str]:
        return self.cleaned_data["subdivisions"] or []

    def clean(self) -> dict[str, Any]:
        given: dict[str, Any] = super().clean() or self.cleaned_data
        if not given.get("products") and not given.get("variants") and not self.errors:
            raise forms.ValidationError("Name the products or variants that this document covers.")
        return given


@admin.register(Requirement)
class RequirementAdmin(Logged):
    form = RequirementForm
    is_gate_fact = True
    list_display = [
        "id",
        "title",
        "category",
        "effect_when_missing",
        "stage",
        "effective_from",
        "effective_to",
        "confidence",
    ]
    list_filter = ["effect_when_missing", "stage", "category", "confidence"]
    search_fields = ["id", "title", "legal_basis"]
    ordering = ["id"]


@admin.register(Evidence)
class EvidenceAdmin(Logged):
    form = EvidenceForm
    is_gate_fact = True
    list_display = ["id", "requirement", "status", "issued_on", "expires_on", "sample_mark"]
    list_filter = ["status", "is_sample"]
    search_fields = ["id", "requirement__id", "identifier"]
    autocomplete_fields = ["requirement"]
    readonly_fields = ["withdrawn_at"]
    ordering = ["id"]

    @admin.display(description="Sample")
    def sample_mark(self, row: Evidence) -> str:
        return "SAMPLE, proves nothing" if row.is_sample else ""

    def save_model(self, request: HttpRequest, obj: Evidence, form: forms.ModelForm, change: bool) -> None:
        """Withdrawing says when; taking it back forgets when."""
        if obj.status != Evidence.WITHDRAWN:
            obj.withdrawn_at = None
        elif obj.withdrawn_at is None:
            obj.withdrawn_at = clock.now()
        super().save_model(request, obj, form, change)


@admin.register(StopSale)
class StopSaleAdmin(Logged):
    """Opening one acts at once. It is lifted by its end, never deleted."""

    is_gate_fact = True
    list_display = ["reason", "product", "variant", "market", "subdivision", "since", "lifted_at", "opened_by"]
    list_select_related = ["product", "variant", "market", "opened_by"]
    list_filter = ["product"]
    search_fields = ["reason"]
    autocomplete_fields = ["product", "variant", "market"]
    ordering = ["-since"]

    def get_changeform_initial_data(self, request: HttpRequest) -> dict[str, Any]:
        return {"since": clock.now(), **super().get_changeform_initial_data(request)}

    def save_model(self, request: HttpRequest, obj: StopSale, form: forms.ModelForm, change: bool) -> None:
        if not change:
            obj.opened_by = request.user  # type: ignore[assignment]
        super().save_model(request, obj, form, change)

    def has_delete_permission(self, request: HttpRequest, obj: models.Model | None = None) -> bool:
        return False


@admin.register(ReviewTask)
class ReviewTaskAdmin(Logged):
    list_display = ["product", "subdivision", "requirement", "opened_at", "closed_at"]
    list_select_related = ["product", "requirement"]
    readonly_fields = ["product", "subdivision", "requirement", "opened_at"]
    ordering = ["-opened_at"]

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False


@admin.register(Decision)
class DecisionAdmin(ReadOnly):
    """What the gate answers now, for each variant and market."""

    list_display = ["variant", "market", "may_reserve", "may_ship", "decided_at", "next_change_at"]
    list_select_related = ["variant", "market"]
    list_filter = ["variant__product", "market"]
    search_fields = ["variant__sku", "market__code"]
    ordering = ["variant__sku", "market"]

    @admin.display(boolean=True, description="Reserve")
    def may_reserve(self, row: Decision) -> bool:
        return bool(row.answer["stages"]["reserve"])

    @admin.display(boolean=True, description="Ship")
    def may_ship(self, row: Decision) -> bool:
        return bool(row.answer["stages"]["ship"])
