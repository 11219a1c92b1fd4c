"""Messages: the mail exactly as sent, its state, and one more try."""

from __future__ import annotations

from email import message_from_string, policy
from typing import Any

from csp.decorators import csp
from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.urls import path, reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.views.decorators.clickjacking import xframe_options_sameorigin
from django.views.decorators.http import require_POST

from reservations.actions import outbox
from reservations.models import Message
from storefront import clock
from storefront.actors import actor
from storefront.desk import preview, tables
from storefront.desk.logged import ReadOnly

# A mail is shown as a picture of itself: its own styles, no script, no request to anywhere but the images it carries.
MAIL_POLICY = {
    "default-src": ["'none'"],
    "style-src": ["'unsafe-inline'"],
    "img-src": ["data:"],
    "frame-ancestors": ["'self'"],
    "base-uri": ["'none'"],
    "form-action": ["'none'"],
    "sandbox": [""],
}
STUCK = (Message.FAILED, Message.UNCERTAIN)


def picture(view: Any) -> Any:
    """A view whose answer is a mail, shown in a frame of ours."""
    return csp(MAIL_POLICY)(xframe_options_sameorigin(view))


def part_of(row: Message, kind: str) -> str | None:
    """The plain or html body of the mail that was sent."""
    if not row.raw:
        return None
    part = message_from_string(row.raw, policy=policy.default).get_body((kind,))
    return str(part.get_content()) if part else None


@admin.register(Message)
class MessageAdmin(ReadOnly):
    list_display = ["id", "kind", "state", "reservation", "recipient", "attempts", "due_at", "sent_at", "last_error"]
    list_select_related = ["reservation"]
    list_filter = ["state", "kind"]
    search_fields = ["reservation__reference", "recipient", "subject"]
    ordering = ["-id"]
    actions = ["send_again"]
    change_form_template = "admin/message.html"
    change_list_template = "admin/messages.html"
    fieldsets = [
        (None, {"fields": ["kind", "version", "state", "reservation", "notify_request"]}),
        ("Delivery", {"fields": ["attempts", "due", "handled", "sent", "last_error", "journal"]}),
        ("Mail", {"fields": ["recipient", "subject", "as_html", "as_text", "as_sent"]}),
    ]
    readonly_fields = ["due", "handled", "sent", "as_html", "as_text", "as_sent"]

    def get_queryset(self, request: HttpRequest) -> QuerySet[Message]:
        return super().get_queryset(request).defer("raw")

    def get_urls(self) -> list[Any]:
        view = self.admin_site.admin_view
        return [
            path("<int:pk>/html/", picture(view(self.html_view)), name="message_html"),
            path("preview/", view(preview.page), name="message_preview"),
            path("preview/html/", picture(view(preview.html)), name="message_preview_html"),
            path("<int:pk>/send-again/", view(require_POST(self.send_one_again)), name="message_send_again"),
            *super().get_urls(),
        ]

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        row = self.get_object(request, object_id)
        can_send = row is not None and row.state in STUCK and self.may_change(request)
        return super().change_view(request, object_id, form_url, {**(extra_context or {}), "can_send_again": can_send})

    def html_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        """The HTML part alone, for the frame of the message's page."""
        row = get_object_or_404(Message, pk=pk)
        html = part_of(row, "html") if self.has_view_permission(request, row) or self.may_change(request) else None
        if html is None:
            raise Http404
        return HttpResponse(html)

    def send_one_again(self, request: HttpRequest, pk: int) -> HttpResponse:
        self.send_again(request, Message.objects.filter(pk=pk))
        return redirect(reverse("admin:reservations_message_change", args=[pk]))

    def has_send_permission(self, request: HttpRequest) -> bool:
        return self.may_change(request)

    @admin.action(description="Send again what failed or is uncertain", permissions=["send"])
    def send_again(self, request: HttpRequest, queryset: QuerySet[Message]) -> None:
        if not self.may_change(request):
            messages.error(request, "You may look at messages, but not send them.")
            return
        chosen = Message.objects.filter(pk__in=list(queryset.values_list("pk", flat=True)), state__in=STUCK)
        at = clock.now()
        count = sum(
            outbox.owe_again(message=row, at=at, actor=actor(request))
            for row in chosen.select_related("reservation").defer("raw")
        )
        messages.success(request, f"Owed again: {count}. The worker sends within seconds.")

    @admin.display(description="Due")
    def due(self, row: Message) -> str:
        return tables.instant(row.due_at)

    @admin.display(description="Handled")
    def handled(self, row: Message) -> str:
        return tables.instant(row.handled_at) or "-"

    @admin.display(description="Sent")
    def sent(self, row: Message) -> str:
        return tables.instant(row.sent_at) or "-"

    @admin.display(description="As its reader sees it")
    def as_html(self, row: Message) -> str:
        if part_of(row, "html") is None:
            return "No HTML part." if row.raw else "Not sent yet."
        url = reverse("admin:message_html", args=[row.pk])
        return format_html('<iframe class="mail" title="The mail" src="{}" sandbox></iframe>', url)

    @admin.display(description="Text part")
    def as_text(self, row: Message) -> str:
        return _folded("Show the text", part_of(row, "plain"))

    @admin.display(description="Exactly as sent")
    def as_sent(self, row: Message) -> str:
        return _folded("Show the source", row.raw)


def _folded(title: str, text: str | None) -> SafeString:
    if not text:
        return SafeString("-")
    return format_html("<details><summary>{}</summary><pre>{}</pre></details>", title, text)
