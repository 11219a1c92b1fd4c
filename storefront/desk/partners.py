"""Partners and their API keys."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import admin, messages
from django.db import transaction
from django.db.models import Model, QuerySet
from django.http import HttpRequest

from reservations.actions.keys import SCOPES, create_api_key
from reservations.actions.recording import record
from reservations.models import ApiKey, Partner
from storefront import clock
from storefront.actors import actor
from storefront.desk.logged import Logged


@admin.register(Partner)
class PartnerAdmin(Logged):
    list_display = ["name", "slug"]
    search_fields = ["name", "slug"]
    prepopulated_fields = {"slug": ["name"]}
    ordering = ["name"]


class ApiKeyForm(forms.ModelForm):
    scopes = forms.MultipleChoiceField(
        choices=[(scope, scope) for scope in SCOPES], widget=forms.CheckboxSelectMultiple, initial=list(SCOPES)
    )

    class Meta:
        model = ApiKey
        fields = ["partner", "scopes", "is_sandbox"]


@admin.register(ApiKey)
class ApiKeyAdmin(Logged):
    """A key is made, shown once, and revoked; never edited or deleted."""

    form = ApiKeyForm
    list_display = ["prefix", "partner", "scopes", "is_sandbox", "created_at", "revoked_at"]
    list_select_related = ["partner"]
    list_filter = ["is_sandbox", "partner"]
    actions = ["revoke"]
    ordering = ["-created_at"]

    def save_model(self, request: HttpRequest, obj: ApiKey, form: forms.ModelForm, change: bool) -> None:
        given = form.cleaned_data
        key, secret = create_api_key(
            partner=given["partner"],
            scopes=given["scopes"],
            is_sandbox=given["is_sandbox"],
            at=clock.now(),
            actor=actor(request),
        )
        obj.pk, obj.prefix, obj.created_at = key.pk, key.prefix, key.created_at
        messages.warning(request, f"Copy this key now, it is not shown again: {secret}")

    def save_related(self, request: HttpRequest, form: forms.ModelForm, formsets: Any, change: bool) -> None:
        """The action that makes a key has logged it."""

    @admin.action(description="Revoke: the key stops working at once", permissions=["change"])
    @transaction.atomic
    def revoke(self, request: HttpRequest, queryset: QuerySet[ApiKey]) -> None:
        at = clock.now()
        live = list(queryset.filter(revoked_at=None))
        for key in live:
            ApiKey.objects.filter(pk=key.pk).update(revoked_at=at)
            record(at=at, actor=actor(request), action="api_key.revoked", subject=f"api_key:{key.prefix}")
        messages.success(request, f"Revoked: {len(live)}.")

    def has_change_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return obj is None and super().has_change_permission(request)

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False
