"""From an owed message to a mail in the customer's language, handed over once."""

from __future__ import annotations

import logging
from collections.abc import Callable
from datetime import datetime
from urllib.parse import urlsplit

import css_inline
from django.conf import settings
from django.template.loader import render_to_string
from django.utils import translation

from reservations.actions import outbox
from reservations.gateways import mail
from reservations.gateways.journal import Journal
from reservations.models import Message, NotifyRequest, Reservation
from reservations.queries import links, receipts
from reservations.queries.places import people_ahead

log = logging.getLogger(__name__)


def send(*, message: Message, journal: Journal, clock: Callable[[], datetime]) -> None:
    """Write the letter, hand it over, and settle the message whatever comes."""
    try:
        letter = write(message)
        host = urlsplit(settings.SITE_URL).hostname or "localhost"
        composed = mail.compose(letter, message_id_domain=host, at=clock())
        mail.deliver(settings.EMAIL_URL, composed, before_handover=lambda: journal.note(message.pk, message.attempts))
    except mail.NotAccepted as error:
        journal.forget(message.pk, message.attempts)
        outbox.settle_failed(message=message, at=clock(), error=str(error), is_permanent=error.is_permanent)
        return
    except mail.Uncertain as error:
        outbox.settle_uncertain(message=message, error=str(error))
        return
    except Exception as error:  # a template or text of ours: staff see it, the next letters still go
        log.exception("message %s could not be written", message.pk)
        outbox.settle_failed(message=message, at=clock(), error=f"{type(error).__name__}: {error}", is_permanent=False)
        return
    outbox.settle_sent(
        message=message,
        at=clock(),
        recipient=letter.recipient,
        subject=letter.subject,
        raw=composed.as_string(),
    )
    journal.forget(message.pk, message.attempts)


def write(message: Message) -> mail.Mail:
    """The letter of a message, in the language its cause was made in."""
    cause = message.reservation or message.notify_request
    if cause is None:
        raise ValueError(f"message {message.pk} has no cause")
    with translation.override(cause.language):
        context: dict[str, object] = {"site_url": settings.SITE_URL, "language": cause.language, "kind": message.kind}
        if isinstance(cause, Reservation):
            context |= _about_reservation(cause)
        else:
            context |= _about_wish(cause)
        subject = " ".join(render_to_string(f"mail/{message.kind}.subject.txt", context).split())
        context["subject"] = subject
        text = render_to_string(f"mail/{message.kind}.txt", context)
        html = css_inline.inline(render_to_string(f"mail/{message.kind}.html", context))
    headers = {"Auto-Submitted": "auto-generated"}
    if "end_url" in context:
        headers["List-Unsubscribe"] = f"<{context['end_url']}>"
    return mail.Mail(
        sender=settings.EMAIL_SENDER, recipient=cause.email, subject=subject, text=text, html=html, headers=headers
    )


def _about_reservation(reservation: Reservation) -> dict[str, object]:
    return {
        "reservation": reservation,
        "receipt": receipts.read(reservation),
        "people_ahead": people_ahead(reservation),
        "url": settings.SITE_URL + links.reservation_path(reservation),
    }


def _about_wish(wish: NotifyRequest) -> dict[str, object]:
    return {
        "product": wish.product,
        "market": wish.market,
        "confirm_url": settings.SITE_URL + links.wish_path(wish, "confirm"),
        "end_url": settings.SITE_URL + links.wish_path(wish, "end"),
        "product_url": settings.SITE_URL + links.product_path(wish.language, wish.market_id, wish.product.slug),
    }
