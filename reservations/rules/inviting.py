"""What an open invitation asks for next. Its clock runs only from a delivered message."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

REMIND, LAPSE = "remind", "lapse"
A_DAY = timedelta(days=1)
PUT_BACK_WITHIN = timedelta(days=14)


@dataclass(frozen=True, kw_only=True)
class Clock:
    """An invitation that was delivered: for how long it runs, how many reminders are owed, and the last delivered."""

    delivered_at: datetime
    hours: int
    reminders: int
    reminded_at: datetime | None

    @property
    def ends_at(self) -> datetime:
        """The deadline; a reminder that comes late leaves a day from its own delivery."""
        end = self.delivered_at + timedelta(hours=self.hours)
        is_late = self.reminded_at is not None and self.reminded_at >= end
        return self.reminded_at + A_DAY if self.reminded_at and is_late else end

    @property
    def reminders_at(self) -> list[datetime]:
        """At half the time, and a day before the end where that is later."""
        half = self.delivered_at + timedelta(hours=self.hours) / 2
        day = self.delivered_at + timedelta(hours=self.hours) - A_DAY
        return sorted({half, max(day, half)})

    def reminders_due(self, at: datetime) -> int:
        """How many should be owed by then."""
        return sum(when <= at for when in self.reminders_at)

    def step(self, at: datetime) -> str | None:
        """What is due. Nothing lapses before a reminder was delivered."""
        if self.reminded_at is not None and self.ends_at <= at:
            return LAPSE
        return REMIND if self.reminders_due(at) > self.reminders else None

    def next_at(self) -> datetime | None:
        """When something is due next; None while nothing is until a reminder has arrived."""
        due = self.reminders_at[self.reminders :]
        if self.reminded_at is not None:
            due.append(self.ends_at)
        return min(due, default=None)


def may_put_back(lapsed_at: datetime, at: datetime) -> bool:
    return at < lapsed_at + PUT_BACK_WITHIN
