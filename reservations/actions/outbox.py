"""The states of owed messages: queued, taken by a worker, settled, and found again after a crash."""

from __future__ import annotations

import random
from datetime import datetime, timedelta

from django.db import connection, transaction

from reservations.actions.recording import record
from reservations.models import Message

MOST_ATTEMPTS = 12
FIRST_WAIT_SECONDS, LONGEST_WAIT_SECONDS = 5, 3600


@transaction.atomic
def queue_due(*, at: datetime, most: int = 100) -> list[int]:
    """Mark due messages as queued and return their ids, oldest first. Relays that run at once share them out."""
    due = Message.objects.filter(state=Message.OWED, due_at__lte=at).order_by("due_at", "id")
    if connection.features.has_select_for_update_skip_locked:
        due = due.select_for_update(skip_locked=True)
    ids = list(due.values_list("id", flat=True)[:most])
    Message.objects.filter(id__in=ids, state=Message.OWED).update(state=Message.QUEUED, handled_at=at)
    return ids


def take(*, message_id: int, journal: str, at: datetime) -> Message | None:
    """Lease a queued message to this worker; None when another has it or it is settled."""
    taken = Message.objects.filter(pk=message_id, state=Message.QUEUED).update(
        state=Message.SENDING, journal=journal, handled_at=at
    )
    if not taken:
        return None
    return Message.objects.select_related("reservation", "notify_request").get(pk=message_id)


def settle_sent(*, message: Message, at: datetime, recipient: str, subject: str, raw: str) -> None:
    """The mail server took it."""
    Message.objects.filter(pk=message.pk, state=Message.SENDING).update(
        state=Message.SENT, sent_at=at, recipient=recipient, subject=subject, raw=raw, last_error=""
    )


def settle_failed(*, message: Message, at: datetime, error: str, is_permanent: bool) -> None:
    """Owe it again after a growing, jittered wait; give it to staff when it cannot be sent or was tried too often."""
    attempts = message.attempts + 1
    gives_up = is_permanent or attempts >= MOST_ATTEMPTS
    Message.objects.filter(pk=message.pk, state=Message.SENDING).update(
        state=Message.FAILED if gives_up else Message.OWED,
        attempts=attempts,
        due_at=at + wait_before(attempts, random.random()),  # noqa: S311  (spreads load, guards nothing)
        last_error=error[:300],
    )


def settle_uncertain(*, message: Message, error: str) -> None:
    """Nobody can say whether the mail server took it: staff decide."""
    Message.objects.filter(pk=message.pk, state=Message.SENDING).update(state=Message.UNCERTAIN, last_error=error[:300])


def wait_before(attempts: int, share: float) -> timedelta:
    """Exponential backoff with jitter: `share` in [0, 1) chooses between half the wait and the whole of it."""
    whole = min(FIRST_WAIT_SECONDS * 2 ** (attempts - 1), LONGEST_WAIT_SECONDS)
    return timedelta(seconds=whole / 2 + whole / 2 * share)


def find_lost_in_queue(*, at: datetime, queued_seconds: int) -> int:
    """Owe again what was queued and never taken: the broker lost it, or a worker died before it came to it."""
    return Message.objects.filter(state=Message.QUEUED, handled_at__lte=at - timedelta(seconds=queued_seconds)).update(
        state=Message.OWED
    )


def leases_run_out(*, at: datetime, lease_seconds: int) -> list[Message]:
    """Messages whose worker has not answered within its lease."""
    return list(Message.objects.filter(state=Message.SENDING, handled_at__lte=at - timedelta(seconds=lease_seconds)))


@transaction.atomic
def owe_again(*, message: Message, at: datetime, actor: str = "system") -> bool:
    """Send it once more: after a crash that came before the hand-over, or because staff said so."""
    moved = Message.objects.filter(
        pk=message.pk, state__in=[Message.SENDING, Message.FAILED, Message.UNCERTAIN]
    ).update(state=Message.OWED, due_at=at, journal="")
    if moved and actor != "system":
        record(
            at=at,
            actor=actor,
            action="message.owed_again",
            subject=f"message:{message.pk}",
            reservation=message.reservation,
        )
    return bool(moved)
