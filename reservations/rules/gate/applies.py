"""Which requirements apply: `docs/gate.md`, section 1."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from reservations.rules.gate.facts import Question, Requirement, Stop
from reservations.rules.gate.met import valid_evidence

GRANT_CONDITION, GRANT_REQUIREMENT = "no_fcc_grant_yet", "us-fcc-part-15-certification"


def applying(asked: Question) -> Iterable[Requirement]:
    """Every requirement that applies, in the order of the facts."""
    return (
        row
        for row in asked.facts.concerning(asked.subject, asked.destination.country)
        if _is_due(row, asked) and _covers_subdivision(row, asked) and _reaches(row, asked, frozenset())
    )


def varies_in(asked: Question) -> tuple[str, ...]:
    """Subdivisions of an unspecified destination where another decision may hold."""
    country = asked.destination.country
    if asked.destination.subdivision is not None:
        return ()
    named = {
        subdivision
        for row in asked.facts.concerning(asked.subject, country)
        if row.named_subdivisions and _is_due(row, asked)
        for subdivision in row.named_subdivisions
    }
    named |= {stop.subdivision for stop in asked.facts.stops if stop.subdivision and _would_bite(stop, asked)}
    return tuple(sorted(subdivision for subdivision in named if subdivision.startswith(f"{country}-")))


def _would_bite(stop: Stop, asked: Question) -> bool:
    there = replace(asked.destination, subdivision=stop.subdivision)
    return stop.bites(asked.subject, there, asked.at)


def _is_due(row: Requirement, asked: Question) -> bool:
    """Date and condition."""
    return _in_force(row, asked) and _condition_holds(row, asked)


def _in_force(row: Requirement, asked: Question) -> bool:
    day, placed_on = asked.day, asked.subject.placed_on
    if row.effective_from is not None and day < row.effective_from:
        return False
    if row.effective_to is not None and day >= row.effective_to:
        return False
    is_older = row.effective_from is not None and placed_on is not None and placed_on < row.effective_from
    return not (row.transition_until is not None and is_older and day < row.transition_until)


def _condition_holds(row: Requirement, asked: Question) -> bool:
    if row.condition is None:
        return True
    if row.condition == GRANT_CONDITION:
        grant = asked.facts.by_id.get(GRANT_REQUIREMENT)
        return grant is None or valid_evidence(grant, asked) is None
    return asked.subject.conditions.get(row.condition) is not False


def _covers_subdivision(row: Requirement, asked: Question) -> bool:
    subdivision = asked.destination.subdivision
    if subdivision in row.exclude_subdivisions:
        return False
    return not row.subdivisions or subdivision in row.subdivisions or subdivision in row.review_subdivisions


def _reaches(row: Requirement, asked: Question, seen: frozenset[str]) -> bool:
    """In the jurisdiction, or inherited from a requirement that applies here itself."""
    if asked.destination.country in row.jurisdiction:
        return True
    return any(
        heir.id not in seen
        and heir.names(asked.subject)
        and _is_due(heir, asked)
        and _covers_subdivision(heir, asked)
        and _reaches(heir, asked, seen | {row.id})
        for heir in asked.facts.heirs.get(row.id, ())
    )
