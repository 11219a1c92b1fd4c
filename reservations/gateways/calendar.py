"""Deadlines as calendar files (RFC 5545)."""

from __future__ import annotations

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
        summary=title,
        description=description,
    )
    event.add("url", url)
    alarm = Alarm()
    alarm.add("action", "DISPLAY")
    alarm.add("description", title)
    alarm.add("trigger", -EARLIER)
    event.add_component(alarm)
    calendar = Calendar.new(method="PUBLISH", prodid="-//Launch reservations//EN")
    calendar.add_component(event)
    return bytes(calendar.to_ical())
