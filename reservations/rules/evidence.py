"""The life of evidence, and when staff hear that it ends.

    draft ──submit──> submitted ──approve (a second person)──> approved ──withdraw──> withdrawn
      ^                   │
      └──────reject───────┘

What is approved never changes: a change is a new row that replaces it. `expiring` and `expired` follow from dates and
are not stored.
"""

from __future__ import annotations

from datetime import date

DRAFT, SUBMITTED, APPROVED, WITHDRAWN = "draft", "submitted", "approved", "withdrawn"
STATUSES = (DRAFT, SUBMITTED, APPROVED, WITHDRAWN)
SETTLED = (APPROVED, WITHDRAWN)  # the gate has seen it: it neither changes nor goes
EXPIRING, EXPIRED = "expiring", "expired"
STANDINGS = (DRAFT, SUBMITTED, APPROVED, EXPIRING, EXPIRED, WITHDRAWN)

SUBMIT, APPROVE, REJECT, WITHDRAW = "submit", "approve", "reject", "withdraw"
MOVES: dict[str, tuple[str, str]] = {
    SUBMIT: (DRAFT, SUBMITTED),
    APPROVE: (SUBMITTED, APPROVED),
    REJECT: (SUBMITTED, DRAFT),
    WITHDRAW: (APPROVED, WITHDRAWN),
}
NEED_REASON = frozenset({REJECT, WITHDRAW})
WARN_DAYS = (90, 30, 7)


def moves_from(status: str) -> tuple[str, ...]:
    """What can be done with evidence in a status."""
    return tuple(move for move, (before, _) in MOVES.items() if before == status)


def standing(*, status: str, expires_on: date | None, on: date) -> str:
    """The status as staff see it on a day: an approved document is also expiring or expired."""
    if status != APPROVED or expires_on is None:
        return status
    if expires_on <= on:
        return EXPIRED
    return EXPIRING if warning_due(expires_on=expires_on, on=on) else APPROVED


def warning_due(*, expires_on: date, on: date) -> int | None:
    """The nearest warning that is due, in days before the expiry; None before the first and after the end."""
    left = (expires_on - on).days
    return min((days for days in WARN_DAYS if 0 < left <= days), default=None)
