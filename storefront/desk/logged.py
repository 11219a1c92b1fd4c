"""Every change through the admin has a row in the log, in the same transaction."""

from __future__ import annotations

from functools import cached_property
from typing import Any

from django import forms
from django.contrib import admin
from django.contrib.admin.models import LogEntry
from django.contrib.admin.utils import NestedObjects
from django.core.paginator import Paginator
from django.db import models, transaction
from django.http import HttpRequest

from reservations.actions.deciding import rebuild_decisions
from reservations.actions.recording import record
from reservations.models import CustomerLimit, Decision, IdempotencyKey
from storefront import clock
from storefront.actors import actor

SECRET_FIELDS = frozenset({"password", "digest"})
PERSONAL_FIELDS = frozenset({"email", "email_key", "phone", "first_name", "last_name", "recipient", "subject", "raw"})
NOT_KEPT = "(personal, not kept)"
# What follows from other rows, or is the admin's own note: its end is not news.
UNLOGGED = (Decision, IdempotencyKey, CustomerLimit, LogEntry)
MOST_COUNTED = 10_000

Facts = dict[str, Any]


def plain(value: Any) -> Any:
    """A value as the log's JSON keeps it."""
    if value is None or isinstance(value, (bool, int, str, list, dict)):
        return value
    return str(value)


def state_of(row: models.Model) -> Facts:
    """Every stored field of a row but the secret ones."""
    return {
        field.attname: plain(getattr(row, field.attname))
        for field in row._meta.concrete_fields
        if field.name not in SECRET_FIELDS
    }


def stored_state(row: models.Model) -> Facts:
    """The same as the database has it, links to many included; empty for a row that is not stored."""
    found = type(row)._default_manager.filter(pk=row.pk).first()
    if found is None:
        return {}
    links = {
        field.name: sorted(str(key) for key in getattr(found, field.name).values_list("pk", flat=True))
        for field in found._meta.many_to_many
        if field.remote_field.through._meta.auto_created  # type: ignore[union-attr]
    }
    return state_of(found) | links


def difference(before: Facts, after: Facts) -> Facts:
    """{field: [before, after]} of what differs, personal values left out."""
    changed = {field: [before.get(field), after.get(field)] for field in before | after}
    return {
        field: [NOT_KEPT if value and field in PERSONAL_FIELDS else value for value in pair]
        for field, pair in changed.items()
        if pair[0] != pair[1]
    }


def name_of(row: models.Model) -> str:
    return f"{row._meta.model_name}:{row.pk}"


def write(request: HttpRequest, verb: str, name: str, facts: Facts) -> None:
    kind = name.split(":", maxsplit=1)[0]
    record(at=clock.now(), actor=actor(request), action=f"{kind}.{verb}", subject=name, facts=facts)


def log_row(request: HttpRequest, row: models.Model, before: Facts) -> None:
    """One log row for what differs; none when nothing does."""
    facts = difference(before, stored_state(row))
    if facts:
        write(request, "changed" if before else "added", name_of(row), facts)


def delete_logged(request: HttpRequest, row: models.Model) -> None:
    """Delete a row and what falls with it, one log row each."""
    found = NestedObjects(using="default")
    found.collect([row])
    falling = [
        (name_of(each), state_of(each))
        for model, rows in found.data.items()
        if model not in UNLOGGED and not model._meta.auto_created
        for each in rows
    ]
    row.delete()
    for name, before in falling:
        write(request, "deleted", name, difference(before, {}))


class InUtc(admin.options.BaseModelAdmin):
    """Instants say in which time they are read."""

    def formfield_for_dbfield(self, db_field: models.Field, request: HttpRequest, **kwargs: Any) -> Any:
        field = super().formfield_for_dbfield(db_field, request, **kwargs)
        if isinstance(db_field, models.DateTimeField) and field is not None:
            field.label = f"{field.label} (UTC)"
        return field


class Inline(InUtc, admin.TabularInline):
    """A table of rows below their owner; `Logged` logs them."""

    extra = 0


class Logged(InUtc, admin.ModelAdmin):
    """An admin whose changes are logged; `is_gate_fact` ones also rebuild the decisions at once."""

    is_gate_fact = False
    show_full_result_count = False

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> list[Any]:
        """An identifier in words is given once: with another, the form would store another row."""
        key = self.opts.pk
        named = [key.name] if obj is not None and isinstance(key, models.CharField) else []
        return [*named, *super().get_readonly_fields(request, obj)]

    def get_fields(self, request: HttpRequest, obj: models.Model | None = None) -> list[Any]:
        key = self.opts.pk.name
        return sorted(super().get_fields(request, obj), key=lambda field: field != key)

    def save_model(self, request: HttpRequest, obj: Any, form: forms.ModelForm, change: bool) -> None:
        form.state_before = stored_state(obj) if change else {}  # type: ignore[attr-defined]
        super().save_model(request, obj, form, change)

    def save_related(self, request: HttpRequest, form: forms.ModelForm, formsets: Any, change: bool) -> None:
        form.save_m2m()
        log_row(request, form.instance, form.state_before)  # type: ignore[attr-defined]
        for formset in formsets:
            self.save_formset(request, form, formset, change)

    def save_formset(self, request: HttpRequest, form: forms.ModelForm, formset: Any, change: bool) -> None:
        rows = formset.save(commit=False)
        for row in formset.deleted_objects:
            delete_logged(request, row)
        for row in rows:
            # The formset has changed its row already: what was stored is read again.
            before = stored_state(row)
            row.save()
            log_row(request, row, before)
        formset.save_m2m()

    def delete_model(self, request: HttpRequest, obj: models.Model) -> None:
        delete_logged(request, obj)
        self.rebuild(request)

    @transaction.atomic
    def delete_queryset(self, request: HttpRequest, queryset: models.QuerySet) -> None:
        for row in queryset:
            delete_logged(request, row)
        self.rebuild(request)

    def log_change(self, request: HttpRequest, obj: models.Model, message: Any) -> Any:
        self.rebuild(request)
        return super().log_change(request, obj, message)

    def log_addition(self, request: HttpRequest, obj: models.Model, message: Any) -> Any:
        self.rebuild(request)
        return super().log_addition(request, obj, message)

    @transaction.atomic
    def change_rows(self, request: HttpRequest, queryset: models.QuerySet, **values: Any) -> int:
        """Set fields of many rows, each logged. Returns how many rows there were."""
        chosen = list(queryset.values_list("pk", flat=True))
        rows = list(self.model._default_manager.select_for_update().filter(pk__in=chosen))
        for row in rows:
            before = stored_state(row)
            for field, value in values.items():
                setattr(row, field, value)
            row.save(update_fields=list(values))
            log_row(request, row, before)
        if rows:
            self.rebuild(request)
        return len(rows)

    def rebuild(self, request: HttpRequest) -> None:
        if self.is_gate_fact:
            cause = f"{self.model._meta.verbose_name} changed in the admin"
            rebuild_decisions(at=clock.now(), cause=cause, actor=actor(request))


class CappedPaginator(Paginator):
    """Counts no further than anybody pages, so that a list of a million rows opens as fast as a short one."""

    @cached_property
    def count(self) -> int:
        found: models.QuerySet = self.object_list  # type: ignore[assignment]
        return found.order_by()[:MOST_COUNTED].count()


class ReadOnly(InUtc, admin.ModelAdmin):
    """For what staff look at and never edit."""

    show_full_result_count = False
    paginator = CappedPaginator
    list_per_page = 50

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def may_change(self, request: HttpRequest) -> bool:
        """The right to act on rows (cancel, send again), though none is edited."""
        return request.user.has_perm(f"{self.opts.app_label}.change_{self.opts.model_name}")
