"""A change of requirements or an import of files: proposed by one person, in force when a second one confirms it."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import date, datetime
from typing import Any

from django.contrib.auth.models import User
from django.core.exceptions import ValidationError
from django.db import IntegrityError, models, transaction

from reservations.actions.deciding import rebuild_decisions
from reservations.actions.four_eyes import AlreadyMoved, OwnWork, require, tidy_reason
from reservations.actions.loading import EvidenceStays, check_evidence_stays
from reservations.actions.recording import record, staff_name
from reservations.launchdata import Row, parse_rows, read_evidence, read_requirements
from reservations.models import Evidence, Product, ProposedChange, Requirement, Variant
from reservations.queries import differences
from reservations.queries.cells import cells_that_differ
from reservations.queries.differences import Difference, Rows
from reservations.queries.facts import read_world
from reservations.rules import evidence as life
from reservations.rules import identifiers

MOST_CELLS = 200
FILES = {"requirements": "requirements.yaml", "evidence": "evidence.yaml"}


class NothingDiffers(Exception):
    """What is proposed is what is in force."""


@dataclass(eq=False)
class BaseChanged(Exception):
    """What the change was compared with has changed since: what was seen is not what would be applied."""

    title: str


@transaction.atomic
def propose_requirement(*, requirement: Requirement, officer: User, at: datetime) -> ProposedChange:
    """Propose a requirement as it stands in this object, which is not saved. Raises NotAllowed, NothingDiffers."""
    is_new = not Requirement.objects.filter(pk=requirement.pk).exists()
    require(officer, "add_requirement" if is_new else "change_requirement")
    given = {requirement.pk: differences.values_of("requirements", requirement)}
    found = differences.difference("requirements", given)
    return _propose(
        f"{'New requirement' if is_new else 'Requirement'} {requirement.pk}",
        {"requirements": Difference(before=found.before, after=found.after, missing=[])},
        files={},
        officer=officer,
        at=at,
    )


@transaction.atomic
def propose_files(*, files: Mapping[str, bytes], officer: User, at: datetime) -> ProposedChange:
    """Propose what files say, by table ("requirements", "evidence"). What they do not name stays.

    Raises NotAllowed, NothingDiffers, and BadLaunchData with line, id and field.
    """
    require(officer, "add_proposedchange")
    parsed = {table: parse_rows(FILES[table], content) for table, content in files.items()}
    given: dict[str, Rows] = {}
    if "requirements" in parsed:
        given["requirements"] = differences.by_id(read_requirements(parsed["requirements"]))
    if "evidence" in parsed:
        known = {row["id"]: dict(row) for row in Requirement.objects.values()}
        known |= {key: {"id": key, **fields} for key, fields in given.get("requirements", {}).items()}
        slugs = set(Product.objects.values_list("slug", flat=True))
        skus = set(Variant.objects.values_list("sku", flat=True))
        given["evidence"] = differences.by_id(read_evidence(parsed["evidence"], known, slugs, skus))
    found = {table: differences.difference(table, rows) for table, rows in given.items()}
    for table, each in found.items():
        _check(table, each, parsed[table], on=at.date())
    digests = {FILES[table]: hashlib.sha256(content).hexdigest() for table, content in files.items()}
    return _propose(f"Import of {', '.join(sorted(digests))}", found, files=digests, officer=officer, at=at)


def _check(table: str, found: Difference, file: Row, *, on: date) -> None:
    """Raises BadLaunchData for a changed row that cannot be stored, or may not be."""
    lines = {row.values["id"]: row for row in file.rows(table)}
    for row, is_new in differences.changed_rows(table, found.after):
        try:
            foreign = [field.name for field in row._meta.concrete_fields if field.is_relation]
            row.full_clean(exclude=[*foreign, *([] if is_new else ["id"])], validate_unique=False)
            if isinstance(row, Evidence):
                _check_evidence(row, found, is_new=is_new, on=on)
        except ValidationError as error:
            field, complaints = next(iter(error.message_dict.items()))
            raise lines[row.pk].fail(field, " ".join(complaints)) from error
        except EvidenceStays as refusal:
            raise lines[row.pk].fail(refusal.field, str(refusal)) from refusal


def _check_evidence(row: Evidence, found: Difference, *, is_new: bool, on: date) -> None:
    if not is_new:
        check_evidence_stays(row, list(found.after[row.pk]))
    if row.expires_on is not None and row.expires_on <= on:
        raise ValidationError({"expires_on": "has passed already"})
    wrong = identifiers.complaint(requirement=row.requirement_id, identifier=row.identifier)
    if wrong and not row.is_sample:
        raise ValidationError({"identifier": wrong})
    if is_new and row.status != life.DRAFT and not row.is_sample:
        remedy = "a document comes with its file: import it as draft, then add the file and submit it"
        raise ValidationError({"status": remedy})


def _propose(
    title: str, found: Mapping[str, Difference], *, files: dict[str, str], officer: User, at: datetime
) -> ProposedChange:
    after = {table: each.after for table, each in found.items() if each.after}
    if not after:
        raise NothingDiffers
    world = read_world()
    cells = cells_that_differ(world, differences.facts_with(world, after), at=at)
    row = ProposedChange(
        title=title[:200],
        before={table: each.before for table, each in found.items() if each.before},
        after=after,
        missing={table: each.missing for table, each in found.items() if each.missing},
        cells={"count": len(cells), "first": [asdict(cell) for cell in cells[:MOST_CELLS]]},
        files=files,
        proposed_by=officer,
        proposed_at=at,
    )
    row.base_sha256 = differences.base_digest(_scope(row))
    row.save()
    _log(row, "proposed", officer, at)
    return row


@transaction.atomic
def confirm(*, proposal_id: int, officer: User, at: datetime) -> ProposedChange:
    """Apply a change, as a second person. Raises NotAllowed, OwnWork, AlreadyMoved, BaseChanged."""
    require(officer, "decide_proposedchange")
    row = ProposedChange.objects.select_related("proposed_by").get(pk=proposal_id)
    if row.proposed_by_id == officer.pk:
        raise OwnWork(row.title)
    row = _move(row, ProposedChange.APPLIED, officer, at)
    scope = _scope(row)
    for table, ids in scope.items():
        rows = differences.TABLES[table]._default_manager.select_for_update().order_by("pk")
        list((rows if ids is None else rows.filter(pk__in=ids)).values_list("pk", flat=True))
    if differences.base_digest(scope) != row.base_sha256:
        raise BaseChanged(row.title)
    try:
        with transaction.atomic():
            _write(row, officer, at)
    except IntegrityError as error:  # a row of the same id was added at the same moment
        raise BaseChanged(row.title) from error
    _log(row, "applied", officer, at)
    rebuild_decisions(at=at, cause=row.title, actor=staff_name(officer))
    return row


@transaction.atomic
def reject(*, proposal_id: int, officer: User, at: datetime, reason: str) -> ProposedChange:
    """Decide that a change is not made; whoever proposed it may take it back. Raises as `confirm`, ReasonMissing."""
    why = tidy_reason(reason)
    row = ProposedChange.objects.get(pk=proposal_id)
    if row.proposed_by_id != officer.pk:
        require(officer, "decide_proposedchange")
    row = _move(row, ProposedChange.REJECTED, officer, at, reason=why)
    _log(row, "rejected", officer, at)
    return row


def _move(row: ProposedChange, status: str, officer: User, at: datetime, **fields: Any) -> ProposedChange:
    """Compare and set: of two who decide at once, one does and the other hears of it."""
    waiting = ProposedChange.objects.filter(pk=row.pk, status=ProposedChange.PROPOSED)
    moved = waiting.update(status=status, decided_by=officer, decided_at=at, **fields)
    row.refresh_from_db()
    if not moved:
        raise AlreadyMoved(row.title, row.status, row.decided_by.get_username() if row.decided_by else "")
    return row


def _scope(row: ProposedChange) -> dict[str, list[str] | None]:
    """The rows that a change was compared with: a form's own, or all where a file speaks of all."""
    if row.files:
        return dict.fromkeys(differences.TABLES)
    return {table: list(rows) for table, rows in row.after.items()}


def _write(proposal: ProposedChange, officer: User, at: datetime) -> None:
    for table in differences.TABLES:  # requirements first: evidence names them
        for row, is_new in differences.changed_rows(table, proposal.after.get(table, {})):
            if is_new and isinstance(row, Evidence) and row.status == life.APPROVED:
                row.submitted_by, row.submitted_at = proposal.proposed_by, proposal.proposed_at
                row.approved_by, row.approved_at = officer, at
            row.save(force_insert=is_new)
            if isinstance(row, Evidence):
                row.authors.add(proposal.proposed_by)
            _log_row(proposal, table, row, officer, at)


def _log_row(proposal: ProposedChange, table: str, row: models.Model, officer: User, at: datetime) -> None:
    before, after = proposal.before.get(table, {}).get(row.pk, {}), proposal.after[table][row.pk]
    kind = row._meta.model_name
    record(
        at=at,
        actor=staff_name(officer),
        action=f"{kind}.{'changed' if before else 'added'}",
        subject=f"{kind}:{row.pk}",
        facts={name: [before.get(name), value] for name, value in after.items()},
        reason=f"change {proposal.pk}, proposed by {staff_name(proposal.proposed_by)}",
    )


def _log(row: ProposedChange, verb: str, officer: User, at: datetime) -> None:
    facts = {"title": row.title, "base_sha256": row.base_sha256, "files": row.files}
    record(
        at=at,
        actor=staff_name(officer),
        action=f"change.{verb}",
        subject=f"change:{row.pk}",
        facts=facts,
        reason=row.reason,
    )
