"""Where rows of the law contradict themselves, each other, or the map."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import date
from typing import Any

from reservations.launchdata.files import Fields, Row
from reservations.rules import destinations

PARTS = ("subdivisions", "exclude_subdivisions", "review_subdivisions")


def check_requirement(row: Row, fields: Fields) -> None:
    """Places belong to the jurisdiction, once each; dates follow each other. Raises BadLaunchData."""
    _check_names(row, "jurisdiction", fields["jurisdiction"])
    for field in PARTS:
        check_parts(row, field, fields[field], fields["jurisdiction"], "jurisdiction")
    for field, other in (PARTS[:2], PARTS[1:], PARTS[::2]):
        if both := sorted(set(fields[field]) & set(fields[other])):
            raise row.fail(other, f"{', '.join(both)} is in {field} too; leave it in one of them")
    starts, spared = fields["effective_from"], fields["transition_until"]
    if spared and (starts is None or spared <= starts):
        raise row.fail("transition_until", "must be after effective_from")
    if row.values["id"] in fields["inherits"]:
        raise row.fail("inherits", "a requirement cannot inherit itself; name those of other places")


def check_evidence(row: Row, fields: Fields, requirement: Fields) -> None:
    """A document covers what it names. Raises BadLaunchData."""
    if fields["markets"]:
        check_parts(row, "subdivisions", fields["subdivisions"], fields["markets"], "markets")
    elif requirement["per_country_evidence"]:
        raise row.fail("markets", f"{requirement['id']} is proven country by country; name those that this covers")


def check_parts(row: Row, field: str, parts: Iterable[str], countries: Iterable[str], named: str) -> None:
    """Each subdivision lies in one of the countries, and goes by its one name."""
    for part in parts:
        if part[:2] not in countries:
            raise row.fail(field, f"{part} is in none of the countries under {named}; add {part[:2]} there or drop it")
    _check_names(row, field, parts)


def _check_names(row: Row, field: str, codes: Iterable[str]) -> None:
    for code in codes:
        place = destinations.settle(code[:2], code if "-" in code else None)
        if place.code != code:
            raise row.fail(field, f"{code} is the same place as {place.code}; write {place.code}")


def check_overlaps(rows: Iterable[tuple[Row, Fields]]) -> None:
    """One law says one thing for a place, product and day. Raises BadLaunchData for the second of two that meet."""
    by_law: dict[tuple[str, str], list[Fields]] = {}
    for row, fields in rows:
        law = (" ".join(fields["legal_basis"].casefold().split()), fields["stage"])
        for earlier in by_law.setdefault(law, []):
            if _meet(earlier, fields):
                _refuse(row, fields, earlier)
        by_law[law].append(fields)


def _refuse(row: Row, fields: Fields, earlier: Fields) -> None:
    effect, other = fields["effect_when_missing"], earlier["effect_when_missing"]
    if effect != other:
        remedy = f"contradicts {earlier['id']}, which says {other} under the same law for the same places and products"
        raise row.fail("effect_when_missing", f"{remedy}; keep one, or end one where the other begins")
    remedy = f"overlaps with {earlier['id']}: the same law for the same places and products"
    raise row.fail("effective_from", f"{remedy}; keep one, or end one where the other begins")


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


def _starts(fields: Mapping[str, Any]) -> date:
    return fields["effective_from"] or date.min


def _ends(fields: Mapping[str, Any]) -> date:
    return fields["effective_to"] or date.max
