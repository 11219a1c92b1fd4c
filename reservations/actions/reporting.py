"""What mail servers report of our mails."""

from __future__ import annotations

from datetime import datetime

from django.db import transaction

from reservations.actions import inviting, lines
from reservations.gateways.bounces import BOUNCED, COMPLAINED, Report
from reservations.models import Event, Message


@transaction.atomic
def take_report(*, report: Report, at: datetime) -> bool:
    """Note it, once. False: it is about no mail that was sent, or says nothing that is not known.

    Who reports must know the identifier of the mail, which stands in that mail alone.
    """
    message = Message.objects.filter(pk=report.message_number).select_related("reservation").first()
    if message is None or f"Message-ID: {report.message_id}" not in message.raw:
        return False
    if report.kind == BOUNCED:
        noted = inviting.bounce(message=message, at=at)
        Message.objects.filter(pk=message.pk).update(last_error=f"{report.status} {report.diagnostic}".strip()[:300])
    else:
        noted = report.kind == COMPLAINED and not _is_known(message, report)
    if noted and message.reservation is not None:
        facts: dict[str, object] = {"message": message.pk, "kind": message.kind, "status": report.status}
        lines.note(message.reservation, f"mail_{report.kind}", at=at, actor="system", facts=facts)
    return noted


def _is_known(message: Message, report: Report) -> bool:
    """Providers tell the same again and again."""
    told = Event.objects.filter(reservation=message.reservation, action=f"reservation.mail_{report.kind}")
    return told.filter(facts__message=message.pk).exists()
