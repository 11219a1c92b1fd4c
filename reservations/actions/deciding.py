"""Materialise the gate's decisions when a fact changes or a date passes, and log each that differs."""

from __future__ import annotations

from datetime import datetime

from django.db import transaction

from reservations.actions.recording import record
from reservations.models import Decision, Evidence, KeptFacts, KnownFacts, PastDecision, Variant
from reservations.queries.availability import write_decision
from reservations.queries.facts import World, read_world
from reservations.queries.replay import write_snapshot

BY_DATE = "a date has passed"


@transaction.atomic
def rebuild_decisions(*, at: datetime, cause: str, actor: str = "system") -> int:
    """Decide every variant in every market afresh. Returns how many decisions changed.

    Call it in the transaction that changed a fact: readers see the old facts and decisions, or the new ones. The
    revision moves with the facts themselves (`models/guards.py`). Reservations follow by the sweep (`sweeping.py`).
    """
    return store_decisions(read_world(), at=at, cause=cause, actor=actor)


def store_decisions(world: World, *, at: datetime, cause: str = BY_DATE, actor: str = "system") -> int:
    """Store what the world decides at `at`, and log what differs from before, with the document that lapsed."""
    kept = {(row.variant.sku, row.market_id): row for row in Decision.objects.select_related("variant")}
    variant_ids = dict(Variant.objects.values_list("sku", "id"))
    changed, fresh, past = 0, [], []
    _keep_facts(world, at)
    for sku, code in sorted((sku, code) for sku in world.subjects for code in world.markets):
        decided = world.decide(sku, code, None, at)
        answer, before = write_decision(decided.decision), kept.get((sku, code))
        if before is None or (before.answer, before.next_change_at) != (answer, decided.until):
            fresh.append(
                Decision(
                    variant_id=variant_ids[sku],
                    market_id=code,
                    answer=answer,
                    decided_at=at,
                    next_change_at=decided.until,
                )
            )
        why = f"{cause}{_documents(before.answer, answer) if before else ''}"[:300]
        if before is None or before.answer != answer:
            past.append(PastDecision(variant_id=variant_ids[sku], market_id=code, at=at, cause=why, answer=answer))
        if before is not None and _gist(before.answer) != _gist(answer):
            changed += 1
            record(
                at=at,
                actor=actor,
                action="gate.changed",
                subject=f"decision:{sku}:{code}",
                facts={"before": _gist(before.answer), "after": _gist(answer)},
                reason=why,
            )
    PastDecision.objects.bulk_create(past)
    Decision.objects.bulk_create(
        fresh,
        update_conflicts=True,
        unique_fields=["variant", "market"],
        update_fields=["answer", "decided_at", "next_change_at"],
    )
    return changed


def _keep_facts(world: World, at: datetime) -> None:
    """What is decided from now on is decided on these."""
    digest, content = write_snapshot(world)
    last = KnownFacts.objects.order_by("-at", "-id").first()
    if last is None or last.facts_id != digest:
        KeptFacts.objects.get_or_create(digest=digest, defaults={"content": content})
        KnownFacts.objects.create(at=at, facts_id=digest)


def _gist(answer: dict[str, object]) -> dict[str, object]:
    reasons: list[dict[str, object]] = answer["reasons"]  # type: ignore[assignment]
    return {"stages": answer["stages"], "reasons": [row["requirement"] for row in reasons]}


def _documents(before: dict[str, object], after: dict[str, object]) -> str:
    """The certificates whose end or absence is a new reason, by name and identifier."""
    known = {row["requirement"] for row in before["reasons"]}  # type: ignore[attr-defined]
    names = [
        row["evidence"]
        for row in after["reasons"]  # type: ignore[attr-defined]
        if row["evidence"] and row["requirement"] not in known
    ]
    found = Evidence.objects.in_bulk(names) if names else {}
    return "".join(f"; {name} ({found[name].identifier})" for name in names if name in found)
