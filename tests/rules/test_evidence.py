"""The life of evidence as a table, and which warning is due when."""

from __future__ import annotations

from datetime import date, timedelta

import pytest

from reservations.rules import evidence as life

TODAY = date(2026, 11, 25)


def test_the_moves_are_these_and_no_others() -> None:
    assert {status: life.moves_from(status) for status in life.STATUSES} == {
        "draft": ("submit",),
        "submitted": ("approve", "reject"),
        "approved": ("withdraw",),
        "withdrawn": (),
    }


@pytest.mark.parametrize(
    ("days", "due"),
    [(400, None), (91, None), (90, 90), (31, 90), (30, 30), (8, 30), (7, 7), (1, 7), (0, None), (-1, None)],
)
def test_the_nearest_warning_is_due_and_none_before_the_first_or_after_the_end(days: int, due: int | None) -> None:
    assert life.warning_due(expires_on=TODAY + timedelta(days=days), on=TODAY) == due


@pytest.mark.parametrize(
    ("status", "days", "standing"),
    [
        ("approved", None, "approved"),
        ("approved", 91, "approved"),
        ("approved", 90, "expiring"),
        ("approved", 1, "expiring"),
        ("approved", 0, "expired"),
        ("draft", 0, "draft"),
        ("submitted", 5, "submitted"),
        ("withdrawn", 5, "withdrawn"),
    ],
)
def test_expiring_and_expired_follow_from_the_day(status: str, days: int | None, standing: str) -> None:
    expires_on = None if days is None else TODAY + timedelta(days=days)
    assert life.standing(status=status, expires_on=expires_on, on=TODAY) == standing
