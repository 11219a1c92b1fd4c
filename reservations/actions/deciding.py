"""Materialise the gate's decisions when a fact changes or a date passes, and log each that differs."""

from __future__ import annotations

from datetime import datetime

from django.db import transaction

from reservations.actions.recording import record
from reservations.models import Decision, Variant
from reservations.queries.availability import write_decision
from reservations.queries.facts import World, read_world
from reservations.rules import gate


@transaction.atomic
def rebuild_decisions(*, at: datetime, cause: str, actor: str = "system") -> int:
    """Decide every variant in every market afresh. Returns how many decisions changed.

    Call it in the transaction that changed a fact: readers see the old facts and decisions, or the new ones. The
    revision moves with the facts themselves (`models/guards.py`).
    """
    return _store(read_world(), at=at, cause=cause, actor=actor, only=None)


@transaction.atomic
def refresh_due_decisions(*, at: datetime) -> int:
    """Decide again where the known date of change has passed. Returns how many decisions changed."""
    due = set(Decision.objects.filter(next_change_at__lte=at).values_list("variant__sku", "market_id"))
    if not due:
        return 0
    return _store(read_world(), at=at, cause="a date has passed", actor="system", only=due)


def _store(world: World, *, at: datetime, cause: str, actor: str, only: set[tuple[str, str]] | None) -> int:
    kept = {(row.variant.sku, row.market_id): row for row in Decision.objects.select_related("variant")}
    variant_ids = dict(Variant.objects.values_list("sku", "id"))
    cells = only if only is not None else {(sku, code) for sku in world.subjects for code in world.markets}
    changed, fresh = 0, []
    for sku, code in sorted(cells):
        where = {"subject": world.subjects[sku], "destination": world.destination(code), "facts": world.facts, "at": at}
        answer = write_decision(gate.decide(**where))  # type: ignore[arg-type]
        change_at = gate.next_change_at(**where)  # type: ignore[arg-type]
        before = kept.get((sku, code))
        fresh.append(
            Decision(
                variant_id=variant_ids[sku], market_id=code, answer=answer, decided_at=at, next_change_at=change_at
            )
        )
        if before is not None and _gist(before.answer) != _gist(answer):
            changed += 1
            facts = {"before": _gist(before.answer), "after": _gist(answer)}
            record(
                at=at, actor=actor, action="gate.changed", subject=f"decision:{sku}:{code}", facts=facts, reason=cause
            )
    Decision.objects.bulk_create(
        fresh,
        update_conflicts=True,
        unique_fields=["variant", "market"],
        update_fields=["answer", "decided_at", "next_change_at"],
    )
    return changed


def _gist(answer: dict[str, object]) -> dict[str, object]:
    reasons: list[dict[str, object]] = answer["reasons"]  # type: ignore[assignment]
    return {"stages": answer["stages"], "reasons": [row["requirement"] for row in reasons]}
