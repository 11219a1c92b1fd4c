"""What somebody wants to reserve, and every foreseen no to it."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property

from reservations.rules import gate, limits


class Refusal(Exception):
    """A foreseen no. Carries facts; words and HTTP belong to the front."""


@dataclass(eq=False)
class UnknownSku(Refusal):
    sku: str


@dataclass(eq=False)
class UnknownMarket(Refusal):
    market: str


@dataclass(eq=False)
class SubdivisionRequired(Refusal):
    market: str


@dataclass(eq=False)
class UnknownSubdivision(Refusal):
    market: str
    subdivision: str


@dataclass(eq=False)
class UnknownPostcode(Refusal):
    """No postcode of the market; `example` is one."""

    market: str
    example: str


@dataclass(eq=False)
class PostcodeElsewhere(Refusal):
    """The postcode is in the country or subdivision `told`, or (None) not in the one that was said."""

    market: str
    subdivision: str | None
    told: str | None


@dataclass(eq=False)
class NotAvailableInMarket(Refusal):
    """The gate says no at `place`: its subdivision, or the whole market."""

    decision: gate.Decision
    next_change_at: datetime | None
    place: str


@dataclass(eq=False)
class NotOpenYet(Refusal):
    opens_at: datetime | None


@dataclass(eq=False)
class LaunchPaused(Refusal):
    """The launch is paused, or a stop-sale is in force."""


@dataclass(eq=False)
class LaunchClosed(Refusal):
    closed_at: datetime | None


@dataclass(eq=False)
class ConsentRequired(Refusal):
    """Consents that are missing, or were given to another version of the text."""

    missing: tuple[gate.Notice, ...]
    unknown: tuple[str, ...]


@dataclass(eq=False)
class LimitReached(Refusal):
    limit: int


@dataclass(eq=False)
class SoldOut(Refusal):
    """Nothing left and no waiting list."""


@dataclass(eq=False)
class AllotmentExhausted(Refusal):
    """The partner's own allotment is used up."""


class KeyReused(Exception):
    """The idempotency key came before with another body."""


@dataclass(frozen=True, kw_only=True)
class Wish:
    """What somebody wants to reserve, already checked for its form. `product`: on whose page, where it was on one."""

    sku: str
    quantity: int
    product: str | None = None
    market: str
    subdivision: str | None
    language: str
    email: str
    name: str
    phone: str = ""
    postcode: str = ""
    consents: Mapping[str, str]
    partner_id: int | None = None
    partner_slug: str = ""
    partner_reference: str = ""
    attempt: uuid.UUID | None = None
    is_sandbox: bool = False

    @cached_property
    def email_key(self) -> str:
        """Who the customer is, for limits."""
        return limits.email_key(self.email)
