"""A deadline as a calendar reads it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from hypothesis import given
from hypothesis import strategies as st
from icalendar import Calendar

from reservations.gateways.calendar import deadline_file

ENDS_AT = datetime(2027, 1, 5, 18, 30, tzinfo=ZoneInfo("Asia/Tokyo"))


def file(title: str = "Order by now: glasses", description: str = "After that it goes to the next.") -> bytes:
    return deadline_file(
        uid="7@shop.example",
        title=title,
        description=description,
        url="https://shop.example/r/7/?key=a,b;c",
        ends_at=ENDS_AT,
        made_at=ENDS_AT - timedelta(days=3),
    )


def test_it_ends_at_the_deadline_and_rings_a_day_before() -> None:
    [event] = Calendar.from_ical(file()).walk("VEVENT")
    [alarm] = event.walk("VALARM")
    assert event.decoded("dtend") == ENDS_AT.astimezone(UTC)
    assert alarm.decoded("trigger") == timedelta(hours=-24)
    assert str(event["url"]) == "https://shop.example/r/7/?key=a,b;c"
    assert b"METHOD" not in file() and b"\r\nDTEND:20270105T093000Z\r\n" in file()


@given(st.text(max_size=300), st.text(max_size=300))
def test_whatever_the_words_are_it_is_one_event_with_those_words(title: str, description: str) -> None:
    content = file(title, description)
    [event] = Calendar.from_ical(content).walk("VEVENT")
    assert event.decoded("dtend") == ENDS_AT.astimezone(UTC)
    assert all(len(line) <= 75 for line in content.split(b"\r\n"))
    assert not any(byte < 32 and byte not in b"\r\n" for byte in content)
