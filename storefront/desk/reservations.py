"""Reservations, their messages and history; wishes and the log."""

from __future__ import annotations

from email import message_from_string, policy
from email.message import EmailMessage
from typing import Any, cast

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import path, reverse
from django.utils.html import format_html, format_html_join

from reservations.actions import cancelling, outbox
from reservations.models import Event, Message, NotifyRequest, Reservation
from reservations.queries import links
from reservations.rules import lifecycle, places
from storefront import clock
from storefront.desk.logged import ReadOnly, actor


@admin.register(Reservation)
class ReservationAdmin(ReadOnly):
    """Search by reference, e-mail or name; the whole history of one; cancel with a reason."""

    list_display = [
        "reference",
        "status",
        "variant",
        "quantity",
        "market",
        "place_number",
        "email",
        "name",
        "created_at",
    ]
    list_select_related = ["variant", "market"]
    list_filter = ["status", "launch", "variant__product", "market", "partner", "is_sandbox"]
    search_fields = ["reference", "email", "email_key", "name", "partner_reference"]
    search_help_text = "Reference, e-mail, name or the partner's own reference"
    ordering = ["-created_at"]
    list_per_page = 50
    exclude = ["receipt", "attempt"]
    readonly_fields = ["customer_page", "receipt_table", "messages_table", "history"]
    change_form_template = "admin/reservation.html"

    def get_search_results(self, request: HttpRequest, queryset: QuerySet, search_term: str) -> tuple[QuerySet, bool]:
        """A reference counts however it is written."""
        term = search_term.strip()
        if term.upper().startswith("QW"):
            return queryset.filter(reference=places.tidy_reference(term)), False
        return super().get_search_results(request, queryset, search_term)

    def get_urls(self) -> list[Any]:
        cancel = path("<uuid:pk>/cancel/", self.admin_site.admin_view(self.cancel_view), name="reservation_cancel")
        return [cancel, *super().get_urls()]

    def cancel_view(self, request: HttpRequest, pk: Any) -> HttpResponse:
        """Ask for a reason, then cancel as this member of staff."""
        row = Reservation.objects.get(pk=pk)
        if not request.user.has_perm("reservations.change_reservation"):
            messages.error(request, "You may look at reservations, but not cancel them.")
            return redirect(reverse("admin:reservations_reservation_change", args=[pk]))
        reason = request.POST.get("reason", "").strip()
        if request.method == "POST" and reason:
            cancelling.cancel(reservation=row, at=clock.now(), actor=actor(request), reason=reason[:300])
            messages.success(request, f"{row.reference} is cancelled; the customer is told.")
            return redirect(reverse("admin:reservations_reservation_change", args=[pk]))
        context = {
            **self.admin_site.each_context(request),
            "title": f"Cancel {row.reference}",
            "reservation": row,
            "needs_reason": request.method == "POST",
            "can_cancel": lifecycle.may_move(row.status, lifecycle.CANCELLED),
        }
        return render(request, "admin/cancel_reservation.html", context)

    @admin.display(description="Customer's page")
    def customer_page(self, row: Reservation) -> str:
        return format_html('<a href="{}">Open as the customer sees it</a>', links.reservation_path(row))

    @admin.display(description="Receipt")
    def receipt_table(self, row: Reservation) -> str:
        notices = row.receipt["notices"]
        facts = [(name, value) for name, value in row.receipt.items() if name != "notices"]
        facts += [
            (notice["id"], f"{notice['text']} ({notice['version']}, {notice['accepted_at'] or 'shown'})")
            for notice in notices
        ]
        return format_html("<table>{}</table>", format_html_join("", "<tr><th>{}</th><td>{}</td></tr>", facts))

    @admin.display(description="Messages")
    def messages_table(self, row: Reservation) -> str:
        rows = [
            (
                reverse("admin:reservations_message_change", args=[each.pk]),
                each.kind,
                each.state,
                each.sent_at or each.last_error,
            )
            for each in row.messages.order_by("id")
        ]
        return format_html(
            "<table>{}</table>",
            format_html_join("", '<tr><td><a href="{}">{}</a></td><td>{}</td><td>{}</td></tr>', rows),
        )

    @admin.display(description="History")
    def history(self, row: Reservation) -> str:
        rows = [(each.at, each.actor, each.action, each.reason, each.facts) for each in row.events.order_by("id")]
        line = "<tr><td>{}</td><td>{}</td><td>{}</td><td>{}</td><td>{}</td></tr>"
        return format_html("<table>{}</table>", format_html_join("", line, rows))


@admin.register(Message)
class MessageAdmin(ReadOnly):
    """The mail exactly as sent, its state, and one more try."""

    list_display = ["id", "kind", "state", "reservation", "recipient", "attempts", "due_at", "sent_at", "last_error"]
    list_select_related = ["reservation"]
    list_filter = ["state", "kind"]
    search_fields = ["reservation__reference", "recipient", "subject"]
    ordering = ["-id"]
    exclude = ["raw"]
    readonly_fields = ["as_text", "as_sent"]
    actions = ["send_again"]

    @admin.display(description="Text")
    def as_text(self, row: Message) -> str:
        """The plain text part as its reader sees it."""
        if not row.raw:
            return "Not sent yet."
        part = cast(EmailMessage, message_from_string(row.raw, policy=policy.default)).get_body(("plain",))
        return format_html("<pre>{}</pre>", part.get_content() if part else "")

    @admin.display(description="Exactly as sent")
    def as_sent(self, row: Message) -> str:
        return format_html("<details><summary>Source</summary><pre>{}</pre></details>", row.raw) if row.raw else ""

    @admin.action(description="Send again what failed or is uncertain")
    def send_again(self, request: HttpRequest, queryset: QuerySet[Message]) -> None:
        waiting = queryset.filter(state__in=[Message.FAILED, Message.UNCERTAIN])
        count = sum(outbox.owe_again(message=row, at=clock.now(), actor=actor(request)) for row in waiting)
        messages.success(request, f"{count} messages are owed again.")


@admin.register(NotifyRequest)
class NotifyRequestAdmin(ReadOnly):
    list_display = ["product", "market", "email", "language", "created_at", "confirmed_at", "told_at", "ended_at"]
    list_select_related = ["product", "market"]
    list_filter = ["product", "market"]
    search_fields = ["email", "email_key"]
    ordering = ["-created_at"]


@admin.register(Event)
class EventAdmin(ReadOnly):
    """The append-only log."""

    list_display = ["at", "actor", "action", "subject", "reason"]
    list_filter = ["action"]
    search_fields = ["subject", "actor"]
    ordering = ["-id"]
