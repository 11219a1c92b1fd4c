"""What is asked for together, and what came of it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import orjson

from reservations.actions.wishes import Refusal, Wish
from reservations.models import Reservation


@dataclass(frozen=True)
class Granted:
    """A reservation that was just made, and how many are ahead of it."""

    reservation: Reservation
    sku: str
    people_ahead: int


Answer = tuple[int, orjson.Fragment]  # status, and the body as JSON


@dataclass(frozen=True, kw_only=True)
class Request:
    """A request that may come again under its key. `write` turns what came of it into the answer that is kept."""

    partner_id: int
    key: str
    is_sandbox: bool
    body_digest: str
    write: Callable[[Granted | Refusal], tuple[int, dict[str, Any]]]

    @property
    def name(self) -> tuple[int, str, bool]:
        return self.partner_id, self.key, self.is_sandbox


@dataclass(eq=False)
class Ask:
    """A wish on its way, and what came of it."""

    wish: Wish
    at: datetime
    request: Request | None = None
    outcome: Granted | Reservation | Exception | None = None
    answer: Answer | None = None
    is_replayed: bool = False
    # Two asks that share a mark do not go together: the later finds what the earlier left.
    marks: frozenset[object] = field(init=False)

    def __post_init__(self) -> None:
        marks = {self.wish.email_key, self.wish.attempt, self.request and self.request.name}
        self.marks = frozenset(marks - {None})

    def forget(self) -> None:
        """What a transaction said that was rolled back."""
        self.outcome, self.answer, self.is_replayed = None, None, False
