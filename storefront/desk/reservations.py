"""Reservations with their messages and history, wishes, and the log."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from functools import partial
from typing import Any

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.urls import path, reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString

from reservations.actions import bulk, cancelling, inviting, paying
from reservations.actions.four_eyes import tidy_reason
from reservations.models import Event, NotifyRequest, Reservation
from reservations.queries import links, receipts, texts
from reservations.queries.consents import shown_to
from reservations.queries.queues import OPEN_HOLD
from reservations.rules import lifecycle, places
from storefront import clock
from storefront.actors import actor
from storefront.desk import four_eyes, tables
from storefront.desk.four_eyes import Act, Page
from storefront.desk.logged import ReadOnly

CANCEL, REVOKE, PUT_BACK, FROM_RESERVE, WAIVE = "cancel", "revoke", "put-back", "from-reserve", "waive"
TOLD = "The customer is told by mail; the sandbox is not."
ACTS = {
    CANCEL: Act(
        label="Cancel this reservation",
        note=f"Its units go to whoever waits first. {TOLD} This cannot be undone.",
        done=f"It is cancelled. {TOLD}",
        needs_reason=True,
    ),
    REVOKE: Act(
        label="Take it back",
        note=f"We cannot keep the place: the customer reads the reason. {TOLD} This cannot be undone.",
        done=f"It is taken back. {TOLD}",
        needs_reason=True,
    ),
    PUT_BACK: Act(
        label="Put it back in line",
        note="It stands where it stood, at the head of the next wave; where no unit is free it waits there.",
        done=f"It is back in line. {TOLD}",
        needs_reason=True,
    ),
    FROM_RESERVE: Act(
        label="Put it back with a unit of the reserve",
        note="As before; where no unit is free it takes one of those that are kept for support.",
        done=f"It is back in line. {TOLD}",
        needs_reason=True,
    ),
    WAIVE: Act(
        label="Waive the deposit",
        note=f"The place is confirmed without it; what is still paid goes back. {TOLD}",
        done=f"It is confirmed. {TOLD}",
        needs_reason=True,
    ),
}


def _with_reason(act: Callable[..., object], **fixed: object) -> Callable[..., object]:
    """The same act, which refuses to go without a reason."""

    def run(*, reason: str, **given: Any) -> object:
        return act(**given, reason=tidy_reason(reason), **fixed)

    return run


RUNS = {
    CANCEL: _with_reason(cancelling.cancel),
    REVOKE: _with_reason(cancelling.revoke),
    PUT_BACK: _with_reason(inviting.put_back),
    FROM_RESERVE: _with_reason(inviting.put_back, from_reserve=True),
    WAIVE: _with_reason(paying.waive),
}
FROM = {
    CANCEL: lifecycle.sources(lifecycle.CANCELLED),
    REVOKE: lifecycle.sources(lifecycle.REVOKED),
    PUT_BACK: (lifecycle.EXPIRED,),
    FROM_RESERVE: (lifecycle.EXPIRED,),
    WAIVE: (lifecycle.AWAITING_PAYMENT,),
}


def _gist(row: Reservation) -> SafeString:
    return tables.facts(
        [
            ("Reference", row.reference),
            ("Status", row.status),
            ("Place", row.place_number),
            ("Units", f"{row.quantity} × {row.variant.sku}"),
            ("To", row.subdivision or row.market_id),
        ]
    )


class OnHold(admin.SimpleListFilter):
    """Those that wait for the law."""

    title, parameter_name = "hold", "hold"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [("open", "On hold"), ("was", "Was on hold")]

    def queryset(self, request: HttpRequest, queryset: QuerySet) -> QuerySet:
        if self.value() == "open":
            return queryset.filter(OPEN_HOLD)
        return queryset.filter(~OPEN_HOLD, holds__isnull=False).distinct() if self.value() == "was" else queryset


@admin.register(Reservation)
class ReservationAdmin(ReadOnly):
    """Search by reference, e-mail or name; the whole history of one; cancel with a reason."""

    list_display = [
        "reference", "status", "variant", "units", "destination", "place", "email", "name", "partner", "created",
    ]  # fmt: skip
    list_select_related = ["variant__product", "partner"]
    list_filter = [
        "status",
        OnHold,
        ("kit_asked_at", admin.EmptyFieldListFilter),
        "launch",
        "variant__product",
        "partner",
        "is_sandbox",
        "market",
    ]
    search_fields = ["reference", "email", "email_key", "name", "partner_reference"]
    search_help_text = "Reference, e-mail, name or the partner's own reference"
    ordering = ["-created_at"]
    change_form_template = "admin/acts.html"
    actions = ["act_on_many"]
    fieldsets = [
        (
            None,
            {
                "fields": [
                    "reference",
                    "status",
                    "variant",
                    "settled_variant",
                    "quantity",
                    "place_number",
                    "allotment",
                    "launch",
                ]
            },
        ),
        (
            "Customer",
            {
                "fields": [
                    "name",
                    "email",
                    "phone",
                    "address",
                    "kit_asked_at",
                    "language",
                    "market",
                    "subdivision",
                    "customer_page",
                ]
            },
        ),
        ("Channel", {"fields": ["partner", "partner_reference", "is_sandbox"]}),
        ("Instants", {"fields": ["created", "confirmed", "ended"]}),
        ("Money", {"fields": ["money_table"]}),
        ("Receipt", {"fields": ["receipt_table", "notices_table"]}),
        ("What happened", {"fields": ["messages_table", "history"]}),
    ]
    readonly_fields = [
        "customer_page", "created", "confirmed", "ended",
        "money_table", "receipt_table", "notices_table", "messages_table", "history",
    ]  # fmt: skip

    def get_search_results(self, request: HttpRequest, queryset: QuerySet, search_term: str) -> tuple[QuerySet, bool]:
        """A reference counts however it is written; any other words are looked for everywhere."""
        exact = queryset.filter(reference=places.tidy_reference(search_term))
        if exact.exists():
            return exact, False
        return super().get_search_results(request, queryset, search_term)

    def get_urls(self) -> list[Any]:
        act = path("<uuid:pk>/act/<slug:verb>/", self.admin_site.admin_view(self.act_view), name="reservation_act")
        return [act, *super().get_urls()]

    def get_actions(self, request: HttpRequest) -> dict[str, Any]:
        return super().get_actions(request) if request.user.has_perm("reservations.add_bulkact") else {}

    @admin.action(description="Cancel, revoke or move these, with a second person")
    def act_on_many(self, request: HttpRequest, queryset: QuerySet[Reservation]) -> HttpResponse:
        request.session["bulk"] = [str(pk) for pk in queryset.values_list("pk", flat=True)[: bulk.MOST]]
        return redirect("admin:bulk_propose")

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        row = self.get_object(request, object_id)
        acts = [
            {"label": ACTS[verb].label, "url": reverse("admin:reservation_act", args=[row.pk, verb])}
            for verb in (ACTS if row and self.may_change(request) else ())
            if row and row.status in FROM[verb]
        ]
        return super().change_view(request, object_id, form_url, {**(extra_context or {}), "acts": acts})

    def act_view(self, request: HttpRequest, pk: Any, verb: str) -> HttpResponse:
        """Ask for a reason, then act as this member of staff."""
        row = get_object_or_404(Reservation.objects.select_related("variant"), pk=pk)
        if verb not in ACTS:
            raise Http404
        if not self.may_change(request):
            messages.error(request, "You may look at reservations, but not change them.")
            return redirect(reverse("admin:reservations_reservation_change", args=[pk]))
        refused = "" if row.status in FROM[verb] else f"{row.reference} is {row.status}: this cannot be done."
        page = Page(title=f"{ACTS[verb].label}: {row.reference}", facts=_gist(row), refused=refused)
        run = partial(RUNS[verb], reservation=row, at=clock.now(), actor=actor(request))
        return four_eyes.act_page(self, request, row, act=ACTS[verb], page=page, run=run)

    @admin.display(description="Customer's page")
    def customer_page(self, row: Reservation) -> SafeString:
        return format_html('<a href="{}">Open as the customer sees it</a>', links.reservation_path(row))

    @admin.display(description="Units", ordering="quantity")
    def units(self, row: Reservation) -> int:
        return row.quantity

    @admin.display(description="To", ordering="market")
    def destination(self, row: Reservation) -> str:
        return row.subdivision or row.market_id

    @admin.display(description="Place", ordering="place_number")
    def place(self, row: Reservation) -> int:
        return row.place_number

    @admin.display(description="Created", ordering="created_at")
    def created(self, row: Reservation) -> str:
        return tables.instant(row.created_at)

    @admin.display(description="Confirmed")
    def confirmed(self, row: Reservation) -> str:
        return tables.instant(row.confirmed_at) or "-"

    @admin.display(description="Ended")
    def ended(self, row: Reservation) -> str:
        return tables.instant(row.ended_at) or "-"

    @admin.display(description="As promised")
    def receipt_table(self, row: Reservation) -> SafeString:
        kept = receipts.read(row)
        return tables.facts(
            [
                ("Price of one", kept.unit_price),
                ("Total", kept.total),
                ("Tax", kept.tax),
                ("Deposit", kept.deposit or "none"),
                ("Ships", " to ".join(kept.ships) if kept.ships else "not said"),
                ("May ship when reserved", "yes" if kept.may_ship else "no"),
                ("Withdrawal", f"{kept.withdrawal_days} days" if kept.withdrawal_days else "not said"),
                ("Terms", kept.terms_version),
            ]
        )

    @admin.display(description="Payments and refunds")
    def money_table(self, row: Reservation) -> SafeString:
        rows: list[tuple[object, ...]] = []
        for each in row.payments.order_by("pk").prefetch_related("refunds"):
            url = reverse("admin:reservations_payment_change", args=[each.pk])
            link = format_html('<a href="{}">{} {}</a>', url, each.purpose, each.attempt)
            rows.append((link, texts.amount(each.amount_minor, each.currency), each.state))
            for refund in each.refunds.all():
                url = reverse("admin:reservations_refund_change", args=[refund.pk])
                link = format_html('<a href="{}">refund {}</a>', url, refund.number)
                rows.append((link, texts.amount(refund.amount_minor, each.currency), refund.state))
        return tables.table(["What", "Amount", "State"], rows)

    @admin.display(description="Notices and consents")
    def notices_table(self, row: Reservation) -> SafeString:
        rows = [
            (notice["id"], notice["text"], notice["version"], notice["language"], _accepted(notice["accepted_at"]))
            for notice in shown_to(row)
        ]
        return tables.table(["Requirement", "Text", "Version", "Language", "Accepted"], rows)

    @admin.display(description="Messages")
    def messages_table(self, row: Reservation) -> SafeString:
        rows = []
        for each in row.messages.order_by("id").defer("raw"):
            url = reverse("admin:reservations_message_change", args=[each.pk])
            link = format_html('<a href="{}">{}</a>', url, each.kind)
            rows.append((link, each.state, each.attempts, tables.instant(each.sent_at), each.last_error))
        return tables.table(["Kind", "State", "Failed tries", "Sent", "Last error"], rows)

    @admin.display(description="History")
    def history(self, row: Reservation) -> SafeString:
        rows = [
            (tables.instant(each.at), each.actor, each.action, each.reason, _in_words(each.facts))
            for each in row.events.order_by("id")
        ]
        return tables.table(["At", "Who", "What", "Why", "Facts"], rows)


def _accepted(at: str | None) -> str:
    return tables.instant(datetime.fromisoformat(at)) if at else "shown"


def _in_words(facts: dict[str, Any]) -> str:
    return ", ".join(f"{name}: {value}" for name, value in facts.items())


@admin.register(NotifyRequest)
class NotifyRequestAdmin(ReadOnly):
    """Who wants to be told when a product opens."""

    list_display = ["product", "market", "email", "language", "created_at", "confirmed_at", "told_at", "ended_at"]
    list_select_related = ["product", "market"]
    list_filter = ["product", "market"]
    search_fields = ["email", "email_key"]
    ordering = ["-created_at"]


@admin.register(Event)
class EventAdmin(ReadOnly):
    """The append-only log."""

    list_display = ["instant", "actor", "action", "subject", "reason"]
    search_fields = ["subject__startswith", "actor__startswith", "action__startswith"]
    search_help_text = "Beginning of a subject (reservation:QW-…, market:DE), an actor (staff:…) or an action"
    ordering = ["-id"]
    raw_id_fields = ["reservation"]

    @admin.display(description="At", ordering="id")
    def instant(self, row: Event) -> str:
        return tables.instant(row.at)
