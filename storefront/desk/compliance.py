"""Requirements and review tasks."""

from __future__ import annotations

from datetime import date
from typing import Any

from django import forms
from django.contrib import admin, messages
from django.db import models
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect

from reservations.actions import proposing
from reservations.models import Product, Requirement, ReviewTask
from reservations.rules import consistency, gate
from storefront import clock
from storefront.desk import words
from storefront.desk.four_eyes import REFUSALS, officer, sentence
from storefront.desk.logged import Logged


class RequirementForm(words.DeskForm):
    words = {
        "jurisdiction": ("country", words.countries),
        "applies_to": ("capability", words.capabilities),
        "product_types": ("kind of product", words.kinds),
        "inherits": ("requirement", words.requirements),
        "subdivisions": ("subdivision", words.subdivisions),
        "exclude_subdivisions": ("subdivision", words.subdivisions),
        "review_subdivisions": ("subdivision", words.subdivisions),
    }
    source_url = forms.URLField(required=False, assume_scheme="https", max_length=500)

    def clean_evidence_validity(self) -> str:
        validity: str = self.cleaned_data["evidence_validity"]
        try:
            if validity:
                gate.add_duration(date(2026, 1, 1), validity)
        except ValueError as error:
            raise forms.ValidationError(f"{error}. Write an ISO 8601 duration such as P2Y.") from error
        return validity

    def clean(self) -> dict[str, Any]:
        """As consistent as the data files have to be; and nothing ends in the past from now on."""
        given = super().clean()
        ends = given.get("effective_to")
        if ends and "effective_to" in self.changed_data and ends < clock.now().date():
            self.add_error("effective_to", f"{ends} has passed. Write today or a later day.")
        if not self.errors:
            row = {"id": self.instance.pk, **given}
            others = Requirement.objects.exclude(pk=row["id"]).values()
            words.add_faults(self, (*consistency.requirement_faults(row), *consistency.clashes(row, others)))
        return given

    def clean_condition(self) -> str:
        condition: str = self.cleaned_data["condition"]
        error = words.complaint([condition], _conditions(), "condition") if condition else ""
        if error:
            raise forms.ValidationError(error)
        return condition


def _conditions() -> set[str]:
    """What some requirement asks or some product answers; a further one comes with requirements.yaml."""
    asked = Requirement.objects.exclude(condition="").values_list("condition", flat=True)
    answered = (name for conditions in Product.objects.values_list("conditions", flat=True) for name in conditions)
    return {gate.GRANT_CONDITION, *asked, *answered}


@admin.register(Requirement)
class RequirementAdmin(Logged):
    """Saving proposes: the change is in force when a second person confirms it. Law ends, it is never deleted."""

    form = RequirementForm
    actions = None
    list_display = [
        "id", "title", "category", "effect_when_missing", "stage", "effective_from", "effective_to", "confidence",
    ]  # fmt: skip
    list_filter = ["effect_when_missing", "stage", "category", "confidence"]
    search_fields = ["id", "title", "legal_basis"]
    ordering = ["id"]

    def has_delete_permission(self, request: HttpRequest, obj: models.Model | None = None) -> bool:
        return False

    def save_model(self, request: HttpRequest, obj: Requirement, form: forms.ModelForm, change: bool) -> None:
        try:
            proposing.propose_requirement(requirement=obj, officer=officer(request), at=clock.now())
        except REFUSALS as refusal:
            messages.warning(request, sentence(refusal))
        else:
            messages.success(request, "Proposed: a second person of the group Compliance has to confirm it.")

    def save_related(self, request: HttpRequest, form: forms.ModelForm, formsets: Any, change: bool) -> None:
        """Nothing was stored, so that nothing hangs on it."""

    def log_addition(self, request: HttpRequest, obj: models.Model, message: Any) -> Any:
        """The proposal is in the log."""

    log_change = log_addition

    def response_add(
        self, request: HttpRequest, obj: Requirement, post_url_continue: str | None = None
    ) -> HttpResponse:
        return self.response_change(request, obj)

    def response_change(self, request: HttpRequest, obj: Requirement) -> HttpResponse:
        return redirect("admin:reservations_proposedchange_changelist")


@admin.register(ReviewTask)
class ReviewTaskAdmin(Logged):
    """A place that the law leaves to a person. Closing says in the note what was found; the gate stays as it is."""

    list_display = ["product", "subdivision", "requirement", "opened_at", "closed_at"]
    list_select_related = ["product", "requirement"]
    list_filter = [("closed_at", admin.EmptyFieldListFilter), "product"]
    readonly_fields = ["product", "subdivision", "requirement", "opened_at", "closed_at"]
    ordering = ["-opened_at"]
    actions = ["close"]

    @admin.action(description="Close now", permissions=["change"])
    def close(self, request: HttpRequest, queryset: models.QuerySet[ReviewTask]) -> None:
        open_tasks = queryset.filter(closed_at=None)
        for task in open_tasks.filter(note=""):
            messages.error(request, f"{task}: open it and write in the note what was found, then close it.")
        count = self.change_rows(request, open_tasks.exclude(note=""), closed_at=clock.now())
        messages.success(request, f"Closed: {count}.")

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False
