"""What a customer was shown and agreed to, and what of it has changed since."""

from __future__ import annotations

import uuid
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from reservations.models import Acceptance, Reservation, Wording
from reservations.queries.facts import World
from reservations.rules import gate, lifecycle


@dataclass(frozen=True)
class News:
    """Consents that are asked for, and notices that are shown, in a version that this customer has not seen."""

    consents: tuple[gate.Notice, ...] = ()
    notices: tuple[gate.Notice, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.consents or self.notices)


def shown_to(reservation: Reservation) -> list[dict[str, Any]]:
    """Every text as last shown to the customer, by requirement, and when each consent was given; in order of time."""
    found = {notice["id"]: notice for notice in reservation.shown}
    for row in sorted(reservation.acceptances.all(), key=lambda row: (row.at, row.pk)):  # may be prefetched
        for notice in row.wording.notices:
            known = found.get(notice["id"])
            if known is None or known["version"] != notice["version"]:
                given = row.at.isoformat() if notice["consent"] else None
                found[notice["id"]] = {**notice, "accepted_at": given}
    return list(found.values())


def texts_seen(row: Reservation) -> set[tuple[str, str]]:
    """Requirement id and version of every text that this customer has been shown."""
    return _seen([row])[row.pk]


def news_for(rows: Sequence[Reservation], *, world: World, at: datetime) -> dict[uuid.UUID, News]:
    """Reservation id → what to ask and tell at the next step, for live ones with news: two queries at most."""
    alive = [row for row in rows if row.status in lifecycle.LIVE]
    seen = _seen(alive)
    found = {row.pk: _news(world, row, seen[row.pk], at) for row in alive}
    return {pk: news for pk, news in found.items() if news}


def _news(world: World, row: Reservation, seen: set[tuple[str, str]], at: datetime) -> News:
    decision = decision_for(world, row, at)
    new = [notice for notice in decision.notices if (notice.id, notice.version) not in seen]
    return News(
        consents=tuple(notice for notice in new if notice.consent),
        notices=tuple(notice for notice in new if not notice.consent),
    )


def decision_for(world: World, row: Reservation, at: datetime) -> gate.Decision:
    """What the gate says of the place and variant of a reservation."""
    return world.decide(row.variant.sku, row.market_id, row.subdivision or None, at).decision


def _seen(rows: Iterable[Reservation]) -> dict[uuid.UUID, set[tuple[str, str]]]:
    digests: dict[uuid.UUID, set[str]] = {row.pk: {row.wording_id} for row in rows}
    for pk, digest in Acceptance.objects.filter(reservation__in=digests).values_list("reservation_id", "wording_id"):
        digests[pk].add(digest)
    wanted = {digest for found in digests.values() for digest in found}
    texts = {row.pk: row.notices for row in Wording.objects.filter(pk__in=wanted)}
    seen: dict[uuid.UUID, set[tuple[str, str]]] = defaultdict(set)
    for pk, found in digests.items():
        seen[pk] = {(notice["id"], notice["version"]) for digest in found for notice in texts[digest]}
    return seen
