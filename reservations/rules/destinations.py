"""Which place an address names: every place has one name, and its postcode must not tell another.

Names are those of ISO 3166-1 and ISO 3166-2. Some places stand in both: the overseas departments of France follow its
law and are a part of it (GP is FR-971), others have a law of their own and are none (CN-HK is HK). A postcode is only
looked at where it tells such a place, or one with rules of its own; each table says so of the whole country, so that
what is in no range is known to be elsewhere. Sources of the ranges: the Universal Postal Union's addressing notes of
each country; for Ukraine its post's first two digits, which the occupation's post writes with a 2 before them.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class Place:
    """An ISO 3166-1 country, and an ISO 3166-2 subdivision or None for "not said"."""

    country: str
    subdivision: str | None = None

    @property
    def code(self) -> str:
        return self.subdivision or self.country


@dataclass(frozen=True)
class _Postcodes:
    """`form` fits a whole postcode without spaces, hyphens and country; `places` the beginnings that tell a place."""

    form: str
    example: str
    places: Mapping[str, Place]


class NotAPostcode(ValueError):
    """No postcode of this country. `example` is one."""

    def __init__(self, example: str) -> None:
        super().__init__(example)
        self.example = example


class PostcodeElsewhere(ValueError):
    """The postcode is not where the address is said to be. `told` is where it is; None: not in that subdivision."""

    def __init__(self, told: Place | None) -> None:
        super().__init__(told)
        self.told = told


# The same place under another code.
_PARTS = {
    "AX": Place("FI", "FI-01"),
    **{code: Place("US", f"US-{code}") for code in ("AS", "GU", "MP", "PR", "UM", "VI")},
    **{
        code: Place("FR", f"FR-{number}")
        for letters, number in {"GP": 971, "MQ": 972, "GF": 973, "RE": 974, "YT": 976}.items()
        for code in (letters, f"FR-{letters}")
    },
}
# Listed under a country whose law is not theirs: a country code of their own names them.
_APART = {
    **{f"CN-{code}": Place(code) for code in ("HK", "MO", "TW")},
    **{f"FR-{code}": Place(code) for code in ("BL", "MF", "NC", "PF", "PM", "TF", "WF")},
    **{f"NL-{code}": Place(code) for code in ("AW", "CW", "SX")},
    **{f"NL-BQ{number}": Place("BQ") for number in (1, 2, 3)},
    **{f"NO-{number}": Place("SJ") for number in (21, 22)},
}
_OCCUPIED = {
    "69|7[0-2]": "UA-23",
    "7[3-5]": "UA-65",
    "8[3-7]": "UA-14",
    "9[1-4]": "UA-09",
    "9[5-8]": "UA-43",
    "99": "UA-40",
}
_OVERSEAS = {
    "97133": "BL",
    "97150": "MF",
    "971": "GP",
    "972": "MQ",
    "973": "GF",
    "974": "RE",
    "975": "PM",
    "976": "YT",
    "980": "MC",
    "984": "TF",
    "986": "WF",
    "987": "PF",
    "988": "NC",
}
_POSTCODES = {
    "CH": _Postcodes("[1-9][0-9]{3}", "8001", {"948[5-9]|949[0-8]": Place("LI")}),
    "DK": _Postcodes("[0-9]{4}", "1050", {"39": Place("GL")}),
    "ES": _Postcodes(
        "(0[1-9]|[1-4][0-9]|5[0-2])[0-9]{3}",
        "28001",
        {"35|38": Place("ES", "ES-CN"), "51": Place("ES", "ES-CE"), "52": Place("ES", "ES-ML")},
    ),
    "FI": _Postcodes("[0-9]{5}", "00100", {"22": Place("FI", "FI-01")}),
    "FR": _Postcodes("[0-9]{5}", "75001", {start: _PARTS.get(code, Place(code)) for start, code in _OVERSEAS.items()}),
    "GB": _Postcodes(
        "[A-Z]{1,2}[0-9][0-9A-Z]?[0-9][A-Z]{2}",
        "SW1A 1AA",
        {"BT": Place("GB", "GB-NIR"), "GY": Place("GG"), "IM": Place("IM"), "JE": Place("JE")},
    ),
    "LI": _Postcodes("948[5-9]|949[0-8]", "9490", {}),
    "NO": _Postcodes("[0-9]{4}", "0150", {"917|8099": Place("SJ")}),
    "UA": _Postcodes(
        "[0-9]{5}|2(69|7[0-5]|8[3-7]|9[1-9])[0-9]{3}",
        "01001",
        {f"2?({start})[0-9]{{3}}$": Place("UA", code) for start, code in _OCCUPIED.items()},
    ),
}
_WITHOUT_COUNTRY = re.compile(r"^[A-Z]{1,3}(?=[0-9]+$)")


def settle(country: str, subdivision: str | None = None) -> Place:
    """The one name of a place, whichever of its codes is given: GP is FR-971 of FR, NO-21 of NO is SJ.

    What belongs to no country's list comes back as it was given.
    """
    own = _PARTS.get(country)
    if own is not None and subdivision in (None, own.subdivision):
        return own
    if subdivision is None:
        return Place(country)
    part = _PARTS.get(subdivision)
    if part is not None and part.country == country:
        return part
    is_listed = subdivision.startswith(f"{country}-")
    return _APART[subdivision] if is_listed and subdivision in _APART else Place(country, subdivision)


def asks_postcode(country: str) -> bool:
    """Whether a postcode of this country can tell a place apart."""
    return country in _POSTCODES


def locate(country: str, subdivision: str | None, postcode: str) -> Place:
    """The place of an address; a postcode stands in for a subdivision that was not said. An empty one tells nothing.

    Raises NotAPostcode, and PostcodeElsewhere where postcode and subdivision do not belong together.
    """
    place = settle(country, subdivision)
    table = _POSTCODES.get(place.country)
    if table is None or not postcode.strip():
        return place
    told = _told(table, postcode)
    if told is None:
        if place in table.places.values():
            raise PostcodeElsewhere(None)
        return place
    if told.country != place.country or place.subdivision not in (None, told.subdivision):
        raise PostcodeElsewhere(told)
    return told


def _told(table: _Postcodes, postcode: str) -> Place | None:
    """The place whose range it is in; None: in none of them."""
    tidy = re.sub(r"[\s\-–]", "", unicodedata.normalize("NFKC", postcode)).upper()
    tidy = _WITHOUT_COUNTRY.sub("", tidy)
    if not re.fullmatch(table.form, tidy):
        raise NotAPostcode(table.example)
    return next((place for start, place in table.places.items() if re.match(start, tidy)), None)
