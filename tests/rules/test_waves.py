"""Waves reach those who stand first; nobody is overtaken; pairs stay together; clocks run from a delivery."""

from __future__ import annotations

import uuid
from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reservations.rules import delays, inviting
from reservations.rules.waves import Entry, allocate, plan

NOON = datetime(2026, 6, 1, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)


def entries(*given: tuple[int, int, str | None]) -> list[Entry]:
    """(line, units, pair) each, in order."""
    return [Entry(uuid.UUID(int=number), line, units, pair) for number, (line, units, pair) in enumerate(given)]


queues = st.lists(st.tuples(st.integers(1, 3), st.integers(1, 3), st.none()), max_size=40).map(
    lambda rows: entries(*rows)
)
supplies = st.dictionaries(st.integers(1, 3), st.integers(0, 20))


@given(queues, supplies)
def test_no_line_gives_more_than_it_has_and_what_is_left_is_what_was_not_given(
    queue: list[Entry], supply: dict[int, int]
) -> None:
    found = allocate(queue, supply)
    for line, units in supply.items():
        assert sum(entry.quantity for entry in found.reached if entry.line == line) + found.left[line] == units


@given(queues, supplies)
def test_who_is_reached_is_the_beginning_of_each_line(queue: list[Entry], supply: dict[int, int]) -> None:
    reached = set(allocate(queue, supply).reached)
    for line in supply:
        standing = [entry in reached for entry in queue if entry.line == line]
        assert standing == sorted(standing, reverse=True)


@given(
    st.lists(st.tuples(st.integers(1, 2), st.integers(1, 2), st.sampled_from([None, "a", "b"])), max_size=12), supplies
)
def test_of_a_pair_both_are_reached_or_neither(rows: list[tuple[int, int, str | None]], supply: dict[int, int]) -> None:
    seen: dict[str, int] = {}
    kept = []
    for line, units, pair in rows:  # a pair is of two
        seen[pair or ""] = seen.get(pair or "", 0) + 1
        kept.append((line, units, pair if seen[pair or ""] <= 2 else None))
    found = allocate(entries(*kept), supply)
    for pair in ("a", "b"):
        assert sum(entry.pair == pair for entry in found.reached) in (0, 2)


def test_who_stands_behind_half_a_pair_moves_up() -> None:
    found = allocate(entries((1, 1, "a"), (1, 1, None), (2, 1, "a")), {1: 1, 2: 0})
    assert [entry.key.int for entry in found.reached] == [1]
    assert {entry.key.int for entry in found.parted} == {0, 2}


def test_a_plan_names_the_wave_that_is_expected_to_reach_each() -> None:
    assert plan([1, 2, 1, 3, 1], [2, 3]) == [0, 1, 1, None, None]
    assert plan([3], [1, 1, 1]) == [2] and plan([1, 1], []) == [None, None]


def clock(**known: object) -> inviting.Clock:
    return inviting.Clock(**{"delivered_at": NOON, "hours": 72, "reminders": 0, "reminded_at": None, **known})  # type: ignore[arg-type]


def test_reminders_are_at_half_the_time_and_a_day_before_the_end() -> None:
    assert clock().reminders_at == [NOON + 36 * HOUR, NOON + 48 * HOUR]
    assert clock(hours=24).reminders_at == [NOON + 12 * HOUR]


@given(st.integers(24, 300), st.integers(0, 400), st.none() | st.integers(0, 400))
def test_nothing_lapses_without_a_delivered_reminder_nor_before_the_end(
    hours: int, at: int, reminded: int | None
) -> None:
    known = clock(hours=hours, reminders=2, reminded_at=None if reminded is None else NOON + reminded * HOUR)
    if known.step(NOON + at * HOUR) == inviting.LAPSE:
        assert reminded is not None and at >= hours and (reminded < hours or at >= reminded + 24)


def test_one_reminder_makes_up_for_all_that_were_missed() -> None:
    late = clock()
    assert late.step(NOON + 60 * HOUR) == inviting.REMIND and late.reminders_due(NOON + 60 * HOUR) == 2
    assert clock(reminders=2).step(NOON + 100 * HOUR) is None


@pytest.mark.parametrize(
    ("country", "days", "earlier", "answer_by"),
    [
        ("US", 30, 0, None),
        ("US", 31, 0, date(2027, 6, 30)),
        ("US", 1, 1, date(2027, 5, 31)),
        ("US", 90, 2, date(2027, 5, 31)),
        ("DE", 90, 3, None),
        ("JP", 90, 0, None),
    ],
)
def test_a_delay_asks_what_the_law_of_the_place_asks(
    country: str, days: int, earlier: int, answer_by: date | None
) -> None:
    promised = date(2027, 5, 31)
    found = delays.demand(
        country=country, promised_to=promised, new_to=promised + timedelta(days=days), earlier_delays=earlier
    )
    assert found and (found.must_choose, found.answer_by) == (answer_by is not None, answer_by)


@given(st.dates(), st.integers(0, 400), st.sampled_from(["US", "DE", "JP"]), st.integers(0, 3))
def test_a_window_that_gets_no_worse_asks_nothing(day: date, sooner: int, country: str, earlier: int) -> None:
    new = date.fromordinal(max(day.toordinal() - sooner, 1))
    assert delays.demand(country=country, promised_to=day, new_to=new, earlier_delays=earlier) is None
