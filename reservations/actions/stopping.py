"""Lift a stop-sale: one officer proposes it, another confirms it. Opening one needs nobody else."""

from __future__ import annotations

from datetime import datetime

from django.contrib.auth.models import User
from django.db import transaction

from reservations.actions.deciding import rebuild_decisions
from reservations.actions.four_eyes import AlreadyMoved, OwnWork, require, tidy_reason
from reservations.actions.recording import record, staff_name
from reservations.models import StopSale

IN_FORCE, PROPOSED, LIFTED = "in force", "proposed to be lifted", "lifted"


def state_of(row: StopSale) -> str:
    """Where it stands on its way out."""
    if row.lifted_at is not None:
        return LIFTED
    return PROPOSED if row.lift_proposed_by_id is not None else IN_FORCE


@transaction.atomic
def propose_lift(*, stop_id: int, officer: User, at: datetime, reason: str) -> StopSale:
    """Say why it can go. It stays in force. Raises NotAllowed, ReasonMissing, AlreadyMoved."""
    require(officer, "change_stopsale")
    why = tidy_reason(reason)
    row = _move(stop_id, IN_FORCE, lift_proposed_by=officer, lift_proposed_at=at, lift_reason=why)
    return _log("lift_proposed", row, officer, at, why)


@transaction.atomic
def confirm_lift(*, stop_id: int, officer: User, at: datetime) -> StopSale:
    """Lift it now, as a second person; decisions follow at once. Raises NotAllowed, OwnWork, AlreadyMoved."""
    require(officer, "change_stopsale")
    if StopSale.objects.filter(pk=stop_id, lift_proposed_by=officer, lifted_at=None).exists():
        raise OwnWork(f"the lifting of stop-sale {stop_id}")
    row = _move(stop_id, PROPOSED, lifted_by=officer, lifted_at=at)
    rebuild_decisions(at=at, cause=f"stop-sale {row.pk} lifted", actor=staff_name(officer))
    return _log("lifted", row, officer, at, row.lift_reason)


@transaction.atomic
def keep(*, stop_id: int, officer: User, at: datetime, reason: str) -> StopSale:
    """Turn down a proposal to lift it; whoever proposed it may take it back. Raises as `propose_lift`."""
    require(officer, "change_stopsale")
    why = tidy_reason(reason)
    row = _move(stop_id, PROPOSED, lift_proposed_by=None, lift_proposed_at=None, lift_reason="")
    return _log("lift_rejected", row, officer, at, why)


def _move(stop_id: int, before: str, **fields: object) -> StopSale:
    """Compare and set, on a locked row: of two who act at once, one does and the other hears of it."""
    row = StopSale.objects.select_for_update().get(pk=stop_id)
    if state_of(row) != before:
        last = row.lifted_by or row.lift_proposed_by
        raise AlreadyMoved(f"stop-sale {row.pk}", state_of(row), last.get_username() if last else "")
    for name, value in fields.items():
        setattr(row, name, value)
    row.save(update_fields=list(fields))
    return row


def _log(action: str, row: StopSale, officer: User, at: datetime, reason: str) -> StopSale:
    record(at=at, actor=staff_name(officer), action=f"stopsale.{action}", subject=f"stopsale:{row.pk}", reason=reason)
    return row
