"""A worker and its batch: take it, write each letter, hand it over, settle. And the sweep, which settles for the dead.

Of a worker that is killed at any point the journal tells how far it came:

    note on the page        mail server            the sweep then
    none                    knows nothing          owes it again
    handed over             may have taken it      calls it uncertain: staff decide
    refused                 did not take it        owes it again
    accepted                has taken it           settles it as sent
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from functools import partial
from urllib.parse import urlsplit

from django.conf import settings

from reservations.actions import outbox
from reservations.gateways import mail
from reservations.gateways.journal import Accepted, Journal, Notes, Page
from reservations.jobs import letters
from reservations.models import Message
from reservations.queries.places import Standing, standings

log = logging.getLogger(__name__)
NOWHERE = Standing(0, "")  # what is about no reservation
LEFT_PAGES_KEPT = timedelta(days=1)  # workers of another database may use the folder too


def send_batch(*, ids: Sequence[int], journal: Journal, clock: Callable[[], datetime]) -> None:
    """Send what is still queued of these. What ends this by an exception leaves the page, as a death does."""
    at = clock()
    with journal.open_page(ids, taken_at=at) as page:
        messages = outbox.take(ids=ids, journal=journal.name, at=at)
        if messages:
            outbox.settle(_send_all(messages, page, clock))


def _send_all(messages: Sequence[Message], page: Page, clock: Callable[[], datetime]) -> list[outbox.Outcome]:
    standing = standings(message.reservation for message in messages if message.reservation)
    with mail.open_post(settings.EMAIL_URL) as post:
        return [
            _send(message, standing[message.reservation.pk] if message.reservation else NOWHERE, post, page, clock)
            for message in messages
        ]


def _send(
    message: Message, standing: Standing, post: mail.Post, page: Page, clock: Callable[[], datetime]
) -> outbox.Outcome:
    """Write the letter and hand it over; what came of it."""
    try:
        letter = letters.write(message, people_ahead=standing.people_ahead, window=standing.window)
        host = urlsplit(settings.SITE_URL).hostname or "localhost"
        composed = mail.compose(letter, message_id_domain=host, at=clock(), number=message.pk)
        post.deliver(composed, before_handover=partial(page.hand_over, message.pk))
    except mail.NotAccepted as error:
        page.refuse(message.pk)
        return outbox.Failed(message=message, at=clock(), error=str(error), is_permanent=error.is_permanent)
    except mail.Uncertain as error:
        return outbox.Uncertain(message=message, error=str(error))
    except Exception as error:  # a template or text of ours: staff see it, the next letters still go
        log.exception("message %s could not be written", message.pk)
        words = f"{type(error).__name__}: {error}"
        if message.pk in page.handed_over:
            return outbox.Uncertain(message=message, error=words)
        return outbox.Failed(message=message, at=clock(), error=words, is_permanent=False)
    accepted = Accepted(
        sent_at=clock(), recipient=letter.recipient, subject=letter.subject, raw=composed.content.decode()
    )
    page.accept(message.pk, accepted)
    return _sent(message, accepted)


def _sent(message: Message, accepted: Accepted) -> outbox.Sent:
    return outbox.Sent(message=message, **vars(accepted))


def sweep(*, journal: Journal, at: datetime) -> None:
    """Find what a crash or an emptied broker left behind."""
    outbox.find_lost_in_queue(at=at, queued_seconds=settings.OUTBOX_QUEUED_SECONDS)
    seconds = settings.OUTBOX_LEASE_SECONDS
    left = outbox.leases_run_out(at=at, lease_seconds=seconds, journal=journal.name)
    notes = journal.read() if left else Notes()
    for message in left:
        _resolve(message, notes if message.journal == journal.name else None, at)
    settled = {(message.pk, message.handled_at) for message in left if message.handled_at}
    journal.forget(settled - notes.held, before=at - LEFT_PAGES_KEPT)


def _resolve(message: Message, notes: Notes | None, at: datetime) -> None:
    """Settle for a worker that died. Without notes, which lie on another machine, nobody knows."""
    assert message.handled_at is not None
    lease = (message.pk, message.handled_at)
    if notes and lease in notes.held:
        return  # it is slow, but it lives
    if notes and lease in notes.accepted:
        outbox.settle([_sent(message, notes.accepted[lease])])
    elif notes and lease not in notes.handed_over:
        outbox.give_back(message=message, at=at)
    else:
        log.warning("message %s may have been sent: staff decide", message.pk)
        outbox.settle([outbox.Uncertain(message=message, error="The worker died after the hand-over began.")])
