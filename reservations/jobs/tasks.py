"""The tasks and their names."""

from __future__ import annotations

import logging
from datetime import UTC, datetime

from celery import shared_task
from django.conf import settings

from reservations.actions import checking, deciding, notifying, outbox
from reservations.gateways.journal import Journal
from reservations.jobs import letters
from reservations.models import Message
from reservations.queries.books import find_broken

log = logging.getLogger(__name__)
RELAY_BATCH = 100
MOST_FINDINGS = 20  # of each invariant: enough to see what is wrong, and the log stays small


def _now() -> datetime:
    return datetime.now(UTC)


@shared_task(name="reservations.relay_outbox")
def relay_outbox() -> None:
    """Hand everything due to workers, in batches. What cannot be handed over is found again by the sweep."""
    while ids := outbox.queue_due(at=_now(), most=RELAY_BATCH):
        send_messages.delay(ids)


@shared_task(name="reservations.send_messages")
def send_messages(ids: list[int]) -> None:
    """Send what is still queued of a batch."""
    journal = Journal(settings.OUTBOX_JOURNAL_DIR)
    for message_id in ids:
        message = outbox.take(message_id=message_id, journal=journal.name, at=_now())
        if message is not None:
            letters.send(message=message, journal=journal, clock=_now)


@shared_task(name="reservations.sweep_outbox")
def sweep_outbox() -> None:
    """Find what a crash or an emptied broker left behind."""
    outbox.find_lost_in_queue(at=_now(), queued_seconds=settings.OUTBOX_QUEUED_SECONDS)
    journal = Journal(settings.OUTBOX_JOURNAL_DIR)
    for message in outbox.leases_run_out(at=_now(), lease_seconds=settings.OUTBOX_LEASE_SECONDS):
        _resolve(message, journal)


def _resolve(message: Message, journal: Journal) -> None:
    if message.journal == journal.name and not journal.knows(message.pk, message.attempts):
        outbox.owe_again(message=message, at=_now())
        return
    log.warning("message %s may have been sent: staff decide", message.pk)
    outbox.settle_uncertain(message=message, error="The worker died after the hand-over began.")


@shared_task(name="reservations.refresh_decisions")
def refresh_decisions() -> None:
    """Decide again where a date has passed."""
    deciding.refresh_due_decisions(at=_now())


@shared_task(name="reservations.tell_opened")
def tell_opened() -> None:
    """Tell those who asked to be told."""
    notifying.tell_opened(at=_now())


@shared_task(name="reservations.check_invariants")
def check_invariants() -> None:
    """Check the books, call out what is broken, and log that they were checked."""
    at = _now()
    broken = find_broken(most=MOST_FINDINGS)
    for each in broken:
        log.error("the books are broken: %s", each)
    checking.note_check(broken=broken, at=at)
