"""The launch data that ships, as the gate takes it, read from its files: no database."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, replace
from datetime import date
from functools import cache
from pathlib import Path

from reservations.launchdata import LaunchData, read_launch_data
from reservations.models import Evidence, Passport, Product, Requirement, Variant
from reservations.queries import facts as reading
from reservations.rules import destinations, gate, opening
from reservations.rules.site_features import SITE_FEATURES

DATA = Path(__file__).resolve().parents[2] / "data"


@dataclass(frozen=True)
class Shipped:
    """Facts with the sample evidence; subjects by SKU; markets' time zones; product and market → window and supply."""

    facts: gate.Facts
    subjects: dict[str, gate.Subject]
    timezones: dict[str, str]
    windows: dict[tuple[str, str], opening.Window]

    def destination(self, name: str) -> gate.Destination:
        """By its code: a country, or a subdivision, whose country stands before the hyphen."""
        place = destinations.settle(name[:2], name if "-" in name else None)
        timezone = self.timezones.get(place.country)
        return gate.Destination(country=place.country, subdivision=place.subdivision, timezone=timezone)

    def proven(self, *, except_for: Collection[str] = ()) -> gate.Facts:
        """Every requirement is proven for everything and everywhere, for ever, but the ones named; passports too."""
        proofs = [_proof(self, row.id) for row in self.facts.requirements if row.id not in except_for]
        told = () if gate.DEVICE_PASSPORT in except_for else (replace(row, since=date.min) for row in self.passports)
        return replace(self.facts, evidence=tuple(proofs), site_features=frozenset(), passports=tuple(told))

    @property
    def passports(self) -> tuple[gate.Passport, ...]:
        assert self.facts.passports is not None
        return self.facts.passports


def _proof(shipped: Shipped, requirement: str) -> gate.Evidence:
    return gate.Evidence(
        id=f"proof-{requirement}",
        requirement=requirement,
        products=frozenset(subject.product for subject in shipped.subjects.values()),
        markets=frozenset(code for row in shipped.facts.requirements for code in row.jurisdiction),
        issued_on=date(1900, 1, 1),
        expires_on=date.max,
    )


@cache
def shipped() -> Shipped:
    """Read once."""
    data = read_launch_data(DATA)
    products = {row["slug"]: Product(**row) for row in data.products}
    variants = [Variant(**{**row, "product": products[row["product"]]}) for row in data.variants]
    evidence = [
        Evidence(requirement_id=row["requirement"], **{key: row[key] for key in row if key != "requirement"})
        for row in data.evidence
    ]
    return Shipped(
        facts=gate.Facts(
            requirements=tuple(reading.read_requirement(Requirement(**row)) for row in data.requirements),
            evidence=tuple(reading.read_evidence(row) for row in evidence),
            stops=(),
            site_features=frozenset(SITE_FEATURES),
            passports=tuple(
                reading.read_passport(Passport(**{**row, "product": products[row["product"]]}))
                for row in data.passports
            ),
        ),
        subjects={row.sku: reading.subject(row) for row in variants},
        timezones={row["code"]: row["timezone"] for row in data.markets},
        windows=_windows(data),
    )


def _windows(data: LaunchData) -> dict[tuple[str, str], opening.Window]:
    return {
        (slug, code): opening.Window(opens_at=opens_at, closes_at=closes_at)
        for launch in data.launches
        for slug in launch["products"]
        for code, (opens_at, closes_at) in launch["windows"].items()
    }
