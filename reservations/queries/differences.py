"""What rows of a file, or of a form, would change in the stored requirements and evidence."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import date
from typing import Any

import orjson
from django.db import models

from reservations.models import Evidence, Requirement
from reservations.queries.facts import World, read_evidence, read_requirement
from reservations.rules import evidence as life
from reservations.rules import gate

Fields = dict[str, Any]
Rows = dict[str, Fields]

TABLES: dict[str, type[models.Model]] = {"requirements": Requirement, "evidence": Evidence}
EVIDENCE_FIELDS = (
    "requirement_id products variants battery markets subdivisions responsible identifier issuer issued_on expires_on "
    "document is_sample"
).split()
FIELDS: dict[str, list[str]] = {
    "requirements": [field.attname for field in Requirement._meta.concrete_fields if not field.primary_key],
    "evidence": EVIDENCE_FIELDS,
}


@dataclass(frozen=True, kw_only=True)
class Difference:
    """By id: all fields of what is new, else those that differ, before and after; and ids that were not given."""

    before: Rows
    after: Rows
    missing: list[str]


def by_id(rows: Iterable[Fields]) -> Rows:
    """The rows of a file by their id; foreign keys under the names of their columns."""
    names = {"requirement": "requirement_id"}
    return {row["id"]: {names.get(name, name): row[name] for name in row if name != "id"} for row in rows}


def plain(value: Any) -> Any:
    """As JSON keeps it."""
    return value.isoformat() if isinstance(value, date) else value


def stored_rows(table: str, ids: Iterable[str] | None = None) -> Rows:
    """Rows as JSON keeps them; None means all."""
    found = TABLES[table]._default_manager.all()
    chosen = found if ids is None else found.filter(pk__in=list(ids))
    return {row.pk: values_of(table, row) for row in chosen.order_by("pk")}


def values_of(table: str, row: models.Model) -> Fields:
    return {name: plain(getattr(row, name)) for name in FIELDS[table]}


def difference(table: str, given: Rows) -> Difference:
    """Compare rows, by id, with what is stored. The status of evidence counts only for a row that is new."""
    stored = stored_rows(table)
    before: Rows = {}
    after: Rows = {}
    for key, fields in given.items():
        kept = stored.get(key)
        if kept is None:
            after[key] = {name: plain(value) for name, value in fields.items()}
            continue
        differs = [name for name in FIELDS[table] if name in fields and plain(fields[name]) != kept[name]]
        if differs:
            before[key] = {name: kept[name] for name in differs}
            after[key] = {name: plain(fields[name]) for name in differs}
    return Difference(before=before, after=after, missing=sorted(stored.keys() - given.keys()))


def changed_rows(table: str, after: Rows) -> list[tuple[models.Model, bool]]:
    """The rows as they would be, not saved, each with whether it is new."""
    model = TABLES[table]
    fields_of = {field.attname: field for field in model._meta.concrete_fields}
    stored = model._default_manager.in_bulk(list(after))
    found = []
    for key, fields in after.items():
        row = stored.get(key) or model(pk=key)
        for name, value in fields.items():
            setattr(row, name, fields_of[name].to_python(value))
        found.append((row, key not in stored))
    return found


def facts_with(world: World, after: Mapping[str, Rows]) -> gate.Facts:
    """The facts of the gate as they would be."""
    laws = {row.id: row for row in world.facts.requirements}
    for row, _ in changed_rows("requirements", after.get("requirements", {})):
        assert isinstance(row, Requirement)
        laws[row.pk] = read_requirement(row)
    papers = {row.id: row for row in world.facts.evidence}
    for row, _ in changed_rows("evidence", after.get("evidence", {})):
        assert isinstance(row, Evidence)
        if row.status in life.SETTLED:
            papers[row.pk] = read_evidence(row)
    return replace(
        world.facts,
        requirements=tuple(laws[key] for key in sorted(laws)),
        evidence=tuple(papers[key] for key in sorted(papers)),
    )


def base_digest(scope: Mapping[str, Iterable[str] | None]) -> str:
    """Names the state of rows, by table; None means all of a table. Another value is another state."""
    rows = {table: stored_rows(table, ids) for table, ids in scope.items()}
    return hashlib.sha256(orjson.dumps(rows, option=orjson.OPT_SORT_KEYS)).hexdigest()
