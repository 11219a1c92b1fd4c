"""Deadlines as calendar files (RFC 5545)."""

from __future__ import annotations

import unicodedata
from datetime import UTC, datetime, timedelta

from icalendar import Alarm, Calendar, Event

EARLIER, SHOWN_AS = timedelta(hours=24), timedelta(minutes=30)


def deadline_file(*, uid: str, title: str, description: str, url: str, ends_at: datetime, made_at: datetime) -> bytes:
    """One event that ends at a deadline, with an alarm a day before. Instants are aware, and written in UTC."""
    end = ends_at.astimezone(UTC)
    event = Event.new(
        uid=uid,
        stamp=made_at.astimezone(UTC),
        start=end - SHOWN_AS,
        end=end,
        summary=_printable(title),
        description=_printable(description),
    )
    event.add("url", url)
    alarm = Alarm()
    alarm.add("action", "DISPLAY")
    alarm.add("description", _printable(title))
    alarm.add("trigger", -EARLIER)
    event.add_component(alarm)
    # No METHOD: it is a file, not a message between calendars (RFC 5546).
    calendar = Calendar.new(prodid="-//Launch reservations//EN")
    calendar.add_component(event)
    return bytes(calendar.to_ical())


def _printable(text: str) -> str:
    """RFC 5545 has no place for control characters but line ends."""
    return "".join(letter for letter in text if letter == "\n" or unicodedata.category(letter) != "Cc")
