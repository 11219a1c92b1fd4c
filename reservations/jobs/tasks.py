"""The tasks and their names."""

from __future__ import annotations

import logging
from datetime import UTC, datetime

from celery import current_app, shared_task
from django.conf import settings

from reservations.actions import checking, estimating, evidence, inviting, notifying, outbox, sweeping
from reservations.gateways.journal import Journal
from reservations.jobs import cashier, dispatch, post_room, reconciling, sending
from reservations.queries.books import find_broken

log = logging.getLogger(__name__)
RELAY_BATCH = 500  # marked in one transaction
MAILS = 100  # one worker's batch
MOST_FINDINGS = 20  # of each invariant: enough to see what is wrong, and the log stays small


def _now() -> datetime:
    return datetime.now(UTC)


@shared_task(name="reservations.relay_outbox")
def relay_outbox() -> None:
    """Hand everything due to workers, in batches. What cannot be handed over is found again by the sweep."""
    with current_app.producer_pool.acquire(block=True) as producer:
        while ids := outbox.queue_due(at=_now(), most=RELAY_BATCH, per_second=settings.EMAIL_PER_SECOND):
            for begin in range(0, len(ids), MAILS):
                send_messages.apply_async((ids[begin : begin + MAILS],), producer=producer)


@shared_task(name="reservations.send_messages")
def send_messages(ids: list[int]) -> None:
    """Send what is still queued of a batch."""
    sending.send_batch(ids=ids, journal=Journal(settings.OUTBOX_JOURNAL_DIR), clock=_now)


@shared_task(name="reservations.sweep_outbox")
def sweep_outbox() -> None:
    """Find what a crash or an emptied broker left behind."""
    sending.sweep(journal=Journal(settings.OUTBOX_JOURNAL_DIR), at=_now())


@shared_task(name="reservations.sweep_gate")
def sweep_gate() -> None:
    """Decide again, and hold or release reservations, where facts have moved or a date has passed."""
    sweeping.sweep(at=_now())


@shared_task(name="reservations.follow_invitations")
def follow_invitations() -> None:
    """Start the clocks of invitations that were delivered, remind, and let lapse."""
    inviting.follow(at=_now(), can_text=bool(settings.SMS_MAIL_DOMAIN))


@shared_task(name="reservations.cancel_unanswered_delays")
def cancel_unanswered_delays() -> None:
    """Cancel where the law asks for consent to a delay and none came."""
    estimating.cancel_unanswered(at=_now())


@shared_task(name="reservations.tell_opened")
def tell_opened() -> None:
    """Tell those who asked to be told."""
    notifying.tell_opened(at=_now())


@shared_task(name="reservations.warn_of_expiry")
def warn_of_expiry() -> None:
    """Tell officers which evidence ends soon."""
    evidence.warn_of_expiry(at=_now())


@shared_task(name="reservations.work_on_money")
def work_on_money() -> None:
    """Stripe's events, payments and refunds whose time has come, and places whose deposit did not."""
    while post_room.work(at=_now()):
        pass
    cashier.work(at=_now())


@shared_task(name="reservations.hand_orders_over")
def hand_orders_over() -> None:
    """Tell the fulfilment endpoint of paid orders."""
    dispatch.work(at=_now())


@shared_task(name="reservations.reconcile")
def reconcile() -> None:
    """Compare Stripe's books with ours. Where Stripe does not answer, the next night does."""
    reconciling.reconcile(at=_now())


@shared_task(name="reservations.check_invariants")
def check_invariants() -> None:
    """Check the books, call out what is broken, and log that they were checked."""
    at = _now()
    broken = find_broken(most=MOST_FINDINGS)
    for each in broken:
        log.error("the books are broken: %s", each)
    checking.note_check(broken=broken, at=at)
