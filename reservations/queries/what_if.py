"""What would change: the gate over facts that are supposed, without storing anything."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date, datetime

from reservations.queries.cells import Cell, in_words
from reservations.queries.facts import World
from reservations.rules import gate


@dataclass(frozen=True, kw_only=True)
class Supposed:
    """`without_evidence` ends; `requirement` starts on `starts_on`; `product` loses `capability`; any or all of it."""

    without_evidence: str = ""
    requirement: str = ""
    starts_on: date | None = None
    product: str = ""
    capability: str = ""


def cells_if(world: World, supposed: Supposed, *, at: datetime, then: datetime) -> list[Cell]:
    """Cells that differ between now, at `at`, and what is supposed, at `then`; sorted by SKU and market."""
    facts, subjects = _facts(world.facts, supposed), _subjects(world.subjects, supposed)
    found = []
    for sku, subject in sorted(world.subjects.items()):
        for market in sorted(world.markets):
            to = world.destination(market)
            before = in_words(gate.decide(subject=subject, destination=to, facts=world.facts, at=at))
            after = in_words(gate.decide(subject=subjects[sku], destination=to, facts=facts, at=then))
            if before != after:
                found.append(Cell(sku=sku, market=market, before=before, after=after))
    return found


def _facts(facts: gate.Facts, supposed: Supposed) -> gate.Facts:
    laws = tuple(
        replace(row, effective_from=supposed.starts_on) if row.id == supposed.requirement else row
        for row in facts.requirements
    )
    papers = tuple(row for row in facts.evidence if row.id != supposed.without_evidence)
    return replace(facts, requirements=laws, evidence=papers)


def _subjects(subjects: Mapping[str, gate.Subject], supposed: Supposed) -> Mapping[str, gate.Subject]:
    lost = {supposed.capability}
    return {
        sku: replace(row, capabilities=row.capabilities - lost) if row.product == supposed.product else row
        for sku, row in subjects.items()
    }
