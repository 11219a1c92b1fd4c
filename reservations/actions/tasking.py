"""Tasks about money for a person: one open task for a kind and a subject."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from reservations.models import MoneyTask, Reservation


def open_task(
    *,
    kind: str,
    subject: str,
    sentence: str,
    at: datetime,
    row: Reservation | None = None,
    fix: str = "",
    facts: Mapping[str, object] | None = None,
) -> MoneyTask:
    """Open it; where it is open already, its words are brought up to date."""
    words = {"sentence": sentence[:300], "fix": fix, "facts": dict(facts or {}), "reservation": row}
    task, _ = MoneyTask.objects.update_or_create(
        kind=kind, subject=subject, closed_at=None, defaults=words, create_defaults={**words, "opened_at": at}
    )
    return task


def close_tasks(*, subject: str, at: datetime, actor: str, note: str, kind: str = "") -> int:
    """Close what is open about a subject. Returns how many tasks that were."""
    found = MoneyTask.objects.filter(subject=subject, closed_at=None)
    if kind:
        found = found.filter(kind=kind)
    return found.update(closed_at=at, closed_by=actor[:80], note=note[:300])
