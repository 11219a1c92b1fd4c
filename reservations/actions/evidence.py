"""The acts of `rules/evidence.py`: who may, what changes, and the log, in one transaction each."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from django.contrib.auth.models import User
from django.db import transaction

from reservations.actions.deciding import rebuild_decisions
from reservations.actions.four_eyes import AlreadyMoved, OwnWork, require, tidy_reason
from reservations.actions.recording import record, staff_name
from reservations.models import Evidence, EvidenceWarning, Message
from reservations.models.groups import COMPLIANCE
from reservations.queries import evidence as papers
from reservations.rules import evidence as life
from reservations.rules import identifiers


@dataclass(eq=False)
class Unfit(Exception):
    """A field of the draft keeps it from being submitted or approved; `remedy` says what to write instead."""

    field: str
    remedy: str


@dataclass(eq=False)
class Cited(Exception):
    """It was approved: decisions rest on it. `cells` are some of them, as "SKU in market"."""

    evidence: str
    status: str
    cells: tuple[str, ...]


@transaction.atomic
def submit(*, evidence_id: str, officer: User, at: datetime) -> Evidence:
    """Ask a second person to approve a draft. Raises NotAllowed, Unfit, AlreadyMoved."""
    require(officer, "change_evidence")
    row = Evidence.objects.select_related("requirement").get(pk=evidence_id)
    check_fit(row, on=at.date())
    row = _move(life.SUBMIT, row, submitted_by=officer, submitted_at=at)
    row.authors.add(officer)
    return _log(life.SUBMIT, row, officer, at)


@transaction.atomic
def approve(*, evidence_id: str, officer: User, at: datetime) -> Evidence:
    """Take it into force, as a second person; what it replaces and what is no longer needed for a gap is withdrawn.

    Raises NotAllowed, OwnWork, Unfit, AlreadyMoved.
    """
    require(officer, "approve_evidence")
    row = Evidence.objects.select_related("requirement").get(pk=evidence_id)
    if row.authors.filter(pk=officer.pk).exists() or row.submitted_by_id == officer.pk:
        raise OwnWork(evidence_id)
    check_fit(row, on=at.date())
    row = _move(life.APPROVE, row, approved_by=officer, approved_at=at)
    _log(life.APPROVE, row, officer, at)
    old = row.replaces
    if old is not None and old.status == life.APPROVED and row.issued_on <= at.date():
        _log(life.WITHDRAW, _move(life.WITHDRAW, old, withdrawn_at=at), officer, at, f"replaced by {row.pk}")
    rebuild_decisions(at=at, cause=f"evidence {row.pk} approved", actor=staff_name(officer))
    return row


@transaction.atomic
def reject(*, evidence_id: str, officer: User, at: datetime, reason: str) -> Evidence:
    """Give it back as a draft. Whoever submitted it may take it back themselves. Raises as `approve`, ReasonMissing."""
    require(officer, "change_evidence")
    why = tidy_reason(reason)
    row = _move(life.REJECT, Evidence.objects.get(pk=evidence_id), submitted_by=None, submitted_at=None)
    return _log(life.REJECT, row, officer, at, why)


@transaction.atomic
def withdraw(*, evidence_id: str, officer: User, at: datetime, reason: str) -> Evidence:
    """End it now: decisions follow at once. One person is enough, since it only shuts. Raises as `reject`."""
    require(officer, "approve_evidence")
    why = tidy_reason(reason)
    row = _move(life.WITHDRAW, Evidence.objects.get(pk=evidence_id), withdrawn_at=at)
    _log(life.WITHDRAW, row, officer, at, why)
    rebuild_decisions(at=at, cause=f"evidence {row.pk} withdrawn", actor=staff_name(officer))
    return row


@transaction.atomic
def delete(*, evidence_id: str, officer: User, at: datetime) -> None:
    """Delete what was never approved. Raises NotAllowed, AlreadyMoved (submitted: reject it first), Cited."""
    require(officer, "delete_evidence")
    row = Evidence.objects.select_for_update().get(pk=evidence_id)
    if row.status in life.SETTLED:
        raise Cited(row.pk, row.status, tuple(papers.cells_resting_on(row, at=at)))
    if row.status != life.DRAFT:
        raise AlreadyMoved(row.pk, row.status, _last_hand(row))
    record(at=at, actor=staff_name(officer), action="evidence.deleted", subject=f"evidence:{row.pk}")
    row.delete()


def check_fit(row: Evidence, *, on: date) -> None:
    """Raises Unfit for what no officer may approve on this day."""
    expiry = papers.expiry(row)
    if expiry is not None and expiry <= on:
        raise Unfit("expires_on", f"It ended on {expiry}. Only a document that is still valid can be submitted.")
    found = None if row.is_sample else identifiers.complaint(requirement=row.requirement_id, identifier=row.identifier)
    if found:
        raise Unfit("identifier", found)
    if not row.is_sample and not row.document_sha256:
        raise Unfit("document", "The document itself is missing. Add its file.")


def _move(move: str, row: Evidence, **fields: Any) -> Evidence:
    """Compare and set: of two who act at once, one does and the other hears of it."""
    before, after = life.MOVES[move]
    if not Evidence.objects.filter(pk=row.pk, status=before).update(status=after, **fields):
        row.refresh_from_db()
        raise AlreadyMoved(row.pk, row.status, _last_hand(row))
    row.refresh_from_db()
    return row


def _last_hand(row: Evidence) -> str:
    person = row.approved_by or row.submitted_by
    return person.get_username() if person else ""


def _log(move: str, row: Evidence, officer: User, at: datetime, reason: str = "") -> Evidence:
    before, after = life.MOVES[move]
    facts: Mapping[str, object] = {"status": [before, after], "sha256": row.document_sha256}
    action, subject = f"evidence.{move}", f"evidence:{row.pk}"
    record(at=at, actor=staff_name(officer), action=action, subject=subject, facts=facts, reason=reason)
    return row


@transaction.atomic
def warn_of_expiry(*, at: datetime) -> int:
    """Owe a mail to every officer about evidence that ends in 90, 30 or 7 days, once each. Returns how many."""
    officers = list(
        User.objects.filter(groups__name=COMPLIANCE, is_active=True).exclude(email="").order_by("pk").distinct()
    )
    owed = 0
    for row, days in papers.ending(on=at.date()):
        for officer in officers:
            warning, is_new = EvidenceWarning.objects.get_or_create(
                evidence=row, days=days, officer=officer, defaults={"made_at": at}
            )
            if is_new:
                Message.objects.create(warning=warning, kind="evidence_ends", due_at=at)
                owed += 1
    return owed
