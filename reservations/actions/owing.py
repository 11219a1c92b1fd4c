"""What customers are told of a change: owed in its transaction, withdrawn where it stops being true before it goes."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime

from django.db.models import Max

from reservations.models import Message, Reservation
from reservations.rules import lanes


def owe(rows: Sequence[Reservation], *, kind: str, at: datetime) -> Mapping[object, int]:
    """Owe each of these one letter of a kind; the sandbox is owed none. Returns the version by reservation id.

    Call it under the lock of the reservations: their versions are counted on.
    """
    told = [row for row in rows if not row.is_sandbox]
    versions = _next_versions(told, kind)
    Message.objects.bulk_create(
        Message(reservation=row, kind=kind, version=versions[row.pk], lane=lanes.lane(kind), due_at=at) for row in told
    )
    return versions


def owe_version(row: Reservation, *, kind: str, version: int, at: datetime) -> None:
    """Owe the letter of a kind that has this version, unless it is owed already."""
    if not row.is_sandbox:
        Message.objects.get_or_create(
            reservation=row, kind=kind, version=version, defaults={"lane": lanes.lane(kind), "due_at": at}
        )


def _next_versions(rows: Sequence[Reservation], kind: str) -> dict[object, int]:
    told = Message.objects.filter(reservation__in=[row.pk for row in rows], kind=kind).order_by()
    last = dict(told.values_list("reservation_id").annotate(Max("version")))
    return {row.pk: last.get(row.pk, 0) + 1 for row in rows}


def withdraw(rows: Iterable[Reservation], kinds: Iterable[str] | None = None) -> int:
    """Letters that no worker has taken are not sent: of these kinds, or all."""
    owed = Message.objects.filter(
        reservation__in=[row.pk for row in rows], state__in=[Message.OWED, Message.QUEUED, Message.FAILED]
    )
    if kinds is not None:
        owed = owed.filter(kind__in=list(kinds))
    return owed.update(state=Message.WITHDRAWN)
