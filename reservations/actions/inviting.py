"""Invitations: who is asked to order, until when, who is reminded, who lapses, and who orders.

The clock of an invitation runs only from its delivery, and nobody lapses without a delivered reminder; both are known
from the outbox (`Message`), which the sweep looks into. A bounce stops the clock until there is another address.
"""

from __future__ import annotations

import uuid
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from django.db import transaction
from django.db.models import F, Max, Q

from reservations.actions import lines
from reservations.actions.handing import hand_over
from reservations.actions.lines import ASKED, INVITED, REMINDER, TEXTED
from reservations.actions.owing import owe, withdraw
from reservations.actions.refunding import held_money
from reservations.actions.sizing import SizeMissing, is_open
from reservations.models import Allotment, Invitation, Message, Reservation, ShipEstimate, Wave
from reservations.rules import inviting, lifecycle, payments, telephones

ORDERED = "ordered"
TOGETHER = 500
# Once its time is over, nobody lapses whose payment may still arrive: `jobs/cashier.py` closes the page first.
_IS_PAYING = Q(ends_at__lte=F("next_at"), reservation__payments__state__in=payments.UNDER_WAY)


class TooLate(Exception):
    """A lapse can be put back only for some days."""


class DeadlineHasPassed(Exception):
    """The invitation has ended; its place went to the next."""


@dataclass(frozen=True)
class Followed:
    """How many invitations were found delivered, how many reminded, and how many lapsed."""

    delivered: int = 0
    reminded: int = 0
    lapsed: int = 0


def invite(rows: Sequence[Reservation], *, wave: Wave, at: datetime, actor: str) -> None:
    """Invite locked reservations of one launch to order. Call it in the transaction that locked them."""
    numbers = _next_numbers(rows)
    lines.move(rows, lifecycle.INVITED, at=at, actor=actor, facts={"wave": wave.number}, wave=wave, expires_at=None)
    # Whether to wait is answered by the invitation, which may be declined.
    ShipEstimate.objects.filter(reservation__in=[row.pk for row in rows], must_choose=True).update(must_choose=False)
    versions = owe(rows, kind=INVITED, at=at)
    Invitation.objects.bulk_create(
        Invitation(
            reservation=row,
            number=numbers[row.pk],
            wave=wave,
            hours=row.launch.invitation_hours,
            invited_at=at,
            message_version=versions.get(row.pk, 1),
            # The sandbox is sent no mail: there the clock runs at once.
            **(_started(row.launch.invitation_hours, at) if row.is_sandbox else {}),
        )
        for row in rows
    )
    for row in rows:
        if row.is_sandbox:
            _follow_deadline(row.invitations.get(ended_at=None))


def _started(hours: int, at: datetime) -> dict[str, object]:
    clock = inviting.Clock(delivered_at=at, hours=hours, reminders=0, reminded_at=None)
    return {"delivered_at": at, "ends_at": clock.ends_at, "next_at": clock.next_at()}


def _next_numbers(rows: Iterable[Reservation]) -> dict[object, int]:
    known = Invitation.objects.filter(reservation__in=[row.pk for row in rows]).order_by()
    last = dict(known.values_list("reservation_id").annotate(Max("number")))
    return {row.pk: last.get(row.pk, 0) + 1 for row in rows}


def follow(*, at: datetime, can_text: bool = False) -> Followed:
    """The sweep: start the clocks of what was delivered, remind, and let lapse what is due.

    Who is reminded is texted too, where there is somebody who takes texts and the number is known.
    """
    delivered = _start_clocks(at) + _note_reminders(at)
    reminded = lapsed = 0
    due = Invitation.objects.filter(ended_at=None, next_at__lte=at).exclude(_IS_PAYING).order_by("next_at", "id")
    while found := list(due.values_list("pk", "reservation_id")[:TOGETHER]):
        done = _do_what_is_due([pk for _, pk in found], at, can_text)
        reminded, lapsed = reminded + done[0], lapsed + done[1]
    return Followed(delivered, reminded, lapsed)


@transaction.atomic
def _start_clocks(at: datetime) -> int:
    """Of invitations whose mail a server has taken since the last look."""
    waiting = Invitation.objects.filter(ended_at=None, delivered_at=None, bounced_at=None).filter(
        reservation__messages__kind=INVITED,
        reservation__messages__version=F("message_version"),
        reservation__messages__state=Message.SENT,
        reservation__messages__bounced_at=None,
    )
    found = list(waiting.select_for_update(of=("self",)).annotate(sent_at=F("reservation__messages__sent_at")))
    for each in found:
        for name, value in _started(each.hours, each.sent_at).items():
            setattr(each, name, value)
    _store(found)
    return len(found)


def _store(found: Sequence[Invitation]) -> None:
    Invitation.objects.bulk_update(
        found, ["delivered_at", "ends_at", "next_at", "reminders", "reminded_at", "bounced_at"], batch_size=TOGETHER
    )
    for each in found:
        _follow_deadline(each)


def _follow_deadline(each: Invitation) -> None:
    Reservation.objects.filter(pk=each.reservation_id).update(expires_at=each.ends_at)


@transaction.atomic
def _note_reminders(at: datetime) -> int:
    """A reminder that a server has taken lets the invitation lapse at its end."""
    waiting = Invitation.objects.filter(ended_at=None, reminders__gt=0, delivered_at__isnull=False).filter(
        reservation__messages__kind=REMINDER,
        reservation__messages__state=Message.SENT,
        reservation__messages__bounced_at=None,
        reservation__messages__sent_at__gt=F("delivered_at"),
    )
    waiting = waiting.annotate(sent_at=Max("reservation__messages__sent_at"))
    fresh = {each.pk: each.sent_at for each in waiting if each.reminded_at is None or each.reminded_at < each.sent_at}
    found = list(Invitation.objects.select_for_update().filter(pk__in=fresh, ended_at=None))
    for each in found:
        each.reminded_at = fresh[each.pk]
        clock = clock_of(each)
        each.ends_at, each.next_at = clock.ends_at, clock.next_at()
    _store(found)
    return 0


def clock_of(each: Invitation) -> inviting.Clock:
    """The clock of an invitation that was delivered."""
    assert each.delivered_at is not None
    return inviting.Clock(
        delivered_at=each.delivered_at, hours=each.hours, reminders=each.reminders, reminded_at=each.reminded_at
    )


@transaction.atomic
def _do_what_is_due(pks: Sequence[uuid.UUID], at: datetime, can_text: bool) -> tuple[int, int]:
    """One batch under its locks. What is no longer due, since somebody was faster, is left alone."""
    rows = {row.pk: row for row in lines.lock(pks) if row.status == lifecycle.INVITED}
    found = list(Invitation.objects.filter(reservation__in=rows, ended_at=None, next_at__lte=at).exclude(_IS_PAYING))
    steps = defaultdict(list)
    for each in found:
        steps[clock_of(each).step(at)].append(each)
    _remind(steps[inviting.REMIND], rows, at, can_text)
    for each in steps[None]:  # its clock was changed: look again when it says
        each.next_at = clock_of(each).next_at()
    _store(steps[None])
    lapsed = [rows[each.reservation_id] for each in steps[inviting.LAPSE]]
    lines.end(lapsed, lifecycle.EXPIRED, at=at, actor="system", reason="not ordered before the deadline")
    return len(steps[inviting.REMIND]), len(lapsed)


def _remind(found: Sequence[Invitation], rows: dict[uuid.UUID, Reservation], at: datetime, can_text: bool) -> None:
    for each in found:
        each.reminders = clock_of(each).reminders_due(at)
        if rows[each.reservation_id].is_sandbox:
            each.reminded_at = at
        each.next_at = clock_of(each).next_at()
    _store(found)
    reminded = [rows[each.reservation_id] for each in found]
    owe(reminded, kind=REMINDER, at=at)
    if can_text:
        owe([row for row in reminded if telephones.international(row.phone)], kind=TEXTED, at=at)


@transaction.atomic
def bounce(*, message: Message, at: datetime) -> bool:
    """A mail did not arrive. Where it was of an invitation, the clock stops until there is another address."""
    noted = Message.objects.filter(pk=message.pk, bounced_at=None).update(bounced_at=at)
    if not noted or message.reservation_id is None or message.kind not in (INVITED, REMINDER):
        return bool(noted)
    Invitation.objects.filter(reservation=message.reservation_id, ended_at=None).update(
        bounced_at=at, delivered_at=None, ends_at=None, next_at=None, reminders=0, reminded_at=None
    )
    Reservation.objects.filter(pk=message.reservation_id, status=lifecycle.INVITED).update(expires_at=None)
    return True


def invite_again(row: Reservation, *, at: datetime) -> None:
    """To another address: the whole time runs anew from the delivery there. The reservation is locked."""
    withdraw([row], ASKED)
    versions = owe([row], kind=INVITED, at=at)
    Invitation.objects.filter(reservation=row, ended_at=None).update(
        message_version=versions.get(row.pk, 1),
        bounced_at=None,
        delivered_at=None,
        ends_at=None,
        next_at=None,
        reminders=0,
        reminded_at=None,
    )
    Reservation.objects.filter(pk=row.pk).update(expires_at=None)


def check_size(row: Reservation) -> None:
    """Raises SizeMissing where it is to be chosen before the order."""
    if is_open(row) and row.settled_variant_id is None:
        raise SizeMissing


def convert(row: Reservation, *, at: datetime, actor: str) -> None:
    """The order of a locked reservation that is invited and paid, at the price of the receipt; it is handed over."""
    lines.move(
        [row],
        lifecycle.CONVERTED,
        at=at,
        actor=actor,
        facts={"total_minor": row.receipt["total_minor"], "currency": row.currency},
        letter=ORDERED,
        expires_at=None,
    )
    hand_over(row, at=at)


@transaction.atomic
def order(*, reservation: Reservation, at: datetime, actor: str) -> Reservation:
    """The customer takes a place for which nothing is left to pay. A second time changes nothing.

    Raises SizeMissing, DeadlineHasPassed, CannotMove, and what the database says where it is not paid.
    """
    [row] = lines.lock([reservation.pk])
    if row.status == lifecycle.CONVERTED:
        return row
    check_size(row)
    if row.status == lifecycle.EXPIRED or (row.expires_at is not None and row.expires_at <= at):
        raise DeadlineHasPassed
    convert(row, at=at, actor=actor)
    return row


@transaction.atomic
def set_aside(*, reservation: Reservation, at: datetime, actor: str, is_paused: bool = True) -> Reservation:
    """Skip this wave and keep the rank: of one who is invited, or before any invitation.

    `is_paused=False` lets waves reach it again. Raises CannotMove.
    """
    [row] = lines.lock([reservation.pk])
    if row.status == lifecycle.INVITED and is_paused:
        lines.move([row], lifecycle.CONFIRMED, at=at, actor=actor, letter="set_aside", wave=None, expires_at=None)
    elif row.status not in (lifecycle.CONFIRMED, lifecycle.WAITLISTED):
        raise lines.CannotMove(row.reference, row.status, "paused")
    if row.is_paused != is_paused:
        Reservation.objects.filter(pk=row.pk).update(is_paused=is_paused)
        lines.note(row, "paused" if is_paused else "resumed", at=at, actor=actor)
        row.is_paused = is_paused
    return row


@transaction.atomic
def put_back(
    *, reservation: Reservation, at: datetime, actor: str, reason: str, from_reserve: bool = False
) -> Reservation:
    """Undo a lapse: it stands where it stood, so at the head of the next wave. Where no unit is free it waits there.

    `from_reserve` takes the units from those that are kept for support. Raises TooLate, CannotMove, LimitReached.
    """
    [row] = lines.lock([reservation.pk])
    if row.status != lifecycle.EXPIRED:
        raise lines.CannotMove(row.reference, row.status, "put back")
    assert row.ended_at is not None
    if not inviting.may_put_back(row.ended_at, at):
        raise TooLate
    lines.check_limit(row, row.quantity)
    line = Allotment.objects.get(pk=row.allotment_id)
    if from_reserve and line.held_back >= row.quantity and not lines.fits(row, line):
        Allotment.objects.filter(pk=line.pk).update(held_back=F("held_back") - row.quantity)
        line.refresh_from_db()
    has_unit = lines.fits(row, line)
    # What was paid went back at the lapse, and is not asked for again.
    deposit = min(row.receipt.get("deposit_minor", 0), held_money([row]).get(row.pk, 0))
    lines.move(
        [row],
        lifecycle.CONFIRMED if has_unit else lifecycle.WAITLISTED,
        at=at,
        actor=actor,
        reason=reason,
        letter="put_back",
        wave=None,
        expires_at=None,
        ended_at=None,
        confirmed_at=at if has_unit else None,
        receipt={**row.receipt, "deposit_minor": deposit},
    )
    return row
