"""Lines: what is locked in which order, and the one way in which a status moves.

Whoever changes a reservation that exists locks it here: first the limits of the customers by their key, then the lines
by id, then the reservations by id. It is the order of reserving (`claiming.py`), so that nobody waits in a circle.
"""

from __future__ import annotations

import uuid
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db import transaction
from django.db.models import F, Q, QuerySet

from reservations.actions.handing import take_back
from reservations.actions.owing import owe, withdraw
from reservations.actions.recording import record
from reservations.actions.refunding import give_back_all, held_money
from reservations.actions.wishes import LimitReached
from reservations.models import Allotment, CustomerLimit, Event, Hold, Invitation, Reservation
from reservations.rules import lifecycle, payments

TOGETHER = 1000
FREED, RAISED = "a place was freed", "the capacity was raised"
_TRIES = 5
# Letters; ASKED are no longer true once an invitation has ended.
AWAITING_PAYMENT, PROMOTED = "awaiting_payment", "promoted"
ASKED = INVITED, REMINDER, TEXTED = "invited", "reminder", "texted"
# How an invitation ends when its reservation leaves the status.
_OUTCOMES = {
    lifecycle.CONVERTED: "ordered",
    lifecycle.EXPIRED: "lapsed",
    lifecycle.CONFIRMED: "set_aside",
    lifecycle.CANCELLED: "cancelled",
    lifecycle.REVOKED: "revoked",
}


@dataclass(eq=False)
class CannotMove(Exception):
    """The lifecycle has no move from the status that a reservation has."""

    reference: str
    status: str
    wanted: str


class _WentElsewhere(Exception):
    """It changed line or customer between being looked at and being locked."""


def lock(pks: Iterable[uuid.UUID], *, lines: Iterable[int] = (), customers: Iterable[str] = ()) -> list[Reservation]:
    """The reservations as they are now, in the order of their lines, with everything that moving them changes locked.

    `lines` and `customers` (e-mail keys) are locked beside their own. Call it inside a transaction.
    """
    wanted = sorted(pks)
    for _ in range(_TRIES):
        try:
            with transaction.atomic():
                return _lock(wanted, set(lines), set(customers))
        except _WentElsewhere:
            continue  # the savepoint let go of what was locked for nothing
    raise CannotMove(", ".join(map(str, wanted[:3])), "changing", "locked")


def _lock(wanted: Sequence[uuid.UUID], lines: set[int], customers: set[str]) -> list[Reservation]:
    seen = {
        pk: (allotment_id, customer)
        for pk, allotment_id, customer in Reservation.objects.filter(pk__in=wanted).values_list(
            "pk", "allotment_id", "email_key"
        )
    }
    lines |= {allotment_id for allotment_id, _ in seen.values()}
    sold = set(Allotment.objects.filter(pk__in=lines).values_list("launch_id", "variant__product_id"))
    keys = customers | {customer for _, customer in seen.values()}
    # Both as well as the key: the index begins with them.
    limits = CustomerLimit.objects.filter(
        launch__in={launch for launch, _ in sold}, product__in={product for _, product in sold}, email_key__in=keys
    )
    list(limits.order_by("launch_id", "product_id", "email_key", "is_sandbox").select_for_update().values_list("pk"))
    list(Allotment.objects.filter(pk__in=lines).order_by("pk").select_for_update().values_list("pk"))
    rows = lock_rows(wanted)
    if any(seen[row.pk] != (row.allotment_id, row.email_key) for row in rows):
        raise _WentElsewhere
    return rows


def lock_rows(pks: Iterable[uuid.UUID]) -> list[Reservation]:
    """Reservations as they are now, in the order of their lines. Their lines are locked already, or need no lock."""
    rows = Reservation.objects.filter(pk__in=list(pks)).select_related("variant", "launch", "market")
    locked = list(rows.select_for_update(of=("self",)).order_by("pk"))
    return sorted(locked, key=lambda row: (row.allotment_id, row.rank))


def move(
    rows: Sequence[Reservation],
    after: str,
    *,
    at: datetime,
    actor: str,
    reason: str = "",
    facts: dict[str, object] | None = None,
    letter: str = "",
    **columns: object,
) -> None:
    """Move locked reservations to a status, with counters, limits, holds, invitations, log and letters.

    `columns` are set beside it; `letter` is the kind they are told by. The rows given are changed too.
    Raises CannotMove, and then nothing has happened.
    """
    if not rows:
        return
    for row in rows:
        if not lifecycle.may_move(row.status, after):
            raise CannotMove(row.reference, row.status, after)
    if after in lifecycle.GONE:
        columns["ended_at"] = at
    for before in {row.status for row in rows}:
        same = [row.pk for row in rows if row.status == before]
        moved = Reservation.objects.filter(pk__in=same, status=before).update(status=after, **columns)
        assert moved == len(same), "somebody moved a locked reservation"
    _count(rows, after)
    _close(rows, after, at)
    _log(rows, after, at=at, actor=actor, reason=reason, facts=facts or {})
    for row in rows:
        row.status = after
        for name, value in columns.items():
            setattr(row, name, value)
    if letter:
        owe(rows, kind=letter, at=at)


def _count(rows: Sequence[Reservation], after: str) -> None:
    """The lines' counters and the customers' limits follow."""
    held: Counter[int] = Counter()
    waiting: Counter[int] = Counter()
    gone: Counter[int] = Counter()
    units: Counter[tuple[int, int, str, bool]] = Counter()
    for row in rows:
        is_now, was = lifecycle.counts(after, row.quantity), lifecycle.counts(row.status, row.quantity)
        held[row.allotment_id] += is_now[0] - was[0]
        waiting[row.allotment_id] += is_now[1] - was[1]
        gone[row.allotment_id] += is_now[2] - was[2]
        customer = (row.launch_id, row.variant.product_id, row.email_key, row.is_sandbox)
        units[customer] += row.quantity * ((after in lifecycle.LIVE) - (row.status in lifecycle.LIVE))
    for pk in sorted(pk for pk in held if held[pk] or waiting[pk] or gone[pk]):
        Allotment.objects.filter(pk=pk).update(
            held=F("held") + held[pk], waiting=F("waiting") + waiting[pk], gone=F("gone") + gone[pk]
        )
    for customer, change in units.items():
        if change:
            count_units(customer, change)


def count_units(customer: tuple[int, int, str, bool], change: int) -> None:
    """Add to (or take from) what counts against a customer's limit: launch, product, e-mail key, sandbox."""
    launch_id, product_id, email_key, is_sandbox = customer
    same = {"launch_id": launch_id, "product_id": product_id, "email_key": email_key, "is_sandbox": is_sandbox}
    if not CustomerLimit.objects.filter(**same).update(quantity=F("quantity") + change):
        CustomerLimit.objects.create(**same, quantity=change)


def _close(rows: Sequence[Reservation], after: str, at: datetime) -> None:
    """What was open and ends with the status; letters that would no longer be true are not sent."""
    invited = [row.pk for row in rows if row.status == lifecycle.INVITED]
    if invited:
        Invitation.objects.filter(reservation__in=invited, ended_at=None).update(
            ended_at=at, outcome=_OUTCOMES[after], next_at=None
        )
        withdraw([row for row in rows if row.pk in set(invited)], ASKED)
    withdraw([row for row in rows if row.status == lifecycle.AWAITING_PAYMENT], [AWAITING_PAYMENT])
    if after in lifecycle.GONE:
        give_back_all(rows, at=at)
        take_back([row for row in rows if row.status == lifecycle.CONVERTED], at=at)
        pairs = {row.pair for row in rows if row.pair}
        Reservation.objects.filter(pair__in=pairs).update(pair=None)  # who is left of a pair goes on alone
        Hold.objects.filter(reservation__in=[row.pk for row in rows], released_at=None).update(released_at=at)
        withdraw(rows)


def _log(
    rows: Sequence[Reservation], after: str, *, at: datetime, actor: str, reason: str, facts: dict[str, object]
) -> None:
    Event.objects.bulk_create(
        Event(
            at=at,
            actor=actor,
            action=f"reservation.{lifecycle.word(row.status, after)}",
            subject=f"reservation:{row.reference}",
            reservation=row,
            facts={"place": row.place_number, "to": after, **facts},
            reason=reason,
        )
        for row in rows
    )


def note(
    row: Reservation,
    word: str,
    *,
    at: datetime,
    actor: str,
    reason: str = "",
    facts: dict[str, object] | None = None,
) -> None:
    """Log what changed of a reservation beside its status."""
    record(
        at=at,
        actor=actor,
        action=f"reservation.{word}",
        subject=f"reservation:{row.reference}",
        reservation=row,
        facts={"place": row.place_number, **(facts or {})},
        reason=reason,
    )


def check_limit(row: Reservation, more: int, *, email_key: str = "") -> None:
    """Raise LimitReached where a customer would hold more than the launch allows with so many units more."""
    counted = CustomerLimit.objects.filter(
        launch=row.launch_id,
        product=row.variant.product_id,
        email_key=email_key or row.email_key,
        is_sandbox=row.is_sandbox,
    ).values_list("quantity", flat=True)
    if sum(counted) + more > row.launch.per_customer_limit:
        raise LimitReached(row.launch.per_customer_limit)


def end(rows: Sequence[Reservation], after: str, *, at: datetime, actor: str, reason: str, letter: str = "") -> None:
    """Cancel, revoke or let lapse locked reservations. Each line moves up once for all that left it.

    They are told by the letter of the status, unless another is named.
    """
    if not rows:
        return
    move(rows, after, at=at, actor=actor, reason=reason, letter=letter or after)
    for allotment_id in sorted({row.allotment_id for row in rows}):
        promote(allotment_id=allotment_id, at=at)


def promote(*, allotment_id: int, at: datetime, why: str = FREED) -> list[Reservation]:
    """Confirm those who wait, in the order of the line, while the first of them fits.

    Call it in the transaction that frees, with the line locked or before any lock.
    """
    promoted: list[Reservation] = []
    until = payments.held_until(at, is_in_front=False)
    for entry in _first_who_fit(allotment_id):
        promoted += entry
        held = held_money(entry) if any(row.receipt.get("deposit_minor") for row in entry) else {}
        owing = [row for row in entry if held.get(row.pk, 0) < row.receipt.get("deposit_minor", 0)]
        ready = [row for row in entry if row not in owing]
        told: dict[str, Any] = {"at": at, "actor": "system", "reason": why, "letter": PROMOTED}
        move(ready, lifecycle.CONFIRMED, **told, confirmed_at=at)
        move(owing, lifecycle.AWAITING_PAYMENT, **told, expires_at=until)
    return promoted


def _first_who_fit(allotment_id: int) -> Iterator[list[Reservation]]:
    """In batches, each under its lock; a large one at the head is not overtaken by a small one."""
    while True:
        line = Allotment.objects.select_for_update().get(pk=allotment_id).line
        free = line.capacity - line.held
        found = []
        for entry in waiting_in(allotment_id)[: min(max(free, 0), TOGETHER)]:
            if entry.quantity > free:
                break
            free -= entry.quantity
            found.append(entry)
        if not found:
            return
        # No limit changes, and none is locked: who reserves holds a limit when they come for the line.
        yield lock_rows([entry.pk for entry in found])


def waiting_in(allotment_id: int) -> QuerySet[Reservation]:
    """Who waits in a line, in its order."""
    waiting = Reservation.objects.filter(allotment=allotment_id, status=lifecycle.WAITLISTED)
    return waiting.order_by("created_at", "place_number")


def fits(row: Reservation, line: Allotment) -> bool:
    """Whether a reservation may be confirmed in a line now: its units are free, and nobody of an earlier rank waits."""
    earlier = Q(created_at__lt=row.created_at) | Q(created_at=row.created_at, place_number__lt=row.place_number)
    waits = Reservation.objects.filter(earlier, allotment=line, status=lifecycle.WAITLISTED).exclude(pk=row.pk)
    return row.quantity <= line.line.capacity - line.held and not waits.exists()
