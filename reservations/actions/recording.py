"""Rows of the append-only log."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from django.contrib.auth.models import AbstractBaseUser

from reservations.models import Event, Reservation


def staff_name(person: AbstractBaseUser) -> str:
    """A member of staff as the log names them."""
    return f"staff:{person.get_username()}"[:80]


def record(
    *,
    at: datetime,
    actor: str,
    action: str,
    subject: str,
    reservation: Reservation | None = None,
    facts: Mapping[str, object] | None = None,
    reason: str = "",
) -> Event:
    """Write one row. Call it inside the transaction of the change."""
    return Event.objects.create(
        at=at,
        actor=actor,
        action=action,
        subject=subject,
        reservation=reservation,
        facts=dict(facts or {}),
        reason=reason,
    )
