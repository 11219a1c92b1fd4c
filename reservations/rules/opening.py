"""When a launch takes reservations, and the one word that sums up an availability."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from reservations.rules.gate import Decision

ANNOUNCED, OPEN, PAUSED, CLOSED = "announced", "open", "paused", "closed"
WAITLIST, NOTIFY_ONLY, BLOCKED = "waitlist", "notify_only", "blocked"
STATUSES = (OPEN, WAITLIST, ANNOUNCED, NOTIFY_ONLY, PAUSED, BLOCKED)  # in the order of a legend

FEW = 20  # from so many units down, customers are told how many are left


@dataclass(frozen=True, kw_only=True)
class Window:
    """The half-open range `[opens_at, closes_at)` of a launch in one market; None as an end means no end."""

    opens_at: datetime
    closes_at: datetime | None = None
    is_paused: bool = False

    def phase(self, at: datetime) -> str:
        if at < self.opens_at:
            return ANNOUNCED
        if self.closes_at is not None and at >= self.closes_at:
            return CLOSED
        return PAUSED if self.is_paused else OPEN


@dataclass(frozen=True, kw_only=True)
class Supply:
    """What is left for a variant in a market."""

    left: int
    has_waiting_list: bool


def current_window(windows: list[Window], at: datetime) -> Window | None:
    """The window that speaks at `at`: the one not yet closed that opens first, else the one that closed last."""
    waiting = [window for window in windows if window.phase(at) != CLOSED]
    if waiting:
        return min(waiting, key=lambda window: window.opens_at)
    return max(windows, key=lambda window: window.opens_at, default=None)


def status(*, decision: Decision, window: Window | None, supply: Supply | None, at: datetime) -> str:
    """The first that fits, in the order of `docs/gate.md` section 4."""
    phase = window.phase(at) if window else ANNOUNCED
    if not decision.stages["announce"]:
        return BLOCKED
    if decision.is_stopped or phase == PAUSED:
        return PAUSED
    if not decision.stages["reserve"] or phase == CLOSED:
        return NOTIFY_ONLY
    if phase == ANNOUNCED or supply is None:
        return ANNOUNCED
    if supply.left > 0:
        return OPEN
    return WAITLIST if supply.has_waiting_list else NOTIFY_ONLY


def next_instant(instants: Iterable[datetime | None], at: datetime) -> datetime | None:
    """The earliest after `at`, of the instants at which gate or windows change by themselves."""
    return min([instant for instant in instants if instant is not None and instant > at], default=None)
