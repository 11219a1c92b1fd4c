"""Launches, their opening instants, and allotments."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django import forms
from django.contrib import admin, messages
from django.contrib.admin.widgets import AdminSplitDateTime
from django.core.exceptions import PermissionDenied
from django.db import models
from django.db.models import QuerySet
from django.forms.models import BaseInlineFormSet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.template.response import TemplateResponse
from django.urls import path, reverse

from reservations.actions import drawing, launching
from reservations.actions.lines import RAISED, promote
from reservations.models import Allotment, AllotmentMarket, Deposit, Launch, LaunchMarket
from reservations.rules.money import Money, to_stripe
from storefront import clock
from storefront.actors import actor
from storefront.desk import ahead
from storefront.desk.logged import Inline, Logged
from storefront.desk.words import DeskForm


class WindowInline(Inline):
    """Opening and closing instants."""

    model = LaunchMarket
    verbose_name_plural = "windows: opening and closing instants, in UTC"
    autocomplete_fields = ["market"]
    ordering = ["market"]


class DepositForm(forms.ModelForm):
    def clean(self) -> dict[str, Any]:
        """In the currency of its market, in an amount that Stripe can charge."""
        given: dict[str, Any] = super().clean() or self.cleaned_data
        market, amount = given.get("market"), given.get("amount_minor")
        if market and amount:
            self.instance.currency = market.currency
            try:
                to_stripe(Money(amount, market.currency))
            except ValueError as error:
                self.add_error("amount_minor", f"{error}.")
        return given


class DepositInline(Inline):
    """What is asked for each unit, by market."""

    model = Deposit
    form = DepositForm
    verbose_name_plural = "refundable deposits, in minor units of the market's currency"
    autocomplete_fields = ["market"]
    readonly_fields = ["currency"]
    ordering = ["market"]


class LaunchForm(DeskForm):
    def clean_draw_minutes(self) -> int | None:
        """A draw is promised before anybody has a ticket, and is not taken back after."""
        minutes: int | None = self.cleaned_data["draw_minutes"]
        if "draw_minutes" in self.changed_data and self.instance.pk:
            reason = drawing.why_fixed(launch=self.instance, at=clock.now())
            if reason:
                raise forms.ValidationError(reason)
        return minutes


class CloneForm(forms.Form):
    slug = forms.SlugField(max_length=50, help_text="The name of the new launch in addresses.")
    opens_at = forms.SplitDateTimeField(
        label="First opening (UTC)",
        help_text="The instant at which its first window opens; the others keep their distance from it.",
        widget=AdminSplitDateTime,
    )

    def clean_slug(self) -> str:
        slug: str = self.cleaned_data["slug"]
        if Launch.objects.filter(slug=slug).exists():
            raise forms.ValidationError("A launch has this name already. Choose another.")
        return slug

    def clean_opens_at(self) -> datetime:
        opens_at: datetime = self.cleaned_data["opens_at"]
        if opens_at <= clock.now():
            raise forms.ValidationError("This instant has passed. Choose one to come.")
        return opens_at


class MoveUnitsForm(forms.Form):
    """From one pool to another of the same launch, variant and channel or another channel."""

    target = forms.ModelChoiceField(queryset=Allotment.objects.none(), label="Into")
    units = forms.IntegerField(min_value=1)
    reason = forms.CharField(max_length=300, widget=forms.TextInput(attrs={"size": 60, "autocomplete": "off"}))

    def __init__(self, source: Allotment, *given: Any) -> None:
        super().__init__(*given)
        others = Allotment.objects.filter(launch=source.launch_id, variant=source.variant_id, is_sandbox=False)
        self.fields["target"].queryset = others.exclude(pk=source.pk).select_related("variant")  # type: ignore[attr-defined]
        free = source.line.capacity - source.held
        self.fields["units"].help_text = f"At most {free}: what nobody holds and what is not kept back."


def form_page(
    page_of: admin.ModelAdmin, request: HttpRequest, row: models.Model, *, title: str, label: str, form: forms.Form
) -> HttpResponse:
    """A row's own form: what it asks for, then the button."""
    context = {
        **page_of.admin_site.each_context(request),
        "title": title,
        "opts": page_of.opts,
        "back": reverse(f"admin:{row._meta.app_label}_{row._meta.model_name}_change", args=[row.pk]),
        "row": row,
        "label": label,
        "form": form,
    }
    return TemplateResponse(request, "admin/form.html", context)


@admin.register(Launch)
class LaunchAdmin(Logged):
    list_display = [
        *("slug", "per_customer_limit", "has_waiting_list", "paused_at", "ships_from", "ships_to"),
        *("has_waiting_room", "admission_per_minute", "has_challenge", "draw_minutes"),
    ]
    search_fields = ["slug"]
    filter_horizontal = ["products"]
    form = LaunchForm
    inlines = [WindowInline, DepositInline]
    actions = ["pause", "resume", "close"]
    ordering = ["slug"]
    change_form_template = "admin/acts.html"

    def get_urls(self) -> list[Any]:
        view = self.admin_site.admin_view
        return [
            path("<int:pk>/clone/", view(self.clone_view), name="clone_launch"),
            path("<int:pk>/ahead/", view(ahead.page), name="launch_ahead"),
            path("ahead/", view(ahead.frame), name="launch_ahead_frame"),
            *super().get_urls(),
        ]

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        acts = [
            {"label": "Preview", "url": reverse("admin:launch_ahead", args=[object_id])},
            {"label": "Clone", "url": reverse("admin:clone_launch", args=[object_id])},
        ]
        return super().change_view(request, object_id, form_url, {**(extra_context or {}), "acts": acts})

    def clone_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        """The same launch for another day."""
        row = get_object_or_404(Launch, pk=pk)
        if not self.has_add_permission(request):
            raise PermissionDenied
        form = CloneForm(request.POST or None)
        if form.is_valid():
            made = launching.clone(launch=row, at=clock.now(), actor=actor(request), **form.cleaned_data)
            messages.success(request, f"{made} is there, paused, with the capacities of {row} and nothing held.")
            return redirect("admin:reservations_launch_change", made.pk)
        return form_page(self, request, row, title=f"Clone {row}", label="Clone", form=form)

    def save_related(self, request: HttpRequest, form: forms.ModelForm, formsets: Any, change: bool) -> None:
        """The draws follow the windows and the minutes."""
        super().save_related(request, form, formsets, change)
        drawing.prepare(launch_id=form.instance.pk, at=clock.now(), actor=actor(request))

    @admin.action(description="Pause: no reservations until resumed", permissions=["change"])
    def pause(self, request: HttpRequest, queryset: QuerySet[Launch]) -> None:
        count = self.change_rows(request, queryset.filter(paused_at=None), paused_at=clock.now())
        messages.success(request, f"Paused: {count}.")

    @admin.action(description="Resume", permissions=["change"])
    def resume(self, request: HttpRequest, queryset: QuerySet[Launch]) -> None:
        count = self.change_rows(request, queryset.exclude(paused_at=None), paused_at=None)
        messages.success(request, f"Resumed: {count}.")

    @admin.action(description="Close: no reservations any more; what is reserved stays", permissions=["change"])
    def close(self, request: HttpRequest, queryset: QuerySet[Launch]) -> None:
        for row in queryset:
            ended = launching.close(launch=row, at=clock.now(), actor=actor(request))
            messages.success(request, f"{row} is closed; windows that ended: {ended}.")


_CHANNEL = ("launch", "variant", "partner")


class AllotmentForm(forms.ModelForm):
    def clean(self) -> dict[str, Any]:
        """One allotment for a launch, variant, pool and channel. Units that are held cannot be taken away."""
        given: dict[str, Any] = super().clean() or self.cleaned_data
        held, kept = self.instance.held, given.get("held_back") or 0
        if self.instance.pk and given.get("capacity") is not None and given["capacity"] - kept < held:
            self.add_error("capacity", f"{held} units are held and {kept} kept back. Give at least {held + kept}.")
        same = {field: given.get(field, getattr(self.instance, f"{field}_id", None)) for field in _CHANNEL}
        others = Allotment.objects.exclude(pk=self.instance.pk).filter(
            is_sandbox=False, pool=given.get("pool", ""), launch=same["launch"], variant=same["variant"]
        )
        if any(other.partner_id == getattr(same["partner"], "pk", same["partner"]) for other in others):
            self.add_error("pool", "This pool has an allotment of this variant already. Change that one.")
        return given


class PoolMarkets(BaseInlineFormSet):
    def clean(self) -> None:
        """A market is served by one pool of a launch, variant and channel."""
        super().clean()
        pool: Allotment = self.instance
        rows = [form.cleaned_data for form in self.forms if getattr(form, "cleaned_data", None)]
        chosen = [row["market"] for row in rows if row.get("market") and not row.get("DELETE")]
        taken = AllotmentMarket.objects.exclude(allotment=pool.pk).filter(
            market__in=chosen,
            allotment__launch=pool.launch_id,
            allotment__variant=pool.variant_id,
            allotment__partner=pool.partner_id,
            allotment__is_sandbox=False,
        )
        clashes = [f"{row.market_id} ({row.allotment.pool})" for row in taken.select_related("allotment")]
        if clashes:
            raise forms.ValidationError(f"In another pool already: {', '.join(clashes)}. Take it out there first.")


class AllotmentMarketInline(Inline):
    model = AllotmentMarket
    formset = PoolMarkets
    autocomplete_fields = ["market"]


@admin.register(Allotment)
class AllotmentAdmin(Logged):
    form = AllotmentForm
    list_display = ["variant", "pool", "partner", "capacity", "held_back", "held", "units_left", "waiting"]
    list_select_related = ["variant", "partner"]
    list_filter = ["launch", "pool", "partner"]
    search_fields = ["variant__sku", "pool"]
    readonly_fields = ["held", "units_left", "waiting", "last_place"]
    autocomplete_fields = ["launch", "variant"]
    inlines = [AllotmentMarketInline]
    ordering = ["pool", "variant__sku"]
    change_form_template = "admin/acts.html"

    def get_urls(self) -> list[Any]:
        move = path("<int:pk>/move-units/", self.admin_site.admin_view(self.move_units_view), name="move_units")
        return [move, *super().get_urls()]

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        acts = [{"label": "Move units", "url": reverse("admin:move_units", args=[object_id])}]
        return super().change_view(request, object_id, form_url, {**(extra_context or {}), "acts": acts})

    def move_units_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        """Capacity of one pool goes to another, and there to who waits."""
        row = get_object_or_404(self.get_queryset(request), pk=pk)
        if not self.has_change_permission(request, row):
            raise PermissionDenied
        form = MoveUnitsForm(row, request.POST or None)
        if form.is_valid():
            given = form.cleaned_data
            try:
                launching.move_units(source=row, at=clock.now(), actor=actor(request), **given)
            except launching.TooFew as refusal:
                form.add_error("units", f"{row} can give {refusal.free} units. Give fewer.")
            else:
                messages.success(request, f"{given['units']} units went from {row} to {given['target']}.")
                return redirect("admin:reservations_allotment_change", row.pk)
        return form_page(self, request, row, title=f"Move units of {row}", label="Move", form=form)

    def get_queryset(self, request: HttpRequest) -> QuerySet[Allotment]:
        return super().get_queryset(request).filter(is_sandbox=False)

    @admin.display(description="Left")
    def units_left(self, row: Allotment) -> int:
        return row.left if row.pk else 0

    def get_readonly_fields(self, request: HttpRequest, obj: Allotment | None = None) -> list[str]:
        """Once a place is given, an allotment stays what it is."""
        fixed = ["launch", "variant", "partner"] if obj and obj.last_place else []
        return [*fixed, *super().get_readonly_fields(request, obj)]

    def get_object(self, request: HttpRequest, object_id: str, from_field: str | None = None) -> Allotment | None:
        """Locked while it is being saved: no unit is claimed between the check of the capacity and its change."""
        if request.method == "POST" and object_id.isdecimal():
            list(Allotment.objects.select_for_update().filter(pk=object_id))
        found: Allotment | None = super().get_object(request, object_id, from_field)
        return found

    def save_related(self, request: HttpRequest, form: forms.ModelForm, formsets: Any, change: bool) -> None:
        """Units that became free go to those who wait."""
        super().save_related(request, form, formsets, change)
        promote(allotment_id=form.instance.pk, at=clock.now(), why=RAISED)
