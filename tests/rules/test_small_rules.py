"""Money, limits, windows, references and moves."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from babel.numbers import get_currency_precision
from hypothesis import given
from hypothesis import strategies as st

from reservations.rules import gate, lifecycle, limits, money, opening, places
from reservations.rules.money import Money

AT = datetime(2026, 3, 2, 2, tzinfo=UTC)
MS = timedelta(milliseconds=1)
HOUR = timedelta(hours=1)


# --- money ----------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize(("gross", "rate", "tax"), [(59900, 1900, 9564), (119, 1900, 19), (100, 0, 0), (1, 2500, 0)])
def test_tax_inside_a_price_is_rounded_half_up(gross: int, rate: int, tax: int) -> None:
    assert Money(gross, "EUR").tax_included(rate) == Money(tax, "EUR")


@given(st.integers(0, 10**12), st.integers(0, 10_000))
def test_tax_is_never_more_than_the_price_and_within_half_a_unit_of_the_exact_share(gross: int, rate: int) -> None:
    tax = Money(gross, "EUR").tax_included(rate).amount_minor
    assert 0 <= tax <= gross
    assert abs(2 * (tax * (10_000 + rate) - gross * rate)) <= 10_000 + rate


def test_currencies_do_not_mix() -> None:
    with pytest.raises(ValueError, match="EUR"):
        Money(1, "EUR") + Money(1, "USD")
    with pytest.raises(ValueError, match="JPY"):
        Money(1, "JPY") - Money(1, "USD")


@pytest.mark.parametrize("currency", ["JPY", "KRW", "KWD", "BHD", "EUR", "CNY", "CLP", "VND", "ISK", "OMR", "JOD"])
def test_exponents_are_those_of_iso_4217(currency: str) -> None:
    assert money.exponent(currency) == get_currency_precision(currency)


# --- limits ---------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Ada@Example.org", "ada@example.ORG"),
        ("ada+two@example.org", "ada@example.org"),
        ("a.d.a@gmail.com", "ada@googlemail.com"),
        ("ada@bücher.example", "ada@xn--bcher-kva.example"),
        ("ａｄａ@example.org", "ada@example.org"),
        (" ada@example.org ", "ada@example.org"),
    ],
)
def test_spellings_of_one_mailbox_are_one_customer(one: str, other: str) -> None:
    assert limits.email_key(one) == limits.email_key(other)


@pytest.mark.parametrize(
    ("one", "other"),
    [("a.da@example.org", "ada@example.org"), ("ada@example.org", "ada@example.com"), ("ada", "ada@example.org")],
)
def test_different_mailboxes_stay_different(one: str, other: str) -> None:
    assert limits.email_key(one) != limits.email_key(other)


@given(st.text(max_size=80))
def test_a_key_is_its_own_key(address: str) -> None:
    key = limits.email_key(address)
    assert limits.email_key(key) == key


# --- opening --------------------------------------------------------------------------------------------------------
WINDOW = opening.Window(opens_at=AT, closes_at=AT + HOUR)


@pytest.mark.parametrize(
    ("at", "phase"),
    [(AT - MS, "announced"), (AT, "open"), (AT + HOUR - MS, "open"), (AT + HOUR, "closed"), (AT + 2 * HOUR, "closed")],
)
def test_a_window_is_half_open(at: datetime, phase: str) -> None:
    assert WINDOW.phase(at) == phase


def test_a_paused_window_is_paused_only_while_it_would_be_open() -> None:
    paused = opening.Window(opens_at=AT, closes_at=AT + HOUR, is_paused=True)
    assert [paused.phase(at) for at in (AT - MS, AT, AT + HOUR)] == ["announced", "paused", "closed"]


def test_of_several_windows_the_one_that_is_open_or_comes_next_speaks() -> None:
    later = opening.Window(opens_at=AT + 2 * HOUR)
    windows = [later, WINDOW]
    assert opening.current_window(windows, AT) == WINDOW
    assert opening.current_window(windows, AT + HOUR) == later
    assert opening.current_window([WINDOW], AT + HOUR) == WINDOW
    assert opening.current_window([], AT) is None


def allowed(**changes: object) -> gate.Decision:
    stages = dict.fromkeys(gate.STAGES, True)
    fields: dict[str, object] = {
        "stages": stages,
        "reasons": (),
        "notices": (),
        "disabled_features": (),
        "varies_in": (),
        "is_stopped": False,
    }
    return gate.Decision(**(fields | changes))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("decision", "window", "supply", "expected"),
    [
        (allowed(), WINDOW, opening.Supply(left=1, has_waiting_list=True), "open"),
        (allowed(), WINDOW, opening.Supply(left=0, has_waiting_list=True), "waitlist"),
        (allowed(), WINDOW, opening.Supply(left=0, has_waiting_list=False), "notify_only"),
        (allowed(), WINDOW, None, "announced"),
        (allowed(), None, None, "announced"),
        (allowed(is_stopped=True), WINDOW, opening.Supply(left=1, has_waiting_list=True), "paused"),
        (
            allowed(stages=dict.fromkeys(gate.STAGES, True) | {"reserve": False}),
            WINDOW,
            opening.Supply(left=1, has_waiting_list=True),
            "notify_only",
        ),
        (allowed(stages=dict.fromkeys(gate.STAGES, False)), WINDOW, None, "blocked"),
    ],
)
def test_one_word_sums_up(
    decision: gate.Decision, window: opening.Window | None, supply: opening.Supply | None, expected: str
) -> None:
    assert opening.status(decision=decision, window=window, supply=supply, at=AT) == expected


def test_the_next_instant_is_the_earliest_that_is_still_to_come() -> None:
    instants = [
        opening.next_instant([gate_at, WINDOW.opens_at, WINDOW.closes_at], at)
        for gate_at, at in [(None, AT - MS), (None, AT), (AT + MS, AT), (AT, AT + HOUR)]
    ]
    assert instants == [AT, AT + HOUR, AT + MS, None]


# --- references -----------------------------------------------------------------------------------------------------
@given(st.integers(0, 2**40 - 1))
def test_a_reference_survives_being_typed_carelessly(number: int) -> None:
    reference = places.reference(number)
    assert places.tidy_reference(reference.lower().replace("-", " ").replace("0", "o").replace("1", "l")) == reference


def test_two_numbers_have_two_references() -> None:
    assert len({places.reference(number) for number in range(5_000)}) == 5_000


# --- lifecycle ------------------------------------------------------------------------------------------------------
def test_a_reservation_ends_only_once_but_for_a_lapse_that_is_put_back() -> None:
    ends = {move.before for move in lifecycle.MOVES if move.before in lifecycle.GONE}
    assert ends == {lifecycle.EXPIRED}
    assert not any(lifecycle.may_move(lifecycle.CANCELLED, after) for after in lifecycle.STATUSES)


def test_every_status_can_be_reached_and_every_move_has_its_words() -> None:
    reached = {*lifecycle.STARTS, *(move.after for move in lifecycle.MOVES)}
    assert reached == set(lifecycle.STATUSES)
    assert all(move.word and move.when and move.before != move.after for move in lifecycle.MOVES)
    assert lifecycle.sources("converted") == ("invited",)


def test_only_who_is_invited_can_order_and_only_who_was_asked_for_something_can_lapse() -> None:
    assert lifecycle.sources(lifecycle.CONVERTED) == (lifecycle.INVITED,)
    assert lifecycle.sources(lifecycle.EXPIRED) == (lifecycle.AWAITING_PAYMENT, lifecycle.INVITED)


EMPTY = places.Line(capacity=3, held=0, waiting=0, gone=0, last_place=0)


def test_places_are_given_in_the_order_asked_until_nothing_is_left() -> None:
    line, given = places.give(EMPTY, [(2, AT), (1, AT), (1, AT)], has_waiting_list=False)
    assert given == [places.Place(1, AT, True, 0), places.Place(2, AT, True, 1), None]
    assert line == EMPTY._replace(held=3, last_place=2, last_at=AT)


def test_with_a_waiting_list_everybody_has_a_number_and_nobody_overtakes() -> None:
    line, given = places.give(EMPTY, [(2, AT), (2, AT), (1, AT)], has_waiting_list=True)
    assert [(place.number, place.is_confirmed, place.ahead) for place in given if place] == [
        (1, True, 0),
        (2, False, 0),
        (3, False, 1),
    ]
    assert line == EMPTY._replace(held=2, waiting=2, last_place=3, last_at=AT)


def test_who_left_the_line_is_not_ahead_of_anybody() -> None:
    line = places.Line(capacity=4, held=2, waiting=0, gone=5, last_place=7)
    _, given = places.give(line, [(1, AT), (2, AT)], has_waiting_list=True)
    assert [(place.ahead, place.is_confirmed) for place in given if place] == [(2, True), (0, False)]


def test_a_clock_that_lags_behind_gives_no_earlier_rank() -> None:
    line = EMPTY._replace(last_place=1, last_at=AT)
    _, given = places.give(
        line, [(1, AT - timedelta(seconds=3)), (1, AT + timedelta(seconds=1))], has_waiting_list=True
    )
    assert [place.at for place in given if place] == [AT, AT + timedelta(seconds=1)]


def test_identifiers_made_later_sort_later_and_say_when() -> None:
    first, second = (places.identifier(AT + timedelta(milliseconds=ms), (1 << 74) - 1 - ms) for ms in (0, 1))
    assert first < second and first.version == 7 and first.int >> 80 == int(AT.timestamp() * 1000)


def test_the_drawing_in_the_docs_is_the_table() -> None:
    page = (Path(__file__).parents[2] / "docs" / "lifecycle.md").read_text()
    assert f"```mermaid\n{lifecycle.draw()}\n```" in page
    for move in lifecycle.MOVES:
        assert f"| {move.before} | {move.after} | `reservation.{move.word}` | {move.when} |" in page
