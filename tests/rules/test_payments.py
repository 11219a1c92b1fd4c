"""Amounts as Stripe counts them, and for how long a place is held."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reservations.rules import payments
from reservations.rules.money import Money, fee_from_stripe, from_stripe, to_stripe

AT = datetime(2026, 11, 25, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("money", "stripe"),
    [
        (Money(500, "EUR"), 500),
        (Money(800, "JPY"), 800),
        (Money(1500, "KWD"), 1500),
        (Money(700, "ISK"), 70_000),
        (Money(20_000, "UGX"), 2_000_000),
        (Money(7_000, "KRW"), 7_000),
    ],
)
def test_amounts_are_counted_as_stripe_counts_them(money: Money, stripe: int) -> None:
    assert to_stripe(money) == stripe
    assert from_stripe(stripe, money.currency.lower()) == money


@pytest.mark.parametrize("currency", ["KWD", "BHD", "JOD", "OMR", "TND"])
def test_what_stripe_cannot_charge_is_refused(currency: str) -> None:
    with pytest.raises(ValueError, match="whole tens"):
        to_stripe(Money(1501, currency))


def test_a_part_of_a_minor_unit_is_no_amount_but_may_be_a_fee() -> None:
    with pytest.raises(ValueError, match="no whole minor unit"):
        from_stripe(1075, "isk")
    assert fee_from_stripe(1075, "isk") == Money(11, "ISK")


@given(st.integers(1, 10**12), st.sampled_from(["EUR", "JPY", "ISK", "UGX", "USD", "KRW"]))
def test_whatever_is_charged_comes_back_as_it_was(amount: int, currency: str) -> None:
    assert from_stripe(to_stripe(Money(amount, currency)), currency.lower()) == Money(amount, currency)


def test_who_is_written_to_has_longer_than_who_sits_in_front() -> None:
    assert payments.held_until(AT, is_in_front=True) == AT + timedelta(minutes=30)
    assert payments.held_until(AT, is_in_front=False) == AT + timedelta(hours=48)
    assert payments.remind_at(AT, is_in_front=True) == AT + timedelta(minutes=10)
    assert payments.remind_at(AT, is_in_front=False) == AT


def test_the_page_of_stripe_lasts_longer_than_the_hold() -> None:
    assert payments.PAGE_LASTS > payments.HOLD


@given(st.integers(0, 30))
def test_waits_double_up_to_an_hour(tries: int) -> None:
    wait = payments.retry_at(AT, tries, 15) - AT
    assert wait == min(timedelta(seconds=15 * 2**tries), timedelta(hours=1))


@given(st.integers(0, 10**6), st.integers(0, 10**6), st.integers(0, 10**6))
def test_no_more_goes_back_than_was_captured(captured: int, promised: int, keeps: int) -> None:
    back = payments.to_give_back(captured, promised, keeps)
    assert back >= 0 and (back == 0 or back + promised + keeps == captured)
