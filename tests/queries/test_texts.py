"""Dates, instants and amounts in the reader's language."""

from __future__ import annotations

from datetime import UTC, date, datetime

import pytest
from django.utils import translation

from reservations.queries import texts

OPENING = datetime(2026, 3, 2, 2, tzinfo=UTC)


@pytest.mark.parametrize(
    ("language", "timezone", "words"),
    [
        ("en", "Asia/Shanghai", "2 March 2026, 10:00 UTC+8"),
        ("en", "UTC", "2 March 2026, 02:00 UTC"),
        ("en", "America/New_York", "1 March 2026, 21:00 UTC-5"),
        ("en", "Asia/Kolkata", "2 March 2026, 07:30 UTC+5:30"),
        ("de", "Europe/Berlin", "2. März 2026, 03:00 UTC+1"),
        ("zh-hans", "Asia/Shanghai", "2026年3月2日 10:00 UTC+8"),
    ],
)
def test_an_instant_says_its_offset(language: str, timezone: str, words: str) -> None:
    with translation.override(language):
        assert texts.instant(OPENING, timezone) == words
        assert texts.instant(OPENING.isoformat(), timezone) == words


@pytest.mark.parametrize(
    ("language", "words"), [("en", "31 May 2027"), ("de", "31. Mai 2027"), ("zh-hans", "2027年5月31日")]
)
def test_a_day_in_words(language: str, words: str) -> None:
    with translation.override(language):
        assert texts.day(date(2027, 5, 31)) == texts.day("2027-05-31") == words


@pytest.mark.parametrize(
    ("amount", "currency", "language", "words"),
    [
        (59900, "EUR", "en", "EUR 599.00"),
        (59900, "EUR", "de", "599,00 EUR"),
        (98000, "JPY", "en", "JPY 98,000"),
        (199500, "KWD", "en", "KWD 199.500"),
    ],
)
def test_an_amount_has_the_exponent_of_its_currency(amount: int, currency: str, language: str, words: str) -> None:
    with translation.override(language):
        assert texts.amount(amount, currency).replace("\N{NO-BREAK SPACE}", " ") == words
