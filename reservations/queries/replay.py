"""What was decided at an instant, and what the facts that were known then make of it."""

from __future__ import annotations

import hashlib
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from typing import Any

import orjson
from pydantic import TypeAdapter

from reservations.models import KeptFacts, KnownFacts, PastDecision
from reservations.queries.availability import read_decision
from reservations.queries.facts import World
from reservations.rules import gate


@dataclass(frozen=True)
class Snapshot:
    """The facts of a world, and the variants and time zones that they speak of."""

    facts: gate.Facts
    subjects: Mapping[str, gate.Subject]
    timezones: Mapping[str, str]


@dataclass(frozen=True)
class Replay:
    """`then`: what was stored, since when and why. `now`: the same facts decided again. None: nothing was known yet."""

    then: gate.Decision | None
    since: datetime | None
    cause: str
    again: gate.Decision | None
    digest: str


_ADAPTER = TypeAdapter(Snapshot)


def write_snapshot(world: World) -> tuple[str, bytes]:
    """SHA-256 and bytes of what a world decides from; equal facts have equal bytes."""
    zones = {code: market.timezone for code, market in world.markets.items()}
    plain = _in_order(_ADAPTER.dump_python(Snapshot(world.facts, dict(world.subjects), zones), mode="json"))
    content = orjson.dumps(plain, option=orjson.OPT_SORT_KEYS)
    return hashlib.sha256(content).hexdigest(), zlib.compress(content)


def _in_order(value: Any) -> Any:
    """Sets have no order of their own: lists of words are sorted."""
    if isinstance(value, dict):
        return {name: _in_order(each) for name, each in value.items()}
    if isinstance(value, list):
        return sorted(value) if all(isinstance(each, str) for each in value) else [_in_order(each) for each in value]
    return value


@lru_cache(maxsize=4)
def _read_snapshot(digest: str) -> Snapshot:
    return _ADAPTER.validate_json(zlib.decompress(bytes(KeptFacts.objects.get(digest=digest).content)))


def replay(*, sku: str, market: str, at: datetime) -> Replay:
    """For a variant in a whole market. The two decisions are the same, or something was changed behind the log."""
    past = PastDecision.objects.filter(variant__sku=sku, market=market, at__lte=at).order_by("-at", "-id").first()
    known = KnownFacts.objects.filter(at__lte=at).order_by("-at", "-id").first()
    return Replay(
        then=read_decision(past.answer) if past else None,
        since=past.at if past else None,
        cause=past.cause if past else "",
        again=_decide_again(_read_snapshot(known.facts_id), sku, market, at) if known else None,
        digest=known.facts_id if known else "",
    )


def _decide_again(snapshot: Snapshot, sku: str, market: str, at: datetime) -> gate.Decision | None:
    if sku not in snapshot.subjects:
        return None
    destination = gate.Destination(country=market, timezone=snapshot.timezones.get(market))
    return gate.decide(subject=snapshot.subjects[sku], destination=destination, facts=snapshot.facts, at=at)
