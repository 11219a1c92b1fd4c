"""Cancel a reservation, free its units, and give them to whoever waits first."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from django.db import transaction
from django.db.models import F, Value
from django.db.models.functions import Greatest

from reservations.actions.recording import record
from reservations.models import Allotment, CustomerLimit, Hold, Message, Reservation
from reservations.rules import lifecycle


@dataclass(eq=False)
class CannotCancel(Exception):
    """The reservation is in a status from which it cannot be cancelled."""

    status: str


@transaction.atomic
def cancel(*, reservation: Reservation, at: datetime, actor: str, reason: str = "") -> Reservation:
    """Cancel, once: a second cancel of the same reservation changes nothing and answers the same.

    Raises CannotCancel where the lifecycle has no such move.
    """
    held = Reservation.objects.select_related("variant").get(pk=reservation.pk)
    limit = CustomerLimit.objects.select_for_update().filter(
        launch_id=held.launch_id,
        product_id=held.variant.product_id,
        email_key=held.email_key,
        is_sandbox=held.is_sandbox,
    )
    list(limit)  # the order of locks is that of reserving: limit, allotment, then reservations
    allotment = Allotment.objects.select_for_update().filter(pk=held.allotment_id)
    list(allotment)
    before = Reservation.objects.select_for_update().get(pk=held.pk).status
    if not lifecycle.may_move(before, lifecycle.CANCELLED):
        if before != lifecycle.CANCELLED:
            raise CannotCancel(before)
        return held
    Reservation.objects.filter(pk=held.pk, status=before).update(status=lifecycle.CANCELLED, cancelled_at=at)
    limit.update(quantity=Greatest(F("quantity") - held.quantity, Value(0)))
    if before == lifecycle.WAITLISTED:
        allotment.update(waiting=F("waiting") - 1, cancelled=F("cancelled") + 1)
    else:
        allotment.update(held=F("held") - held.quantity, cancelled=F("cancelled") + 1)
    Hold.objects.filter(reservation=held, released_at=None).update(released_at=at)
    held.refresh_from_db()
    _note(held, action="reservation.cancelled", kind=lifecycle.CANCELLED, at=at, actor=actor, reason=reason)
    promote(allotment_id=held.allotment_id, at=at)
    return held


def promote(*, allotment_id: int, at: datetime) -> list[Reservation]:
    """Confirm those who wait, in order of place, while the first of them fits. Call it in the freeing transaction."""
    allotment = Allotment.objects.select_for_update().get(pk=allotment_id)
    promoted = []
    free = allotment.capacity - allotment.held
    waiting = Reservation.objects.filter(allotment=allotment, status=lifecycle.WAITLISTED).order_by("place_number")
    for entry in waiting[:free]:
        if entry.quantity > free:
            break
        Reservation.objects.filter(pk=entry.pk, status=lifecycle.WAITLISTED).update(
            status=lifecycle.CONFIRMED, confirmed_at=at
        )
        Allotment.objects.filter(pk=allotment_id).update(held=F("held") + entry.quantity, waiting=F("waiting") - 1)
        free -= entry.quantity
        entry.refresh_from_db()
        _note(entry, action="reservation.promoted", kind="promoted", at=at, actor="system", reason="a place was freed")
        promoted.append(entry)
    return promoted


def _note(reservation: Reservation, *, action: str, kind: str, at: datetime, actor: str, reason: str) -> None:
    record(
        at=at,
        actor=actor,
        action=action,
        subject=f"reservation:{reservation.reference}",
        reservation=reservation,
        facts={"place": reservation.place_number},
        reason=reason,
    )
    if not reservation.is_sandbox:
        Message.objects.create(reservation=reservation, kind=kind, due_at=at)
