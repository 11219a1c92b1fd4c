"""One place, one name; and what a postcode tells."""

from __future__ import annotations

import pycountry
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from reservations.rules import destinations
from reservations.rules.destinations import NotAPostcode, Place, PostcodeElsewhere, locate, settle

COUNTRIES = sorted(country.alpha_2 for country in pycountry.countries)
PARTS = sorted(part.code for part in pycountry.subdivisions)


@pytest.mark.parametrize(
    ("country", "subdivision", "place"),
    [
        ("FR", "FR-971", Place("FR", "FR-971")),
        ("GP", None, Place("FR", "FR-971")),
        ("FR", "FR-GP", Place("FR", "FR-971")),
        ("GP", "FR-971", Place("FR", "FR-971")),
        ("YT", None, Place("FR", "FR-976")),
        ("AX", None, Place("FI", "FI-01")),
        ("PR", None, Place("US", "US-PR")),
        ("CN", "CN-HK", Place("HK")),
        ("CN", "CN-MO", Place("MO")),
        ("CN", "CN-TW", Place("TW")),
        ("NO", "NO-21", Place("SJ")),
        ("NO", "NO-22", Place("SJ")),
        ("FR", "FR-NC", Place("NC")),
        ("GB", "GB-NIR", Place("GB", "GB-NIR")),
        ("GL", None, Place("GL")),
        ("XK", None, Place("XK")),
        # What does not belong together stays as it was said, and no market lists it.
        ("GP", "FR-972", Place("GP", "FR-972")),
        ("DE", "CN-HK", Place("DE", "CN-HK")),
        ("FI", "FR-971", Place("FI", "FR-971")),
    ],
)
def test_every_code_of_a_place_leads_to_its_one_name(country: str, subdivision: str | None, place: Place) -> None:
    assert settle(country, subdivision) == place


@settings(deadline=None)
@given(st.sampled_from(COUNTRIES), st.none() | st.sampled_from(PARTS))
def test_a_settled_name_is_settled(country: str, subdivision: str | None) -> None:
    place = settle(country, subdivision)
    assert settle(place.country, place.subdivision) == place


@pytest.mark.parametrize(
    ("country", "postcode", "part"),
    [
        ("UA", "95000", "UA-43"),
        ("UA", "98690", "UA-43"),
        ("UA", "99000", "UA-40"),
        ("UA", "99999", "UA-40"),
        ("UA", "295000", "UA-43"),
        ("UA", "298690", "UA-43"),
        ("UA", "299000", "UA-40"),
        ("UA", "299999", "UA-40"),
        ("UA", "83000", "UA-14"),
        ("UA", "283001", "UA-14"),
        ("UA", "91001", "UA-09"),
        ("UA", "291001", "UA-09"),
        ("UA", "69000", "UA-23"),
        ("UA", "73000", "UA-65"),
        ("UA", "UA-95 000", "UA-43"),
        ("UA", "９５０００", "UA-43"),
        ("UA", "01001", None),
        ("UA", "68999", None),
        ("GB", "BT1 5GS", "GB-NIR"),
        ("GB", "bt15gs", "GB-NIR"),
        ("GB", "SW1A 1AA", None),
        ("GB", "B1 1AA", None),
        ("ES", "35001", "ES-CN"),
        ("ES", "38999", "ES-CN"),
        ("ES", "51001", "ES-CE"),
        ("ES", "52001", "ES-ML"),
        ("ES", "28001", None),
        ("FI", "22100", "FI-01"),
        ("FI", "AX-22100", "FI-01"),
        ("FI", "00100", None),
        ("FR", "97110", "FR-971"),
        ("FR", "97200", "FR-972"),
        ("FR", "97300", "FR-973"),
        ("FR", "97400", "FR-974"),
        ("FR", "97600", "FR-976"),
        ("FR", "F-75001", None),
        ("DK", "1050", None),
        ("NO", "0150", None),
        ("NO", "9180", None),
        ("CH", "8001", None),
        ("LI", "9490", None),
        ("DE", "not looked at", None),
        ("UA", "  ", None),
    ],
)
def test_a_postcode_tells_the_part_that_was_not_said(country: str, postcode: str, part: str | None) -> None:
    assert locate(country, None, postcode) == Place(country, part)
    if part is not None:
        assert locate(country, part, postcode) == Place(country, part)


@pytest.mark.parametrize(
    ("country", "said", "postcode", "told"),
    [
        ("UA", "UA-30", "95000", "UA-43"),
        ("UA", "UA-30", "299001", "UA-40"),
        ("UA", "UA-43", "01001", None),
        ("GB", "GB-ENG", "BT1 5GS", "GB-NIR"),
        ("GB", "GB-NIR", "SW1A 1AA", None),
        ("GB", None, "IM1 1AA", "IM"),
        ("GB", None, "JE2 3AB", "JE"),
        ("GB", None, "GY1 1AA", "GG"),
        ("ES", "ES-MD", "35001", "ES-CN"),
        ("ES", "ES-CE", "52001", "ES-ML"),
        ("FI", "FI-01", "00100", None),
        ("FI", "FI-18", "22100", "FI-01"),
        ("FR", "FR-IDF", "97110", "FR-971"),
        ("GP", None, "75001", None),
        ("GP", None, "97200", "FR-972"),
        ("FR", None, "97133", "BL"),
        ("FR", None, "97150", "MF"),
        ("FR", None, "97500", "PM"),
        ("FR", None, "98000", "MC"),
        ("FR", None, "98800", "NC"),
        ("DK", None, "3900", "GL"),
        ("NO", None, "9170", "SJ"),
        ("NO", "NO-55", "8099", "SJ"),
        ("CH", None, "9490", "LI"),
    ],
)
def test_a_postcode_of_another_place_is_refused_and_says_where_it_is(
    country: str, said: str | None, postcode: str, told: str | None
) -> None:
    with pytest.raises(PostcodeElsewhere) as caught:
        locate(country, said, postcode)
    assert (caught.value.told.code if caught.value.told else None) == told


@pytest.mark.parametrize(
    ("country", "postcode"),
    [("UA", "123"), ("UA", "195000"), ("UA", "201001"), ("GB", "12345"), ("ES", "53001"), ("ES", "00100"),
     ("FI", "2210"), ("FR", "7500"), ("DK", "12345"), ("NO", "x"), ("CH", "0800"), ("LI", "8001"), ("FR", "-")],
)  # fmt: skip
def test_what_is_no_postcode_of_the_country_is_refused_with_an_example_of_one(country: str, postcode: str) -> None:
    with pytest.raises(NotAPostcode) as caught:
        locate(country, None, postcode)
    assert locate(country, None, caught.value.example) == Place(country)


@settings(deadline=None)
@given(st.sampled_from(COUNTRIES), st.none() | st.sampled_from(PARTS), st.text(max_size=12))
def test_whatever_is_written_is_a_place_or_a_foreseen_no(country: str, said: str | None, postcode: str) -> None:
    try:
        place = locate(country, said, postcode)
    except (NotAPostcode, PostcodeElsewhere):
        assert destinations.asks_postcode(settle(country, said).country)
    else:
        assert place.country == settle(country, said).country
