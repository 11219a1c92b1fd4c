"""Payments, refunds, Stripe's events, what a person has to settle, orders for whoever fulfils them, and the sums."""

from __future__ import annotations

import csv
from collections.abc import Callable
from functools import partial
from typing import Any

import orjson
from django import forms
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.template.response import TemplateResponse
from django.urls import path, reverse
from django.utils.safestring import SafeString
from django.views.decorators.http import require_POST

from reservations.actions import disputing, handing, inbox, paying, refunding
from reservations.actions.four_eyes import tidy_reason
from reservations.actions.tasking import close_tasks
from reservations.gateways.stripe import Refused, Unreachable
from reservations.jobs import cashier, reconciling
from reservations.models import Event, HandOver, MoneyTask, Payment, Refund, StripeEvent
from reservations.queries import texts
from reservations.rules.money import exponent
from storefront import clock
from storefront.actors import actor
from storefront.desk import four_eyes, tables
from storefront.desk.four_eyes import Act, Page, officer
from storefront.desk.launches import form_page
from storefront.desk.logged import ReadOnly

MOST_REASON = 300


class PartForm(forms.Form):
    """A part of a payment, in minor units, and why."""

    amount_minor = forms.IntegerField(min_value=0, label="Amount in minor units")
    reason = forms.CharField(max_length=MOST_REASON, widget=forms.TextInput(attrs={"size": 60, "autocomplete": "off"}))

    def __init__(self, payment: Payment, *given: Any) -> None:
        super().__init__(*given)
        places = exponent(payment.currency)
        self.fields["amount_minor"].help_text = (
            f"Of {payment.amount_minor} {payment.currency}, which has {places} decimal places: 10{'0' * places} "
            f"minor units are {texts.amount(10 ** (places + 1), payment.currency)}."
        )


PARTS: dict[str, tuple[str, Callable[..., None]]] = {
    "refund": ("Refund a part", refunding.refund_in_part),
    "keep": ("Keep a part when it ends", refunding.keep),
}


@admin.register(Payment)
class PaymentAdmin(ReadOnly):
    list_display = ["reservation", "purpose", "attempt", "amount", "state", "declined", "captured", "last_error"]
    list_select_related = ["reservation"]
    list_filter = ["state", "purpose", "currency"]
    search_fields = ["reservation__reference", "intent_id", "session_id", "charge_id"]
    ordering = ["-id"]
    change_form_template = "admin/acts.html"
    readonly_fields = ["refunds_table", "history"]

    def get_urls(self) -> list[Any]:
        view = self.admin_site.admin_view
        return [
            path("<int:pk>/part/<slug:verb>/", view(self.part_view), name="payment_part"),
            path("<int:pk>/look/", view(require_POST(self.look_view)), name="payment_look"),
            *super().get_urls(),
        ]

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        may = request.user.has_perm("reservations.refund_payment")
        acts = [
            {"label": label, "url": reverse("admin:payment_part", args=[object_id, verb])}
            for verb, (label, _) in (PARTS if may else {}).items()
        ]
        return super().change_view(request, object_id, form_url, {**(extra_context or {}), "acts": acts})

    def part_view(self, request: HttpRequest, pk: int, verb: str) -> HttpResponse:
        """A part goes back now, or is kept at the end; both with a reason."""
        row = get_object_or_404(Payment.objects.select_related("reservation"), pk=pk)
        if verb not in PARTS:
            raise Http404
        if not request.user.has_perm("reservations.refund_payment"):
            raise PermissionDenied
        label, run = PARTS[verb]
        form = PartForm(row, request.POST or None)
        if form.is_valid():
            try:
                run(payment=row, at=clock.now(), actor=actor(request), **form.cleaned_data)
            except refunding.MoreThanCaptured as refusal:
                left = texts.amount(refusal.left.amount_minor, refusal.left.currency)
                form.add_error("amount_minor", f"So much is not left of it: {left} are. Give less.")
            else:
                messages.success(request, f"{label}: done.")
                return redirect("admin:reservations_payment_change", row.pk)
        return form_page(self, request, row, title=f"{label}: {row}", label=label, form=form)

    def look_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        """Ask Stripe about it now."""
        if not self.may_change(request):
            raise PermissionDenied
        row = get_object_or_404(Payment.objects.select_related("reservation__launch"), pk=pk)
        _say(request, lambda: cashier.follow(row, at=clock.now()), "Stripe was asked, and its answer carried over.")
        return redirect("admin:reservations_payment_change", pk)

    @admin.display(description="Amount", ordering="amount_minor")
    def amount(self, row: Payment) -> str:
        return texts.amount(row.amount_minor, row.currency)

    @admin.display(description="Captured", ordering="captured_at")
    def captured(self, row: Payment) -> str:
        return tables.instant(row.captured_at) or "-"

    @admin.display(description="Refunds")
    def refunds_table(self, row: Payment) -> SafeString:
        rows = [
            (each.number, texts.amount(each.amount_minor, row.currency), each.state, each.reason, each.note)
            for each in row.refunds.order_by("number")
        ]
        return tables.table(["Number", "Amount", "State", "Why", "Note"], rows)

    @admin.display(description="History")
    def history(self, row: Payment) -> SafeString:
        return _history(f"payment:{row.pk}")


def _history(subject: str) -> SafeString:
    events = Event.objects.filter(subject=subject, reservation=None).order_by("id")
    rows = [(tables.instant(each.at), each.actor, each.action, each.reason) for each in events]
    return tables.table(["At", "Who", "What", "Why"], rows)


def _say(request: HttpRequest, run: Callable[[], object], done: str) -> None:
    """What came of asking Stripe."""
    try:
        run()
    except (Unreachable, Refused) as error:
        messages.error(request, f"Stripe did not do it: {error}")
    else:
        messages.success(request, done)


REFUND_ACTS = {
    "again": Act(
        label="Send again",
        note="It is sent once more to where the payment came from.",
        done="Owed again: it goes within seconds.",
        needs_reason=True,
    ),
    "otherwise": Act(
        label="Paid otherwise",
        note="You have paid it in another way, such as a bank transfer. The customer is told that it is paid.",
        done="Noted.",
        needs_reason=True,
    ),
}
REFUND_RUNS: dict[str, Callable[..., object]] = {"again": refunding.send_again, "otherwise": refunding.pay_otherwise}


@admin.register(Refund)
class RefundAdmin(ReadOnly):
    list_display = ["payment", "number", "amount", "state", "reason", "note", "failure", "owed_at", "settled_at"]
    list_select_related = ["payment__reservation"]
    list_filter = ["state", "reason"]
    search_fields = ["payment__reservation__reference", "stripe_id"]
    ordering = ["-id"]
    change_form_template = "admin/acts.html"
    readonly_fields = ["history"]

    def get_urls(self) -> list[Any]:
        act = path("<int:pk>/act/<slug:verb>/", self.admin_site.admin_view(self.act_view), name="refund_act")
        return [act, *super().get_urls()]

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        row = self.get_object(request, object_id)
        can = row is not None and row.state == "failed" and request.user.has_perm("reservations.refund_payment")
        acts = [
            {"label": act.label, "url": reverse("admin:refund_act", args=[object_id, verb])}
            for verb, act in (REFUND_ACTS if can else {}).items()
        ]
        return super().change_view(request, object_id, form_url, {**(extra_context or {}), "acts": acts})

    def act_view(self, request: HttpRequest, pk: int, verb: str) -> HttpResponse:
        row = get_object_or_404(Refund.objects.select_related("payment__reservation"), pk=pk)
        if verb not in REFUND_ACTS:
            raise Http404
        if not request.user.has_perm("reservations.refund_payment"):
            raise PermissionDenied
        facts = tables.facts([("Amount", self.amount(row)), ("State", row.state), ("Failure", row.failure)])
        refused = "" if row.state == "failed" else f"It is {row.state}: nothing is to be done."
        run = _with_reason(partial(REFUND_RUNS[verb], refund=row, at=clock.now(), actor=actor(request)))
        page = Page(title=f"{REFUND_ACTS[verb].label}: {row}", facts=facts, refused=refused)
        return four_eyes.act_page(self, request, row, act=REFUND_ACTS[verb], page=page, run=run)

    @admin.display(description="Amount")
    def amount(self, row: Refund) -> str:
        return texts.amount(row.amount_minor, row.payment.currency)

    @admin.display(description="History")
    def history(self, row: Refund) -> SafeString:
        return _history(f"refund:{row.pk}")


def _with_reason(run: Callable[..., object]) -> Callable[..., object]:
    """No act on money without a reason in words. Raises ReasonMissing."""
    return lambda reason: run(reason=tidy_reason(reason))


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
            inbox.read_again(event=event, at=clock.now())
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
        cashier.follow(Payment.objects.select_related("reservation__launch").get(pk=number), at=at)
    elif task.fix == "release":
        disputing.release(payment=Payment.objects.get(pk=number), at=at, actor=who, reason=reason)
    elif task.fix == "read_again":
        inbox.read_again(event=StripeEvent.objects.get(pk=number), at=at)
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

        try:
            return four_eyes.act_page(self, request, row, act=CLOSE, page=page, run=run)
        except (Unreachable, Refused) as error:
            messages.error(request, f"Stripe did not do it: {error}")
            return redirect("admin:reservations_moneytask_change", pk)

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


def report(request: HttpRequest) -> HttpResponse:
    """Sums by currency as a table and as bars; and both books compared, on demand."""
    if not request.user.has_perm("reservations.view_payment"):
        raise PermissionDenied
    if request.method == "POST":
        _say(request, lambda: reconciling.reconcile(at=clock.now(), actor=actor(request)), "Both books were compared.")
        return redirect("admin:money_report")
    sums = [(currency, _bars(currency, dict(found))) for currency, found in refunding.totals().items()]
    last = Event.objects.filter(subject="money", reservation=None).order_by("-id").first()
    context = {**admin.site.each_context(request), "title": "Money", "sums": sums, "last": last}
    return TemplateResponse(request, "admin/money.html", context)


KINDS = ("captured", "refunded", "pending", "failed", "fees")


def _bars(currency: str, found: dict[str, int]) -> list[dict[str, object]]:
    """Each sum with its width of a hundred, the captured being all of it."""
    most = max([found.get("captured", 0), *found.values(), 1])
    return [
        {
            "kind": kind,
            "amount": texts.amount(found.get(kind, 0), currency),
            "width": round(100 * found.get(kind, 0) / most, 1),
        }
        for kind in KINDS
    ]
