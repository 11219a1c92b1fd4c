"""What a mail provider tells of our mails by webhook. Anymail knows each provider's events and proofs.

Those providers are taken whose events name the Message-ID of a mail that was handed over by SMTP, by which a message
is known (`bounces.OWN_ID`).
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from anymail.exceptions import AnymailWebhookValidationFailure
from anymail.signals import AnymailTrackingEvent, EventType
from anymail.webhooks.base import AnymailCoreWebhookView
from anymail.webhooks.brevo import BrevoTrackingWebhookView
from anymail.webhooks.mailgun import MailgunTrackingWebhookView

from reservations.gateways.bounces import BOUNCED, COMPLAINED, DELAYED, DELIVERED, MOST_WORDS, OWN_ID, Report

if TYPE_CHECKING:
    from django.http import HttpRequest

PROVIDERS: dict[str, type[AnymailCoreWebhookView]] = {
    "brevo": BrevoTrackingWebhookView,
    "mailgun": MailgunTrackingWebhookView,
}
_KINDS = {
    EventType.BOUNCED: BOUNCED,
    EventType.REJECTED: BOUNCED,
    EventType.FAILED: BOUNCED,
    EventType.DEFERRED: DELAYED,
    EventType.DELIVERED: DELIVERED,
    EventType.COMPLAINED: COMPLAINED,
}
_STATUS = re.compile(r"\b[245]\.\d{1,3}\.\d{1,3}\b")
# What Anymail raises on a body that is not as the provider writes it.
_UNREADABLE = (AttributeError, LookupError, TypeError, ValueError)


class NotFromProvider(Exception):
    """Whoever asks has not shown that it is the provider."""


class Unreadable(Exception):
    """It is from the provider, and nothing that we can read."""


def read(request: HttpRequest, *, provider: str) -> list[Report]:
    """What became of mails of ours; events about anything else are left out. Raises NotFromProvider, Unreadable."""
    view = PROVIDERS[provider]()
    try:
        view.run_validators(request)
    except AnymailWebhookValidationFailure as error:
        raise NotFromProvider from error
    try:
        events = view.parse_events(request)
        return [report for event in events if (report := _report(event))]
    except _UNREADABLE as error:
        raise Unreadable from error


def _report(event: AnymailTrackingEvent) -> Report | None:
    kind, found = _KINDS.get(event.event_type), OWN_ID.fullmatch(event.message_id or "")
    if kind is None or found is None:
        return None
    said = " ".join(str(event.mta_response or event.description or "").split())[:MOST_WORDS]
    status = _STATUS.search(said)
    return Report(
        message_number=int(found[1]),
        message_id=found[0],
        kind=kind,
        status=status[0][:9] if status else "",
        diagnostic="".join(letter for letter in said if letter.isprintable()),
    )
