"""What every act that needs a second person asks first."""

from __future__ import annotations

from dataclasses import dataclass

from django.contrib.auth.models import User

MOST_LETTERS = 300


@dataclass(eq=False)
class NotAllowed(Exception):
    """The person lacks a permission."""

    permission: str


@dataclass(eq=False)
class OwnWork(Exception):
    """Somebody else has to decide about what this person wrote, submitted or proposed."""

    subject: str


@dataclass(eq=False)
class AlreadyMoved(Exception):
    """It is not in the status that the act begins from: somebody was faster, or it never could."""

    subject: str
    status: str
    by: str


@dataclass(eq=False)
class ReasonMissing(Exception):
    """The act needs a reason, for the log and for those it concerns."""


def require(officer: User, permission: str) -> None:
    """Raises NotAllowed."""
    if not officer.has_perm(f"reservations.{permission}"):
        raise NotAllowed(permission)


def tidy_reason(reason: str) -> str:
    """Raises ReasonMissing for an empty one."""
    tidy = reason.strip()[:MOST_LETTERS]
    if not tidy:
        raise ReasonMissing
    return tidy
