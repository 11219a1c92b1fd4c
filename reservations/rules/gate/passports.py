"""Whether the device passport is there: `docs/gate.md`, section 3."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date

from reservations.rules.gate.facts import Facts, Passport


def passport_in_force(facts: Facts, product: str, country: str, day: date) -> Passport | None:
    """The latest that counts on a day of the market's own time zone."""
    return next((row for row in reversed(facts.passports_for.get((product, country), ())) if row.since <= day), None)


def is_missing(facts: Facts, product: str, country: str, day: date) -> bool:
    return facts.passports is not None and passport_in_force(facts, product, country, day) is None


def starts(facts: Facts, product: str, country: str) -> Iterable[date]:
    """The days on which a passport begins to count."""
    return (row.since for row in facts.passports_for.get((product, country), ()))
