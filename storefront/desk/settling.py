"""What a person settles: tasks about money, Stripe's events nobody understood, and orders for whoever fulfils them."""

from __future__ import annotations

import csv
from typing import Any

import orjson
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404
from django.urls import path, reverse

from reservations.actions import disputing, handing, inbox, paying, refunding
from reservations.actions.four_eyes import tidy_reason
from reservations.actions.tasking import close_tasks
from reservations.jobs import cashier
from reservations.models import HandOver, MoneyTask, Payment, Refund, StripeEvent
from storefront import clock
from storefront.actors import actor
from storefront.desk import tables
from storefront.desk.four_eyes import Act, Page, officer
from storefront.desk.logged import ReadOnly
from storefront.desk.money import stripe_act_page


@admin.register(StripeEvent)
class StripeEventAdmin(ReadOnly):
    list_display = ["id", "type", "state", "received_at", "tries", "next_at", "last_error"]
    list_filter = ["state", "type"]
    search_fields = ["id"]
    ordering = ["-received_at"]
    actions = ["read_again"]

    def has_read_permission(self, request: HttpRequest) -> bool:
        return self.may_change(request)

    @admin.action(description="Work on these once more", permissions=["read"])
    def read_again(self, request: HttpRequest, queryset: QuerySet[StripeEvent]) -> None:
        for event in queryset:
            inbox.read_again(event=event, at=clock.now(), actor=actor(request))
        messages.success(request, "They are worked on within seconds.")


CLOSE = Act(
    label="Settle",
    note="Does what is proposed, where something is, and closes the task.",
    done="Settled.",
    needs_reason=True,
)


def _fix(task: MoneyTask, request: HttpRequest, reason: str) -> None:
    """What a task proposes. Raises Unreachable, Refused."""
    at, who = clock.now(), actor(request)
    kind, _, number = task.subject.partition(":")
    if task.fix == "waive" and task.reservation is not None:
        paying.waive(reservation=task.reservation, at=at, actor=who, reason=reason)
    elif task.fix == "refund_again":
        refunding.send_again(refund=Refund.objects.get(pk=number), at=at, actor=who, reason=reason)
    elif task.fix == "look_again" and kind == "payment":
        cashier.follow_all(Payment.objects.select_related("reservation__launch").get(pk=number), at=at)
    elif task.fix == "release":
        disputing.release(payment=Payment.objects.get(pk=number), at=at, actor=who, reason=reason)
    elif task.fix == "read_again":
        inbox.read_again(event=StripeEvent.objects.get(pk=number), at=at, actor=who)
    elif task.fix == "refund_at_stripe":
        cashier.refund_unknown(intent_id=number)
    close_tasks(subject=task.subject, kind=task.kind, at=at, actor=who, note=reason)


FIXES = {
    "": "Nothing: look into it and close it",
    "waive": "Keep the place without its deposit",
    "refund_again": "Send the refund again",
    "look_again": "Ask Stripe again and carry its answer over",
    "release": "Release the reservation: it goes on",
    "read_again": "Work on the event once more",
    "refund_at_stripe": "Refund it at Stripe: nothing of ours asked for it",
}


@admin.register(MoneyTask)
class MoneyTaskAdmin(ReadOnly):
    """What a person has to settle; the open ones first."""

    list_display = ["kind", "subject", "reservation", "sentence", "proposed", "opened_at", "closed_at", "closed_by"]
    list_select_related = ["reservation"]
    list_filter = [("closed_at", admin.EmptyFieldListFilter), "kind"]
    search_fields = ["subject", "reservation__reference"]
    ordering = ["closed_at", "-id"]
    change_form_template = "admin/acts.html"
    readonly_fields = ["proposed"]

    def get_urls(self) -> list[Any]:
        settle = path("<int:pk>/settle/", self.admin_site.admin_view(self.settle_view), name="money_task_settle")
        return [settle, *super().get_urls()]

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        row = self.get_object(request, object_id)
        can = row is not None and row.closed_at is None and self.may_change(request)
        url = reverse("admin:money_task_settle", args=[object_id])
        acts = [{"label": CLOSE.label, "url": url}] if can else []
        return super().change_view(request, object_id, form_url, {**(extra_context or {}), "acts": acts})

    def settle_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        row = get_object_or_404(MoneyTask.objects.select_related("reservation"), pk=pk)
        if not self.may_change(request):
            raise PermissionDenied
        facts = tables.facts([("What", row.sentence), ("Proposed", self.proposed(row)), ("Facts", row.facts)])
        refused = "" if row.closed_at is None else f"It was settled by {row.closed_by}."
        page = Page(title=f"Settle: {row}", facts=facts, refused=refused)

        def run(reason: str) -> None:
            _fix(row, request, tidy_reason(reason))

        return stripe_act_page(self, request, row, act=CLOSE, page=page, run=run)

    @admin.display(description="Proposed")
    def proposed(self, row: MoneyTask) -> str:
        return FIXES.get(row.fix, row.fix)


ADDRESS, FORMULA = ("street", "postcode", "city"), ("=", "+", "-", "@", "\t", "\r")
COLUMNS = (
    "reference",
    "ordered_at",
    "market",
    "name",
    "email",
    "phone",
    "address",
    "sku",
    "quantity",
    "total",
    "currency",
)


@admin.register(HandOver)
class HandOverAdmin(ReadOnly):
    """Paid orders. An export takes those that nobody has exported; each is in one export."""

    list_display = ["reservation", "made_at", "sent_at", "exported_at", "exported_by", "tries", "last_error"]
    list_select_related = ["reservation", "exported_by"]
    list_filter = [("exported_at", admin.EmptyFieldListFilter), ("sent_at", admin.EmptyFieldListFilter)]
    search_fields = ["reservation__reference"]
    ordering = ["-id"]
    actions = ["as_json", "as_csv"]

    def has_export_permission(self, request: HttpRequest) -> bool:
        return self.may_change(request)

    def _take(self, request: HttpRequest, queryset: QuerySet[HandOver]) -> list[dict[str, Any]]:
        pks = list(queryset.values_list("pk", flat=True))
        return [row.order for row in handing.export(pks=pks, at=clock.now(), officer=officer(request))]

    @admin.action(description="Export as JSON what is not exported yet", permissions=["export"])
    def as_json(self, request: HttpRequest, queryset: QuerySet[HandOver]) -> HttpResponse:
        body = orjson.dumps({"orders": self._take(request, queryset)}, option=orjson.OPT_INDENT_2)
        response = HttpResponse(body, content_type="application/json")
        response["Content-Disposition"] = 'attachment; filename="orders.json"'
        return response

    @admin.action(description="Export as CSV what is not exported yet", permissions=["export"])
    def as_csv(self, request: HttpRequest, queryset: QuerySet[HandOver]) -> HttpResponse:
        response = HttpResponse(content_type="text/csv; charset=utf-8")
        response["Content-Disposition"] = 'attachment; filename="orders.csv"'
        writer = csv.writer(response)
        writer.writerow(COLUMNS)
        for order in self._take(request, queryset):
            for line in order["lines"]:
                writer.writerow(_safe(_csv_row(order, line)))
        return response


def _csv_row(order: dict[str, Any], line: dict[str, Any]) -> list[object]:
    customer, address = order["customer"], order["address"] or {}
    lines = ", ".join(address[line] for line in ADDRESS if address.get(line))
    head = [order["reference"], order["ordered_at"], order["market"], customer["name"], customer["email"]]
    total = order["total"]
    return [
        *head, customer["phone"], lines, line["sku"], line["quantity"], total["amount_minor"], total["currency"]
    ]  # fmt: skip


def _safe(row: list[object]) -> list[object]:
    """A spreadsheet takes a cell that begins so for a formula: it is made a text."""
    return [f"'{cell}" if isinstance(cell, str) and cell.startswith(FORMULA) else cell for cell in row]
