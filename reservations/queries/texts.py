"""Texts and amounts in the reader's language."""

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal

from babel import Locale
from babel.dates import format_date, format_datetime, get_timezone
from babel.numbers import format_currency
from django.utils.translation import get_language, gettext

from reservations.rules.money import exponent


def locale(language: str | None = None) -> Locale:
    """Babel's locale for a Django language code."""
    return Locale.parse((language or get_language() or "en").replace("-", "_"), sep="_")


def translated(texts: dict[str, str]) -> str:
    """A {language: text} in the active language: stored as such, else English through the catalogue."""
    wanted = (get_language() or "en").casefold()
    for language, text in texts.items():
        if language.casefold() == wanted:
            return text
    return gettext(texts.get("en", "")) if texts.get("en") else ""


def amount(amount_minor: int, currency: str) -> str:
    """An amount as the reader writes it, with the ISO code, since `$` alone says little."""
    places = exponent(currency)
    pattern = locale().currency_formats["standard"].pattern.replace("¤", "¤¤").replace("¤¤#", "¤¤\u00a0#")
    return format_currency(
        Decimal(amount_minor).scaleb(-places), currency, format=pattern, locale=locale(), currency_digits=True
    )


def day(value: date | str) -> str:
    """A date in words."""
    return format_date(date.fromisoformat(value) if isinstance(value, str) else value, format="long", locale=locale())


def instant(value: datetime | str, timezone: str = "UTC") -> str:
    """Date and time in a time zone, with the zone said."""
    moment = datetime.fromisoformat(value) if isinstance(value, str) else value
    return format_datetime(moment, "d MMMM y, HH:mm O", tzinfo=get_timezone(timezone), locale=locale())


def country(code: str) -> str:
    """The name of a country or territory in the reader's language."""
    return str(locale().territories.get(code, code))
