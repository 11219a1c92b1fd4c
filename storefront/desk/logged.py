"""Every change through the admin has a row in the log, in the same transaction."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import admin
from django.db import models, transaction
from django.http import HttpRequest

from reservations.actions.deciding import rebuild_decisions
from reservations.actions.recording import record
from storefront import clock

SECRET_FIELDS = frozenset({"password", "digest"})


def actor(request: HttpRequest) -> str:
    return f"staff:{request.user.get_username()}"[:80]


def plain(value: Any) -> Any:
    """A value as the log's JSON keeps it."""
    if value is None or isinstance(value, (bool, int, str, list, dict)):
        return value
    return str(value)


def state_of(row: models.Model) -> dict[str, Any]:
    """Every stored field of a row but the secret ones."""
    return {
        field.attname: plain(getattr(row, field.attname))
        for field in row._meta.concrete_fields
        if field.name not in SECRET_FIELDS
    }


class Logged(admin.ModelAdmin):
    """An admin whose changes are logged; `is_gate_fact` ones also rebuild the decisions at once."""

    is_gate_fact = False
    show_full_result_count = False

    def save_model(self, request: HttpRequest, obj: models.Model, form: forms.ModelForm, change: bool) -> None:
        before = state_of(type(obj)._default_manager.get(pk=obj.pk)) if change else {}
        super().save_model(request, obj, form, change)
        self.log_row(request, obj, before)

    def delete_model(self, request: HttpRequest, obj: models.Model) -> None:
        before, name = state_of(obj), self._name(obj)
        super().delete_model(request, obj)
        self._write(request, "deleted", name, {field: [value, None] for field, value in before.items()})

    def delete_queryset(self, request: HttpRequest, queryset: models.QuerySet) -> None:
        for row in queryset:
            self.delete_model(request, row)
        self.rebuild(request)

    def save_formset(self, request: HttpRequest, form: forms.ModelForm, formset: Any, change: bool) -> None:
        rows = formset.save(commit=False)
        # The formset has changed its rows already: what was stored is read again.
        stored = {
            row.pk: state_of(row)
            for row in formset.model._default_manager.filter(pk__in=[r.pk for r in formset.get_queryset()])
        }
        for row in formset.deleted_objects:
            before, name = stored.get(row.pk, {}), self._name(row)
            row.delete()
            self._write(request, "deleted", name, {field: [value, None] for field, value in before.items()})
        for row in rows:
            row.save()
            self.log_row(request, row, stored.get(row.pk, {}))
        formset.save_m2m()

    def log_change(self, request: HttpRequest, obj: models.Model, message: Any) -> Any:
        self.rebuild(request)
        return super().log_change(request, obj, message)

    def log_addition(self, request: HttpRequest, obj: models.Model, message: Any) -> Any:
        self.rebuild(request)
        return super().log_addition(request, obj, message)

    def log_row(self, request: HttpRequest, row: models.Model, before: dict[str, Any]) -> None:
        """One log row for what differs; none when nothing does."""
        after = state_of(type(row)._default_manager.get(pk=row.pk))
        changed = {field: [before.get(field), value] for field, value in after.items() if before.get(field) != value}
        if changed:
            self._write(request, "changed" if before else "added", self._name(row), changed)

    def rebuild(self, request: HttpRequest) -> None:
        if self.is_gate_fact:
            cause = f"{self.model._meta.model_name} changed in the admin"
            rebuild_decisions(at=clock.now(), cause=cause, actor=actor(request))

    def delete_view(self, request: HttpRequest, object_id: str, extra_context: Any = None) -> Any:
        with transaction.atomic():
            response = super().delete_view(request, object_id, extra_context)
            if request.method == "POST" and response.status_code == 302:
                self.rebuild(request)
        return response

    def _name(self, row: models.Model) -> str:
        return f"{row._meta.model_name}:{row.pk}"

    def _write(self, request: HttpRequest, verb: str, name: str, facts: dict[str, Any]) -> None:
        kind = name.split(":")[0]
        record(at=clock.now(), actor=actor(request), action=f"{kind}.{verb}", subject=name, facts=facts)


class ReadOnly(admin.ModelAdmin):
    """For what staff look at and never edit."""

    show_full_result_count = False

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False
