"""Evidence as staff see it: when it ends, what rests on it, and what waits for whom."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import date, datetime

from django.contrib.auth.models import User

from reservations.models import Evidence
from reservations.queries.cells import cells_that_differ
from reservations.queries.facts import read_evidence, read_requirement, read_world
from reservations.rules import evidence as life
from reservations.rules import gate

MOST_CELLS = 3


def expiry(row: Evidence) -> date | None:
    """The first day on which it no longer counts: its own, else by the requirement's usual validity. One query."""
    return gate.expires_on(read_evidence(row), read_requirement(row.requirement))


def standing(row: Evidence, *, on: date) -> str:
    return life.standing(status=row.status, expires_on=expiry(row), on=on)


def ids_standing(standings: set[str], *, on: date) -> list[str]:
    """The evidence that stands so on a day."""
    rows = Evidence.objects.select_related("requirement")
    return [row.pk for row in rows if standing(row, on=on) in standings]


def ending(*, on: date) -> Iterator[tuple[Evidence, int]]:
    """Approved evidence without an approved successor, and the warning that is due."""
    approved = Evidence.objects.filter(status=life.APPROVED).select_related("requirement").order_by("pk")
    for row in approved.exclude(replaced_by__status=life.APPROVED):
        end = expiry(row)
        days = life.warning_due(expires_on=end, on=on) if end else None
        if days is not None:
            yield row, days


def waiting_for(officer: User) -> list[str]:
    """Submitted evidence that this person may approve: that they had no hand in."""
    return list(Evidence.objects.filter(status=life.SUBMITTED).exclude(authors=officer).values_list("pk", flat=True))


def cells_resting_on(row: Evidence, *, at: datetime) -> list[str]:
    """Some decisions that would differ without the document, as "SKU in market"."""
    world = read_world()
    without = replace(world.facts, evidence=tuple(each for each in world.facts.evidence if each.id != row.pk))
    return [f"{cell.sku} in {cell.market}" for cell in cells_that_differ(world, without, at=at, most=MOST_CELLS)]
