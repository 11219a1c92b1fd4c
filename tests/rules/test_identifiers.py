"""Identifiers with a public form: real ones are taken however they are written, broken ones named with their remedy."""

from __future__ import annotations

import pytest

from reservations.rules import identifiers
from reservations.rules.identifiers import SCHEMES, SCHEMES_OF, complaint, complaint_in_text

# As printed on labels, in manuals and in imprints that anybody can look up.
REAL = {
    "fcc": ["2AC7Z-ESPWROOM32", "XPYTOBYL210", "UDX-60057010", "FCC ID: SS3-M3502301", "2AB8ZND11", "X8WBT840F"],
    "ised": ["21098-ESPWROOM32", "8595A-TOBYL210", "IC: 11805A-M3502301", "4100A-BT840F"],
    "cmiit": ["2022DP6085", "2019AP2581", "CMIIT ID: 2016DP3252", "2017DP6736"],
    "kc": ["R-C-F8A-BT840", "KCC-CRM-es5-ESPWROOM32"],
    "giteki": ["201-190710", "201-190710/00", "201-190140"],
    "anatel": ["03583-22-14656", "04908-17-10629", "Anatel: 01886-25-08356"],
    "ncc": ["CCAL22LP0381T0"],
    "postel": ["99665/SDPPI/2024", "51697/R/SDPPI/2018", "6041/SDPPI/2022"],
    "weee-de": ["DE 14978647", "WEEE-Reg.-Nr. DE 46974041", "WEEE-Reg.-Nr.: DE76956435"],
    "siren": ["732829320", "443 061 841", "SIREN 356000000"],
    "eori": ["FR73282932000074", "EORI: DE123456789012345", "XI123456789000"],
}
BROKEN = {
    "fcc": ["1AC7Z-ESPWROOM32", "2AC7", "2ac7z-espwroom32", "2AC7Z-ESPWROOM32-AND-MORE", ""],
    "ised": ["ESPWROOM32", "21098ESPWROOM32", "21098-ESPWROOM32TOOLONG", "123456789-X"],
    "cmiit": ["DP6085", "1922DP6085", "2022D6085", "2022DP60"],
    "kc": ["F8A-BT840", "R-X-F8A-BT840", "R-C-BT840", "R-C-F8A-"],
    "giteki": ["201190710", "21-190710", "201-1907"],
    "bis": ["R-1234567", "R41001234", "41001234", "R-123456789"],
    "anatel": ["3583-22-14656", "03583-2022-14656", "0358322146560"],
    "ncc": ["CCAL22LP0381", "22LP0381T0", "CCAL2LP0381T0"],
    "bsmi": ["33057", "R33", "T33057"],
    "postel": ["99665/SDPPI", "99665-SDPPI-2024", "1/POSTEL/2024"],
    "eori": ["US123456789", "FR73282932000075", "DE", "DE1234567890123456"],
    "weee-de": ["DE 1497864", "14978647", "AT 14978647"],
    "lucid": ["DE123456789012", "1234567890123", "DE12345678901234"],
    "siren": ["732829321", "73282932", "ABC829320"],
    "idu-fr": ["FR012345", "FR012345-01ABCD", "012345_01ABCD"],
}


@pytest.mark.parametrize(("scheme", "number"), [(scheme, number) for scheme in REAL for number in REAL[scheme]])
def test_a_real_number_is_taken_as_people_write_it(scheme: str, number: str) -> None:
    assert SCHEMES[scheme].complaint(number) is None


@pytest.mark.parametrize(("scheme", "number"), [(scheme, number) for scheme in BROKEN for number in BROKEN[scheme]])
def test_a_broken_number_is_refused_with_the_form_it_should_have(scheme: str, number: str) -> None:
    found = SCHEMES[scheme].complaint(number)
    assert found is not None and SCHEMES[scheme].name in found
    assert SCHEMES[scheme].example in found or "checksum" in found


@pytest.mark.parametrize("scheme", SCHEMES)
def test_every_scheme_takes_its_own_example_and_is_tried_with_broken_ones(scheme: str) -> None:
    assert SCHEMES[scheme].complaint(SCHEMES[scheme].example) is None
    assert scheme in BROKEN


def test_a_checksum_finds_two_digits_that_changed_places() -> None:
    assert identifiers.luhn("732829320") and not identifiers.luhn("738229320")


@pytest.mark.parametrize("requirement", SCHEMES_OF)
def test_a_requirement_takes_its_schemes_and_refuses_another_number(requirement: str) -> None:
    for scheme in SCHEMES_OF[requirement]:
        assert complaint(requirement=requirement, identifier=SCHEMES[scheme].example) is None
    assert complaint(requirement=requirement, identifier="report 17 of May") is not None


def test_a_requirement_without_a_public_form_takes_any_words() -> None:
    assert complaint(requirement="eu-red-2014-53", identifier="DoC of 3 May, second issue") is None


@pytest.mark.parametrize(
    "text", ["Importeur GmbH, EORI DE123456789012345", "Importeur SAS, SIREN 732 829 320", "", "Me"]
)
def test_a_text_that_names_right_numbers_or_none_is_taken(text: str) -> None:
    assert complaint_in_text(text) is None


@pytest.mark.parametrize("text", ["Importeur GmbH, EORI US123", "Importeur SAS, SIREN 732 829 321 (Paris)"])
def test_a_text_that_names_a_wrong_number_is_refused(text: str) -> None:
    assert "is no" in (complaint_in_text(text) or "")
