"""Cancel, revoke or move many reservations: one person proposes what the list shows, another carries it out."""

from __future__ import annotations

import uuid
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import islice

from django.contrib.auth.models import User
from django.db import transaction

from reservations.actions import cancelling, four_eyes, lines, relocating
from reservations.actions.recording import record, staff_name
from reservations.actions.relocating import Change
from reservations.actions.wishes import Refusal
from reservations.models import BulkAct, Reservation
from reservations.rules import lifecycle

MOST = 10_000
TOGETHER = 500
ENDS = {BulkAct.CANCEL: lifecycle.CANCELLED, BulkAct.REVOKE: lifecycle.REVOKED}


class TooMany(Exception):
    """More than one act may change."""


class NobodyConcerned(Exception):
    """None of those chosen can be changed so."""


@dataclass(frozen=True, kw_only=True)
class Outlook:
    """What an act would do now: how many it changes, by status and by market, and how many it cannot."""

    able: int
    unable: int
    by_status: Mapping[str, int]
    by_market: Mapping[str, int]
    first: Sequence[Reservation]


def outlook(*, kind: str, pks: Collection[uuid.UUID]) -> Outlook:
    """Read only."""
    rows = list(Reservation.objects.filter(pk__in=pks).select_related("variant").order_by("created_at"))
    able = [row for row in rows if _can(kind, row)]
    return Outlook(
        able=len(able),
        unable=len(rows) - len(able),
        by_status=Counter(row.status for row in able),
        by_market=Counter(row.market_id for row in able),
        first=able[:20],
    )


def _can(kind: str, row: Reservation) -> bool:
    if kind == BulkAct.MOVE:
        return row.status in relocating.CHANGEABLE
    return lifecycle.may_move(row.status, ENDS[kind])


@transaction.atomic
def propose(
    *, kind: str, pks: Collection[uuid.UUID], target: Mapping[str, str], reason: str, officer: User, at: datetime
) -> BulkAct:
    """Raises NotAllowed, ReasonMissing, TooMany, NobodyConcerned."""
    four_eyes.require(officer, "add_bulkact")
    tidy = four_eyes.tidy_reason(reason)
    if len(pks) > MOST:
        raise TooMany
    if not outlook(kind=kind, pks=pks).able:
        raise NobodyConcerned
    act = BulkAct.objects.create(
        kind=kind,
        pks=[str(pk) for pk in pks],
        target=dict(target),
        reason=tidy,
        proposed_by=officer,
        proposed_at=at,
    )
    _note(act, "proposed", officer, at)
    return act


def carry_out(*, act: BulkAct, officer: User, at: datetime) -> BulkAct:
    """Change those that still can be changed, in batches; the others stay as they are, counted by the reason.

    What a crash interrupted goes on when it is carried out again: what was changed cannot be changed so twice.
    Raises NotAllowed, OwnWork, AlreadyMoved.
    """
    four_eyes.require(officer, "carry_out_bulkact")
    with transaction.atomic():
        kept = _locked(act, BulkAct.PROPOSED, BulkAct.RUNNING)
        if kept.proposed_by_id == officer.pk:
            raise four_eyes.OwnWork(str(kept))
        BulkAct.objects.filter(pk=kept.pk).update(state=BulkAct.RUNNING, decided_by=officer, decided_at=at)
        _note(kept, "carried_out", officer, at)
    done, refused = 0, Counter[str]()
    for batch in _batches(uuid.UUID(pk) for pk in kept.pks):
        if kept.kind == BulkAct.MOVE:
            done += sum(_move(pk, kept, officer, at, refused) for pk in batch)
        else:
            ended = cancelling.end_many(
                pks=batch, at=at, actor=staff_name(officer), reason=kept.reason, after=ENDS[kept.kind]
            )
            done, refused["left already"] = done + len(ended), refused["left already"] + len(batch) - len(ended)
    why = {word: count for word, count in refused.items() if count}
    BulkAct.objects.filter(pk=kept.pk).update(state=BulkAct.DONE, done=done, refused=why)
    kept.refresh_from_db()
    return kept


def _batches(pks: Iterable[uuid.UUID]) -> Iterator[list[uuid.UUID]]:
    rest = iter(pks)
    while batch := list(islice(rest, TOGETHER)):
        yield batch


def _move(pk: uuid.UUID, act: BulkAct, officer: User, at: datetime, refused: Counter[str]) -> bool:
    """One that cannot be moved, or whose market asks for a consent that nobody gave, stays where it is."""
    row = Reservation.objects.select_related("variant", "market", "launch").get(pk=pk)
    try:
        relocating.relocate(
            reservation=row,
            change=Change(**act.target),
            given={},
            shown_digest=None,
            at=at,
            actor=staff_name(officer),
            language=row.language,
            reason=act.reason,
        )
    except (Refusal, lines.CannotMove) as refusal:
        refused[type(refusal).__name__] += 1
        return False
    return True


@transaction.atomic
def drop(*, act: BulkAct, officer: User, at: datetime, reason: str) -> None:
    """It is not carried out. Raises ReasonMissing, AlreadyMoved."""
    tidy = four_eyes.tidy_reason(reason)
    kept = _locked(act, BulkAct.PROPOSED)
    BulkAct.objects.filter(pk=kept.pk).update(state=BulkAct.DROPPED, decided_by=officer, decided_at=at)
    _note(kept, "dropped", officer, at, tidy)


def _locked(act: BulkAct, *states: str) -> BulkAct:
    """The act as it is, in one of these states."""
    kept = BulkAct.objects.select_for_update(of=("self",)).get(pk=act.pk)
    if kept.state not in states:
        by = kept.decided_by.get_username() if kept.decided_by else ""
        raise four_eyes.AlreadyMoved(str(kept), kept.state, by)
    return kept


def _note(act: BulkAct, word: str, officer: User, at: datetime, reason: str = "") -> None:
    record(
        at=at,
        actor=staff_name(officer),
        action=f"bulk.{word}",
        subject=f"bulk:{act.pk}",
        facts={"kind": act.kind, "count": len(act.pks), "target": act.target},
        reason=reason or act.reason,
    )
