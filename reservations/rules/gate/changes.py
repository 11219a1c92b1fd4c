"""When the answer changes by itself: `docs/gate.md`, section 4."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, datetime

from reservations.rules.gate.applies import GRANT_REQUIREMENT
from reservations.rules.gate.decide import decide
from reservations.rules.gate.facts import Destination, Facts, Subject
from reservations.rules.gate.met import covers, expires_on
from reservations.rules.gate.passports import starts


def next_change_at(*, subject: Subject, destination: Destination, facts: Facts, at: datetime) -> datetime | None:
    """The earliest instant after `at` at which `decide` answers differently if no fact is entered; None if never."""
    now = decide(subject=subject, destination=destination, facts=facts, at=at)
    for instant in _turning_points(subject, destination, facts, at):
        if decide(subject=subject, destination=destination, facts=facts, at=instant) != now:
            return instant
    return None


def next_date(*, facts: Facts, destinations: Iterable[Destination], at: datetime) -> datetime | None:
    """The earliest instant after `at` at which any date of the facts begins in any destination, or a stop-sale turns.

    No decision, for no part of any country, changes by itself before it.
    """
    days: set[date | None] = {row.since for row in facts.passports or ()}
    instants: set[datetime | None] = set()
    for row in facts.requirements:
        days |= {row.effective_from, row.effective_to, row.transition_until}
        for document in facts.evidence_for.get(row.id, ()):
            days |= {document.issued_on, expires_on(document, row)}
            instants.add(document.withdrawn_at)
    for stop in facts.stops:
        instants |= {stop.since, stop.lifted_at}
    zones = {destination.timezone: destination for destination in destinations}.values()
    instants |= {
        destination.midnight(on) for destination in zones for on in days if on is not None and on >= destination.day(at)
    }
    return min((instant for instant in instants if instant is not None and instant > at), default=None)


def _turning_points(subject: Subject, destination: Destination, facts: Facts, at: datetime) -> list[datetime]:
    days: set[date | None] = set(starts(facts, subject.product, destination.country))
    instants: set[datetime | None] = set()
    rows = facts.concerning(subject, destination.country)
    grant = facts.by_id.get(GRANT_REQUIREMENT)
    for row in (*rows, *([grant] if grant is not None and grant not in rows else [])):
        days |= {row.effective_from, row.effective_to, row.transition_until}
        for document in facts.evidence_for.get(row.id, ()):
            if covers(document, row, subject, destination):
                days |= {document.issued_on, expires_on(document, row)}
                instants.add(document.withdrawn_at)
    for stop in facts.stops:
        instants |= {stop.since, stop.lifted_at}
    first = destination.day(at)
    instants |= {destination.midnight(on) for on in days if on is not None and on >= first}
    return sorted(instant for instant in instants if instant is not None and instant > at)
