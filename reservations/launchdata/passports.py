"""Device passports, from `passports.yaml`. What is told is told in these words, so that every language has them."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from datetime import date
from typing import Any

from django.core.exceptions import ValidationError
from django.core.validators import validate_email

from reservations.launchdata.files import Fields, Row, is_country, once

# What may be recorded → the capability that records it.
RECORDS = {
    "pictures": "camera",
    "seen_by_assistant": "camera",
    "sound": "microphone",
    "spoken_requests": "microphone",
    "requests": "generative_ai",
    "account_and_settings": "cloud_data",
    "health": "health_sensor",
    "gestures": "skin_contact",
    "lens_prescription": "prescription_optics",
}
STARTS = ("press", "asked", "worn", "set_up", "ordered")
SIGNALS = ("light", "tone", "light_and_tone", "screen", "none")
WHERE = ("device", "phone", "cloud")
UNTIL_DELETED = "until_deleted"
# A product that can do one of these says what it records with it.
TOLD = frozenset({"camera", "microphone", "health_sensor", "generative_ai", "cloud_data"})


def read_passports(file: Row, markets: Mapping[str, Fields], products: Mapping[str, Fields]) -> list[Fields]:
    """One row for each product and processor. Raises BadLaunchData for the first thing that is wrong."""
    file.allow("meta", "groups", "processors", "passports")
    processors = _processors(file)
    found: list[Fields] = []
    taken: dict[tuple[str, date, str], str] = {}
    for row in file.rows("passports"):
        for place, passport in _passports(row, markets, products, processors):
            for code in passport["markets"]:
                key = (passport["product"], passport["since"], code)
                if key in taken:
                    raise place.fail("markets", f"{code} is in {taken[key]} too, from the same day; leave it in one")
                taken[key] = passport["id"]
            found.append(passport)
    return found


def _processors(file: Row) -> dict[str, Fields]:
    seen: set[str] = set()
    found = {}
    for row in file.rows("processors"):
        row.allow("id", "name", "country", "model")
        found[once(row, "id", seen)] = {
            "name": row.get("name", str),
            "country": row.word("country", is_country, "an ISO 3166-1 alpha-2 country"),
            "model": row.get("model", str),
        }
    return found


def _passports(
    row: Row, markets: Mapping[str, Fields], products: Mapping[str, Fields], processors: Mapping[str, Fields]
) -> Iterator[tuple[Row, Fields]]:
    row.allow("product", "version", "since", "contact", "sample", "records", "places")
    product = row.word("product", products.__contains__, "a product")
    since, version = row.get("since", date), row.get("version", str)
    records = [_record(each, products[product]) for each in row.rows("records")]
    missing = TOLD & set(products[product]["capabilities"]) - {record["capability"] for record in records}
    if missing:
        raise row.fail("records", f"do not say what is recorded by {', '.join(sorted(missing))}")
    for place in row.rows("places"):
        place.allow("processor", "markets")
        name = place.word("processor", processors.__contains__, "a processor of this file")
        yield (
            place,
            {
                "id": f"{product}-{name}-{since:%Y-%m-%d}",
                "product": product,
                "version": version,
                "since": since,
                "markets": place.words("markets", markets.__contains__, "a market"),
                "records": records,
                "processor": processors[name],
                "contact": row.word("contact", _is_email, "an e-mail address"),
                "is_sample": row.get("sample", bool, False),
            },
        )


def _record(row: Row, product: Mapping[str, Any]) -> Fields:
    row.allow("what", "starts", "signal", "where", "kept")
    what = row.word("what", RECORDS.__contains__, f"one of {', '.join(RECORDS)}")
    if RECORDS[what] not in product["capabilities"]:
        raise row.fail("what", f"{what} needs {RECORDS[what]}, which this product has not")
    return {
        "what": what,
        "capability": RECORDS[what],
        "starts": row.word("starts", STARTS.__contains__, f"one of {', '.join(STARTS)}"),
        "signal": row.word("signal", SIGNALS.__contains__, f"one of {', '.join(SIGNALS)}"),
        "where": row.word("where", WHERE.__contains__, f"one of {', '.join(WHERE)}"),
        "kept": row.word(
            "kept",
            _is_span,
            f"{UNTIL_DELETED} or a whole number of years, months or days as ISO 8601 has it, such as P30D",
        ),
    }


def _is_span(word: str) -> bool:
    return word == UNTIL_DELETED or bool(re.fullmatch(r"P\d+[YMD]", word))


def _is_email(word: str) -> bool:
    try:
        validate_email(word)
    except ValidationError:
        return False
    return True
