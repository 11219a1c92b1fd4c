"""The inbox for Stripe's events: kept at once as they came, each once; worked on later, in any order."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

from django.db import transaction

from reservations.actions.tasking import close_tasks, open_task
from reservations.gateways.stripe import Told
from reservations.models import MoneyTask, StripeEvent
from reservations.rules import payments

MOST_TRIES = 12  # with waits that double up to an hour: about six hours


def take(*, told: Told, at: datetime) -> bool:
    """Keep an event. False: it is here already."""
    _, is_new = StripeEvent.objects.get_or_create(
        id=told.id, defaults={"type": told.type[:100], "body": told.body, "received_at": at, "next_at": at}
    )
    return is_new


@transaction.atomic
def due(*, at: datetime, most: int, lease: timedelta) -> Sequence[StripeEvent]:
    """Events to work on now, for this worker alone; for others after the lease, if it dies over them."""
    waiting = StripeEvent.objects.filter(next_at__lte=at).order_by("next_at")
    found = list(waiting.select_for_update(skip_locked=True)[:most])
    StripeEvent.objects.filter(pk__in=[each.pk for each in found]).update(next_at=at + lease)
    return found


def note_done(event: StripeEvent, *, at: datetime) -> None:
    StripeEvent.objects.filter(pk=event.pk).update(
        state=StripeEvent.DONE, done_at=at, next_at=None, tries=event.tries + 1, last_error=""
    )


@transaction.atomic
def note_not_done(event: StripeEvent, *, at: datetime, error: str, is_theirs: bool, base_seconds: int) -> None:
    """It is tried again. After many tries a person is asked, but not where it is Stripe that does not answer."""
    tries = event.tries + (not is_theirs)
    is_poison = tries >= MOST_TRIES
    StripeEvent.objects.filter(pk=event.pk).update(
        state=StripeEvent.POISON if is_poison else StripeEvent.WAITING,
        tries=tries,
        last_error=error[:300],
        next_at=None if is_poison else payments.retry_at(at, tries, base_seconds),
    )
    if is_poison:
        open_task(
            kind=MoneyTask.POISON,
            subject=f"stripe_event:{event.pk}",
            sentence=f"Nothing could be made of {event.type}: {error}",
            fix="read_again",
            at=at,
        )


@transaction.atomic
def read_again(*, event: StripeEvent, at: datetime, actor: str) -> None:
    """Staff let it be tried once more, from the beginning."""
    StripeEvent.objects.filter(pk=event.pk).update(state=StripeEvent.WAITING, tries=0, next_at=at)
    close_tasks(subject=f"stripe_event:{event.pk}", at=at, actor=actor, note="worked on once more")
