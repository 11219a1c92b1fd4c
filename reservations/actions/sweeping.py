"""The sweep: follow the facts wherever they moved, and the dates in them wherever one has begun."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from django.db import transaction

from reservations.actions.deciding import store_decisions
from reservations.actions.holding import follow_gate
from reservations.models import GateSweep
from reservations.queries.facts import read_world
from reservations.queries.revisions import current_revision
from reservations.rules import gate


@dataclass(frozen=True)
class Swept:
    """How many decisions changed, and how many reservations went on hold or were released."""

    decisions: int = 0
    held: int = 0
    released: int = 0


def sweep(*, at: datetime) -> Swept:
    """Two queries where nothing has happened. Else decisions and holds change in one transaction: readers see both.

    Two sweeps at once: the second waits for the first and finds nothing to do.
    """
    return _follow(at) if _is_due(GateSweep.objects.filter(id=1).first(), at) else Swept()


def _is_due(kept: GateSweep | None, at: datetime) -> bool:
    return kept is None or kept.revision != current_revision() or (kept.look_at is not None and kept.look_at <= at)


@transaction.atomic
def _follow(at: datetime) -> Swept:
    GateSweep.objects.get_or_create(id=1)
    if not _is_due(GateSweep.objects.select_for_update().get(id=1), at):
        return Swept()
    revision, world = current_revision(), read_world()
    changed = store_decisions(world, at=at)
    followed = follow_gate(world=world, at=at)
    destinations = [world.destination(code) for code in world.markets]
    GateSweep.objects.filter(id=1).update(
        revision=revision, look_at=gate.next_date(facts=world.facts, destinations=destinations, at=at)
    )
    return Swept(changed, followed.held, followed.released)
