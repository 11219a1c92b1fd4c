"""Where rows of the law contradict themselves, each other, or the map; for data files and forms alike.

Rows are {field: value}, under the names of their columns. A fault is the field that is wrong, and what would help.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from datetime import date
from typing import Any

from reservations.rules import destinations

Fields = Mapping[str, Any]
Fault = tuple[str, str]
PARTS = ("subdivisions", "exclude_subdivisions", "review_subdivisions")


def requirement_faults(fields: Fields) -> Iterator[Fault]:
    """Places belong to the jurisdiction, once each; dates follow each other; a consent has its sentence."""
    yield from _name_faults("jurisdiction", fields["jurisdiction"])
    for field in PARTS:
        yield from _part_faults(field, fields[field], fields["jurisdiction"], "jurisdiction")
    for field, other in (PARTS[:2], PARTS[1:], PARTS[::2]):
        if both := sorted(set(fields[field]) & set(fields[other])):
            yield other, f"{', '.join(both)} is in {field} too; leave it in one of them"
    starts, ends, spared = (fields[name] for name in ("effective_from", "effective_to", "transition_until"))
    if starts and ends and ends <= starts:
        yield "effective_to", "must be after effective_from"
    if spared and (starts is None or spared <= starts):
        yield "transition_until", "must be after effective_from"
    if fields["id"] in fields["inherits"]:
        yield "inherits", "a requirement cannot inherit itself; name those of other places"
    if fields["effect_when_missing"] == "consent" and not fields["customer_facing_notice"]:
        yield "customer_facing_notice", "a consent needs a sentence to affirm"


def evidence_faults(fields: Fields, requirement: Fields) -> Iterator[Fault]:
    """A document covers what it names."""
    if fields["markets"]:
        yield from _part_faults("subdivisions", fields["subdivisions"], fields["markets"], "markets")
    elif requirement["per_country_evidence"]:
        yield "markets", f"{requirement['id']} is proven country by country; name those that this covers"


def _part_faults(field: str, parts: Iterable[str], countries: Iterable[str], named: str) -> Iterator[Fault]:
    """Each subdivision lies in one of the countries, and goes by its one name."""
    for part in parts:
        if part[:2] not in countries:
            yield field, f"{part} is in none of the countries under {named}; add {part[:2]} there or drop it"
    yield from _name_faults(field, parts)


def _name_faults(field: str, codes: Iterable[str]) -> Iterator[Fault]:
    for code in codes:
        place = destinations.settle(code[:2], code if "-" in code else None)
        if place.code != code:
            yield field, f"{code} is the same place as {place.code}; write {place.code}"


def clashes(fields: Fields, others: Iterable[Fields]) -> Iterator[Fault]:
    """One law says one thing for a place, product and day: where another row says it too, or says another."""
    for other in others:
        if _law(fields) == _law(other) and _meet(other, fields):
            effect = other["effect_when_missing"]
            way_out = "keep one, or end one where the other begins"
            if fields["effect_when_missing"] != effect:
                told = f"contradicts {other['id']}, which says {effect} under the same law for the same places and"
                yield "effect_when_missing", f"{told} products; {way_out}"
            else:
                told = f"overlaps with {other['id']}: the same law for the same places and products"
                yield "effective_from", f"{told}; {way_out}"


def _law(fields: Fields) -> tuple[str, str]:
    return " ".join(fields["legal_basis"].casefold().split()), fields["stage"]


def _meet(one: Fields, two: Fields) -> bool:
    """Whether both can apply to one variant at one place on one day."""
    return (
        bool(set(one["applies_to"]) & set(two["applies_to"]))
        and _may_both(one, two, "product_types")
        and one["condition"] == two["condition"]
        and one["blocks_option"] == two["blocks_option"]
        and _meet_in_place(one, two)
        and _starts(one) < _ends(two)
        and _starts(two) < _ends(one)
    )


def _meet_in_place(one: Fields, two: Fields) -> bool:
    if not set(one["jurisdiction"]) & set(two["jurisdiction"]):
        return False
    parts = [
        {*fields["subdivisions"], *fields["review_subdivisions"]} if fields["subdivisions"] else set()
        for fields in (one, two)
    ]
    left = [mine - set(other["exclude_subdivisions"]) for mine, other in zip(parts, (two, one), strict=True)]
    if all(parts):
        return bool(left[0] & left[1])
    return all(bool(kept) or not mine for kept, mine in zip(left, parts, strict=True))


def _may_both(one: Fields, two: Fields, field: str) -> bool:
    return not one[field] or not two[field] or bool(set(one[field]) & set(two[field]))


def _starts(fields: Fields) -> date:
    return fields["effective_from"] or date.min


def _ends(fields: Fields) -> date:
    return fields["effective_to"] or date.max
