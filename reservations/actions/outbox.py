"""The life of an owed message.

    owed ──queue_due──> queued ──take──> sending ──settle──> sent, failed, uncertain, or owed again after a wait
      ^                   │                 │
      └─find_lost_in_queue┘<───give_back────┘ when its worker died and certainly handed nothing over

A message commits as owed with its cause. The relay queues it and passes its id to the broker, which may lose it. One
worker takes it, with its whole batch: `handled_at` then names the lease, and whatever is settled is settled under the
lease it was taken under. What the worker does is noted in a journal (`gateways/journal.py`), by which the sweep settles
what a dead worker left (ADR 3). Staff can owe again what failed or is uncertain.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db import connection, transaction
from django.db.models import Q, QuerySet, prefetch_related_objects

from reservations.actions.recording import record
from reservations.models import MailPace, Message
from reservations.rules.pace import allowance, handed_over

MOST_ATTEMPTS = 12
FIRST_WAIT_SECONDS, LONGEST_WAIT_SECONDS = 5, 3600
FOREIGN_LEASES = 10  # so many leases another machine has to look into its journal itself
# All that a letter is made of, each in one query for a whole batch.
CAUSES = (
    "reservation__variant__product",
    "reservation__market",
    "reservation__wording",
    "reservation__acceptances__wording",
    "notify_request__product",
    "notify_request__market",
    "warning__evidence__requirement",
    "warning__officer",
)


@dataclass(frozen=True, kw_only=True)
class Sent:
    """The mail server took it."""

    message: Message
    sent_at: datetime
    recipient: str
    subject: str
    raw: str


@dataclass(frozen=True, kw_only=True)
class Failed:
    """Nothing was accepted."""

    message: Message
    at: datetime
    error: str
    is_permanent: bool


@dataclass(frozen=True, kw_only=True)
class Uncertain:
    """Nobody can say whether the mail server took it: staff decide."""

    message: Message
    error: str


Outcome = Sent | Failed | Uncertain


@transaction.atomic
def queue_due(*, at: datetime, most: int = 100, per_second: int | None = None) -> list[int]:
    """Mark due messages as queued and return their ids, by lane and then oldest first. Relays share them out.

    `per_second` is what the mail provider takes; None: any number. A crash of the database may forget the mark: the
    message is owed still, and whoever holds its id cannot take it.
    """
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute("SET LOCAL synchronous_commit = off")
    pace = _locked_pace() if per_second else None
    if pace and per_second:
        most = min(most, allowance(free_at=pace.free_at, at=at, per_second=per_second))
    due = _lock(Message.objects.filter(state=Message.OWED, due_at__lte=at).order_by("lane", "due_at", "id"))
    ids = list(due.values_list("id", flat=True)[:most])
    Message.objects.filter(id__in=ids, state=Message.OWED).update(state=Message.QUEUED, handled_at=at)
    if pace and per_second and ids:
        pace.free_at = handed_over(free_at=pace.free_at, at=at, count=len(ids), per_second=per_second)
        pace.save(update_fields=["free_at"])
    return ids


def _locked_pace() -> MailPace:
    MailPace.objects.get_or_create(id=1)
    return MailPace.objects.select_for_update().get(id=1)


def take(*, ids: Sequence[int], journal: str, at: datetime) -> list[Message]:
    """Lease to this worker those that are still queued, in the order of their ids, with their causes."""
    with transaction.atomic():
        taken = list(_lock(Message.objects.filter(pk__in=ids, state=Message.QUEUED).order_by("pk")))
        lease = {"state": Message.SENDING, "journal": journal, "handled_at": at}
        Message.objects.filter(pk__in=[message.pk for message in taken]).update(**lease)
    for message in taken:
        message.state, message.journal, message.handled_at = Message.SENDING, journal, at
    prefetch_related_objects(taken, *CAUSES)
    return taken


def _lock(messages: QuerySet[Message]) -> QuerySet[Message]:
    """Without those that somebody else is about to change; on SQLite one transaction writes at a time."""
    if connection.features.has_select_for_update_skip_locked:
        return messages.select_for_update(skip_locked=True)
    return messages


@transaction.atomic
def settle(outcomes: Sequence[Outcome]) -> None:
    """Store what came of a batch."""
    _settle_sent([outcome for outcome in outcomes if isinstance(outcome, Sent)])
    for outcome in outcomes:
        if isinstance(outcome, Failed):
            _settle_failed(outcome)
        elif isinstance(outcome, Uncertain):
            _leased(outcome.message).update(state=Message.UNCERTAIN, last_error=outcome.error[:300])


def _settle_sent(sent: Sequence[Sent]) -> None:
    """One statement, sent many times at once. It also settles what the sweep had to call uncertain meanwhile."""
    statement = (
        f"UPDATE {Message._meta.db_table} SET state = %s, sent_at = %s, recipient = %s, subject = %s, raw = %s, "  # noqa: S608
        "last_error = '' WHERE id = %s AND handled_at = %s AND state IN (%s, %s)"
    )
    adapt = connection.ops.adapt_datetimefield_value
    rows = [
        (
            *(Message.SENT, adapt(each.sent_at), each.recipient, each.subject[:300], each.raw),
            *(each.message.pk, adapt(each.message.handled_at), Message.SENDING, Message.UNCERTAIN),
        )
        for each in sent
    ]
    with connection.cursor() as cursor:
        cursor.executemany(statement, rows)


def _settle_failed(outcome: Failed) -> None:
    """Owe it again after a growing, jittered wait; give it to staff when it cannot be sent or was tried too often."""
    attempts = outcome.message.attempts + 1
    gives_up = outcome.is_permanent or attempts >= MOST_ATTEMPTS
    _leased(outcome.message).update(
        state=Message.FAILED if gives_up else Message.OWED,
        attempts=attempts,
        due_at=outcome.at + wait_before(attempts, random.random()),  # noqa: S311  (spreads load, guards nothing)
        last_error=outcome.error[:300],
    )


def _leased(message: Message) -> QuerySet[Message]:
    """The message, as long as it is under the lease that we know."""
    return Message.objects.filter(pk=message.pk, state=Message.SENDING, handled_at=message.handled_at)


def wait_before(attempts: int, share: float) -> timedelta:
    """Exponential backoff with jitter: `share` in [0, 1) chooses between half the wait and the whole of it."""
    whole = min(FIRST_WAIT_SECONDS * 2 ** (attempts - 1), LONGEST_WAIT_SECONDS)
    return timedelta(seconds=whole / 2 + whole / 2 * share)


def find_lost_in_queue(*, at: datetime, queued_seconds: int) -> int:
    """Owe again what was queued and never taken: the broker lost it, or a worker died before it came to it."""
    return Message.objects.filter(state=Message.QUEUED, handled_at__lte=at - timedelta(seconds=queued_seconds)).update(
        state=Message.OWED
    )


def leases_run_out(*, at: datetime, lease_seconds: int, journal: str) -> list[Message]:
    """Messages whose batch was taken long ago; those of other machines once these had their time."""
    lease = timedelta(seconds=lease_seconds)
    is_ours = Q(journal=journal, handled_at__lte=at - lease)
    is_old = Q(handled_at__lte=at - lease * FOREIGN_LEASES)
    return list(Message.objects.filter(is_ours | is_old, state=Message.SENDING))


def give_back(*, message: Message, at: datetime) -> None:
    """Owe again what a dead worker certainly did not hand over."""
    _leased(message).update(state=Message.OWED, due_at=at, journal="")


@transaction.atomic
def owe_again(*, message: Message, at: datetime, actor: str) -> bool:
    """Send it once more because staff said so."""
    moved = Message.objects.filter(pk=message.pk, state__in=[Message.FAILED, Message.UNCERTAIN]).update(
        state=Message.OWED, due_at=at, journal=""
    )
    if moved:
        record(
            at=at,
            actor=actor,
            action="message.owed_again",
            subject=f"message:{message.pk}",
            reservation=message.reservation,
        )
    return bool(moved)
