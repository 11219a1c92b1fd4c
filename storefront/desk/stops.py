"""Stop-sales: one person opens one, two lift it."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any, ClassVar

from django import forms
from django.contrib import admin
from django.db import models
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404
from django.urls import path, reverse

from reservations.actions import stopping
from reservations.models import StopSale
from storefront import clock
from storefront.desk import tables, words
from storefront.desk.four_eyes import Act, Page, act_page, officer
from storefront.desk.logged import Logged


class StopSaleForm(forms.ModelForm):
    class Meta:
        help_texts: ClassVar[dict[str, str]] = {
            "product": "Empty: every product.",
            "variant": "Empty: every variant of the product.",
            "market": "Empty: every market.",
            "subdivision": "ISO 3166-2, such as US-CA. Empty: the whole market.",
        }

    def clean_subdivision(self) -> str:
        place: str = self.cleaned_data["subdivision"].upper()
        error = words.complaint([place], words.SUBDIVISIONS, "subdivision") if place else ""
        if error:
            raise forms.ValidationError(error)
        return place

    def clean(self) -> dict[str, Any]:
        given: dict[str, Any] = super().clean() or self.cleaned_data
        market, place = given.get("market"), given.get("subdivision")
        if market and place and not place.startswith(f"{market.pk}-"):
            self.add_error("subdivision", f"{place} is not in {market.pk}.")
        product, variant = given.get("product"), given.get("variant")
        if product and variant and variant.product_id != product.pk:
            self.add_error("variant", f"{variant} is not a variant of {product}.")
        return given


PROPOSE, CONFIRM, KEEP = "propose", "confirm", "keep"
NEXT = {stopping.IN_FORCE: [PROPOSE], stopping.PROPOSED: [CONFIRM, KEEP], stopping.LIFTED: []}
ACTS = {
    PROPOSE: Act(
        label="Propose to lift",
        note="It stays in force until a second person confirms that it can go.",
        done="Proposed. A second person of the group Compliance can lift it now.",
        needs_reason=True,
    ),
    CONFIRM: Act(
        label="Lift",
        note="The gate decides without it at once. Reservations on hold because of it are released, and told so.",
        done="Lifted. The gate decides without it as of now.",
    ),
    KEEP: Act(label="Keep", note="It stays in force.", done="It stays in force.", needs_reason=True),
}
RUNS: dict[str, Callable[..., object]] = {
    PROPOSE: stopping.propose_lift,
    CONFIRM: stopping.confirm_lift,
    KEEP: stopping.keep,
}


def _advice(request: HttpRequest, row: StopSale) -> str:
    if row.lifted_at is None and row.lift_proposed_by_id == officer(request).pk:
        return "You proposed to lift it: a second person confirms."
    return ""


def _stop_facts(row: StopSale) -> list[tuple[str, object]]:
    place = row.subdivision or row.market_id or "everywhere"
    what = row.variant or row.product or "everything"
    by = row.lift_proposed_by.get_username() if row.lift_proposed_by else "nobody yet"
    return [
        ("Stops", what),
        ("Where", place),
        ("Since", tables.instant(row.since)),
        ("Because", row.reason),
        ("Lifting proposed by", by),
        ("Because", row.lift_reason or "–"),
    ]


@admin.register(StopSale)
class StopSaleAdmin(Logged):
    """Opening one acts at once. What it shuts stays as written; it is lifted, never deleted."""

    form = StopSaleForm
    change_form_template = "admin/acts.html"
    is_gate_fact = True
    actions = None
    list_display = ["reason", "product", "variant", "market", "subdivision", "since", "lifted_at", "opened_by"]
    list_select_related = ["product", "variant", "market", "opened_by"]
    list_filter = [("lifted_at", admin.EmptyFieldListFilter), "product"]
    search_fields = ["reason"]
    autocomplete_fields = ["product", "variant", "market"]
    ordering = ["-since"]

    def get_changeform_initial_data(self, request: HttpRequest) -> dict[str, Any]:
        return {"since": clock.now(), **super().get_changeform_initial_data(request)}

    def save_model(self, request: HttpRequest, obj: StopSale, form: forms.ModelForm, change: bool) -> None:
        if not change:
            obj.opened_by = request.user  # type: ignore[assignment]
        super().save_model(request, obj, form, change)

    def get_readonly_fields(self, request: HttpRequest, obj: StopSale | None = None) -> list[str]:
        scope = ["product", "variant", "market", "subdivision", "since"] if obj else []
        return [*scope, "lifted_at", "opened_by", *super().get_readonly_fields(request, obj)]

    def get_urls(self) -> list[Any]:
        act = path("<int:pk>/act/<slug:verb>/", self.admin_site.admin_view(self.act_view), name="stopsale_act")
        return [act, *super().get_urls()]

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        row = self.get_object(request, object_id)
        context = {"acts": self._links(request, row), "advice": _advice(request, row)} if row else {}
        return super().change_view(request, object_id, form_url, {**(extra_context or {}), **context})

    def _links(self, request: HttpRequest, row: StopSale) -> list[dict[str, str]]:
        if not self.has_change_permission(request, row):
            return []
        is_own = row.lift_proposed_by_id == officer(request).pk
        verbs = [verb for verb in NEXT[stopping.state_of(row)] if not (is_own and verb == CONFIRM)]
        return [
            {"label": ACTS[verb].label, "url": reverse("admin:stopsale_act", args=[row.pk, verb])} for verb in verbs
        ]

    def act_view(self, request: HttpRequest, pk: int, verb: str) -> HttpResponse:
        """What is lifted, why, and what will happen."""
        row = get_object_or_404(StopSale.objects.select_related("product", "variant", "market"), pk=pk)
        if verb not in ACTS or not self.has_view_permission(request, row):
            raise Http404
        state = stopping.state_of(row)
        page = Page(
            title=f"{ACTS[verb].label}: {row}",
            facts=tables.facts(_stop_facts(row)),
            refused="" if verb in NEXT[state] else f"Stop-sale {row.pk} is {state}.",
        )
        run = partial(RUNS[verb], stop_id=pk, officer=officer(request), at=clock.now())
        return act_page(self, request, row, act=ACTS[verb], page=page, run=run)

    def has_delete_permission(self, request: HttpRequest, obj: models.Model | None = None) -> bool:
        return False
