"""Payments, refunds and the sums: a part back or kept, a failed refund, both books compared."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.template.response import TemplateResponse
from django.urls import path, reverse
from django.utils.safestring import SafeString

from reservations.actions import refunding
from reservations.actions.four_eyes import tidy_reason
from reservations.gateways.stripe import Refused, Unreachable
from reservations.jobs import cashier, reconciling
from reservations.models import Event, Payment, Refund
from reservations.queries import texts
from reservations.rules.money import exponent
from storefront import clock
from storefront.actors import actor
from storefront.desk import four_eyes, tables
from storefront.desk.four_eyes import Act, Page
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


LOOK = Act(
    label="Ask Stripe now",
    note="What Stripe says of it, and of everything that went back of it, is carried over.",
    done="Stripe was asked, and its answer carried over.",
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
    fieldsets = [
        (
            None,
            {"fields": ["reservation", "purpose", "attempt", "amount", "state", "declined", "captured", "fee", "kept"]},
        ),
        ("At Stripe", {"fields": ["session_id", "intent_id", "charge_id", "customer_id"]}),
        ("Work", {"fields": ["began", "next", "tries", "last_error"]}),
        ("What became of it", {"fields": ["refunds_table", "history"]}),
    ]
    readonly_fields = ["amount", "captured", "fee", "kept", "began", "next", "refunds_table", "history"]

    def get_urls(self) -> list[Any]:
        view = self.admin_site.admin_view
        return [
            path("<int:pk>/part/<slug:verb>/", view(self.part_view), name="payment_part"),
            path("<int:pk>/look/", view(self.look_view), name="payment_look"),
            path("report/", view(self.report_view), name="money_report"),
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
        if self.may_change(request):
            acts.append({"label": LOOK.label, "url": reverse("admin:payment_look", args=[object_id])})
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
        facts = tables.facts([("Amount", self.amount(row)), ("State", row.state)])
        run = partial(cashier.follow_all, row, at=clock.now())
        return stripe_act_page(
            self, request, row, act=LOOK, page=Page(title=f"{LOOK.label}: {row}", facts=facts), run=run
        )

    def report_view(self, request: HttpRequest) -> HttpResponse:
        """Sums by currency as a table and as bars; and both books compared, on demand."""
        if not self.has_view_permission(request):
            raise PermissionDenied
        if request.method == "POST":
            try:
                reconciling.reconcile(at=clock.now(), actor=actor(request))
            except (Unreachable, Refused) as error:
                messages.error(request, f"Stripe did not answer: {error}")
            else:
                messages.success(request, "Both books were compared.")
            return redirect("admin:money_report")
        sums = [(currency, _bars(currency, dict(found))) for currency, found in refunding.totals().items()]
        last = Event.objects.filter(subject="money", reservation=None).order_by("-id").first()
        context = {
            **self.admin_site.each_context(request),
            "title": "Money",
            "opts": self.opts,
            "sums": sums,
            "last": last,
        }
        return TemplateResponse(request, "admin/money.html", context)

    @admin.display(description="Amount", ordering="amount_minor")
    def amount(self, row: Payment) -> str:
        return texts.amount(row.amount_minor, row.currency)

    @admin.display(description="Captured", ordering="captured_at")
    def captured(self, row: Payment) -> str:
        return tables.instant(row.captured_at) or "-"

    @admin.display(description="Fee of Stripe's")
    def fee(self, row: Payment) -> str:
        return "-" if row.fee_minor is None else texts.amount(row.fee_minor, row.fee_currency)

    @admin.display(description="Kept when it ends")
    def kept(self, row: Payment) -> str:
        return texts.amount(row.kept_minor, row.currency)

    @admin.display(description="Begun")
    def began(self, row: Payment) -> str:
        return tables.instant(row.began_at)

    @admin.display(description="Stripe is asked again")
    def next(self, row: Payment) -> str:
        return tables.instant(row.next_at) or "-"

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


def stripe_act_page(
    page_of: ReadOnly, request: HttpRequest, row: Any, *, act: Act, page: Page, run: Callable[..., object]
) -> HttpResponse:
    """An act that asks Stripe: where Stripe does not answer, that is said where the row is shown."""
    try:
        return four_eyes.act_page(page_of, request, row, act=act, page=page, run=run)
    except (Unreachable, Refused) as error:
        messages.error(request, f"Stripe did not do it: {error}")
        return redirect(f"admin:reservations_{row._meta.model_name}_change", row.pk)


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
