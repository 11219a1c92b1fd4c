"""Texts and amounts in the reader's language."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import date, datetime, timedelta
from decimal import Decimal
from functools import lru_cache

from babel import Locale
from babel.dates import format_date, get_timezone
from babel.numbers import format_currency
from django.utils.translation import get_language, gettext, gettext_noop

from reservations.rules import gate, holds
from reservations.rules.money import exponent


def locale(language: str | None = None) -> Locale:
    """Babel's locale for a Django language code."""
    return _locale(language or get_language() or "en")


@lru_cache
def _locale(language: str) -> Locale:
    return Locale.parse(language.replace("-", "_"), sep="_")


def translated(texts: dict[str, str]) -> str:
    """A {language: text} in the active language: stored as such, else English through the catalogue."""
    wanted = (get_language() or "en").casefold()
    for language, text in texts.items():
        if language.casefold() == wanted:
            return text
    return said(texts.get("en", ""))


def said(text: str) -> str:
    """A sentence of the catalogue in the active language."""
    return _said(text, get_language() or "en")


def obstacle(code: str, title: str) -> str:
    """What stands in the way, in words: the code and the title of a gate's reason."""
    if code == holds.BANK:
        return gettext("The bank asks about the payment")
    if code == gate.STOP_SALE:
        return gettext("Sales are stopped")
    if code == gate.NO_MARKET:
        return gettext("We do not deliver there")
    if code == gate.PASSPORT_MISSING:
        return gettext("It is not told yet what the device records here")
    if code == gate.NEEDS_REVIEW:
        return gettext("An order to this place needs a check by a person")
    return said(title)


FEATURES = {
    "camera": gettext_noop("Camera"),
    "microphone": gettext_noop("Microphone"),
    "display": gettext_noop("Display"),
    "generative_ai": gettext_noop("AI assistant"),
    "health_sensor": gettext_noop("Health readings"),
    "cloud_data": gettext_noop("Answers from the cloud"),
    "bluetooth": gettext_noop("Bluetooth"),
    "wifi": gettext_noop("Wi-Fi"),
    "audio_output": gettext_noop("Sound"),
    "prescription_optics": gettext_noop("Prescription lenses"),
    "prescription": gettext_noop("Prescription lenses"),
}


def features(switched_off: Iterable[Sequence[str]]) -> list[str]:
    """Features that are switched off, each by its name, or by the title of the law that wants it so."""
    return [said(FEATURES.get(feature, title or feature)) for feature, title in switched_off]


@lru_cache(maxsize=4096)  # every letter of a launch repeats the same notices
def _said(text: str, language: str) -> str:
    return gettext(text) if text else ""


def amount(amount_minor: int, currency: str) -> str:
    """An amount as the reader writes it, with the ISO code, since `$` alone says little."""
    return _amount(amount_minor, currency, locale())


@lru_cache(maxsize=1024)  # a launch has few prices, and shows them to everybody
def _amount(amount_minor: int, currency: str, reader: Locale) -> str:
    places = exponent(currency)
    pattern = reader.currency_formats["standard"].pattern.replace("¤", "¤¤").replace("¤¤#", "¤¤\u00a0#")
    return format_currency(
        Decimal(amount_minor).scaleb(-places), currency, format=pattern, locale=reader, currency_digits=True
    )


def day(value: date | str) -> str:
    """A date in words."""
    return _day(date.fromisoformat(value) if isinstance(value, str) else value, _dates())


@lru_cache(maxsize=1024)
def _day(value: date, reader: Locale) -> str:
    return format_date(value, format="long", locale=reader)


def instant(value: datetime | str, timezone: str = "UTC") -> str:
    """Date and time in a time zone, with the offset said: 2 March 2026, 10:00 UTC+8."""
    moment = datetime.fromisoformat(value) if isinstance(value, str) else value
    local = moment.astimezone(get_timezone(timezone))
    joined = str(_dates().datetime_formats["medium"])
    return joined.replace("{1}", day(local.date())).replace("{0}", f"{local:%H:%M} {_offset(local)}")


def _offset(local: datetime) -> str:
    """UTC, UTC+8, UTC-3:30."""
    minutes = round((local.utcoffset() or timedelta()).total_seconds() / 60)
    hours, rest = divmod(abs(minutes), 60)
    sign = "-" if minutes < 0 else "+"
    return f"UTC{sign}{hours}" + (f":{rest:02}" if rest else "") if minutes else "UTC"


def _dates() -> Locale:
    """English is read everywhere: its dates are those of the world (2 March 2026), not of one country."""
    own = locale()
    return _locale("en-001") if own.language == "en" else own


def country(code: str) -> str:
    """The name of a country or territory in the reader's language."""
    return str(locale().territories.get(code, code))
