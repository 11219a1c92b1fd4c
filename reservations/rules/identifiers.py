"""Identifiers that have a public form: what they look like, and what to write instead of a wrong one.

A form says what can be a number of its kind, never that the number was given out: that is for the second person to look
up in the authority's register.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass

EU = "AT BE BG CY CZ DE DK EE ES FI FR GR HR HU IE IT LT LU LV MT NL PL PT RO SE SI SK"


def luhn(text: str) -> bool:
    """Whether the digits of a text satisfy the Luhn checksum (ISO/IEC 7812-1)."""
    digits = [int(letter) for letter in reversed(text) if letter.isdecimal()]
    doubled = [digit if place % 2 == 0 else digit * 2 for place, digit in enumerate(digits)]
    return sum(value - 9 if value > 9 else value for value in doubled) % 10 == 0


def french_eori(text: str) -> bool:
    """A French EORI number is FR and a SIRET, which has a Luhn checksum; others have none that is public."""
    return not re.fullmatch(r"FR\d{14}", text) or luhn(text[2:])


@dataclass(frozen=True, kw_only=True)
class Scheme:
    """A kind of identifier. `prefix` is what people write before it and what is not part of it."""

    name: str
    pattern: str
    example: str
    remedy: str
    prefix: str = ""
    has_valid_checksum: Callable[[str], bool] = lambda _: True

    def bare(self, identifier: str) -> str:
        """Without spaces around and without what is written before it."""
        return re.sub(rf"^(?:{self.prefix})\s*:?\s*", "", identifier.strip(), flags=re.IGNORECASE)

    def complaint(self, identifier: str) -> str | None:
        """What is wrong with an identifier and what to write instead; None when nothing is."""
        bare = self.bare(identifier)
        if re.fullmatch(self.pattern, bare) is None:
            return f"{identifier!r} is no {self.name}: {self.remedy}, such as {self.example}."
        if not self.has_valid_checksum(bare):
            return f"{identifier!r} is no {self.name}: its checksum is wrong. Compare it digit by digit."
        return None


SCHEMES: dict[str, Scheme] = {
    "fcc": Scheme(
        name="FCC ID",
        pattern=r"(?:[A-Z][A-Z0-9]{2}|[2-9][A-Z0-9]{4})-?[A-Z0-9][A-Z0-9-]{0,13}",
        example="2AC7Z-ESPWROOM32",
        remedy="write a grantee code of three characters, or five from a digit on, and a product code of up to 14",
        prefix="FCC ID",
    ),
    "ised": Scheme(
        name="ISED (IC) certification number",
        pattern=r"\d{1,5}[A-Z]?-[A-Z0-9]{1,11}",
        example="21098-ESPWROOM32",
        remedy="write the company number, a hyphen and the unique product number of up to 11 characters",
        prefix="IC",
    ),
    "cmiit": Scheme(
        name="CMIIT ID",
        pattern=r"20\d{2}[A-Z]{2}\d{4,6}(?:\([A-Z]\))?",
        example="2022DP6085",
        remedy="write the year, two letters and the serial number",
        prefix="CMIIT ID",
    ),
    "kc": Scheme(
        name="KC identifier",
        pattern=r"(?:R-[CRIS]|(?:MSIP|KCC)-(?:CRM|CMM|CRI|REM|RMM|REI))-[A-Za-z0-9]{3}-\S{1,30}",
        example="R-C-F8A-BT840",
        remedy="write R, the kind (C, R, I or S), the holder's three characters and the model, with hyphens",
    ),
    "giteki": Scheme(
        name="Giteki number",
        pattern=r"\d{3}-(?:[A-Z]?\d{5}|\d{6})(?:/\d{2})?|\d{3}[A-Z]{2,4}\d{6}",
        example="201-190710",
        remedy="write the certifier's three digits, a hyphen and the six characters after it",
        prefix="R|\\[R\\]",
    ),
    "bis": Scheme(
        name="BIS registration number",
        pattern=r"R-\d{8}",
        example="R-41001234",
        remedy="write R, a hyphen and eight digits",
    ),
    "anatel": Scheme(
        name="Anatel homologation number",
        pattern=r"\d{5}-\d{2}-\d{5}|\d{4}-\d{2}-\d{4}",
        example="03583-22-14656",
        remedy="write five digits, the year's two and five more (older: four, two and four), with hyphens",
        prefix="Anatel",
    ),
    "ncc": Scheme(
        name="NCC ID",
        pattern=r"CC[A-Z]{2}\d{2}[A-Z0-9]{2}[A-Z0-9]{4}T\d",
        example="CCAL22LP0381T0",
        remedy="write CC, two letters, the year's two digits, the certifier's two, four, T and a digit",
        prefix="NCC ID|NCC",
    ),
    "bsmi": Scheme(
        name="BSMI registration",
        pattern=r"R[0-9A-Z]{5}",
        example="R33057",
        remedy="write R and five characters",
    ),
    "postel": Scheme(
        name="Indonesian certificate number",
        pattern=r"\d{4,6}(?:/R)?/(?:SDPPI|DJID)/20\d{2}",
        example="99665/SDPPI/2024",
        remedy="write the number, SDPPI or DJID, and the year, with strokes",
    ),
    "eori": Scheme(
        name="EORI number",
        pattern=rf"(?:{'|'.join([*EU.split(), 'XI', 'GB'])})[A-Z0-9]{{1,15}}",
        example="FR73282932000074",
        remedy="write the country's two letters (the Union's, XI or GB) and up to 15 letters or digits",
        prefix="EORI",
        has_valid_checksum=french_eori,
    ),
    "weee-de": Scheme(
        name="WEEE registration of Germany",
        pattern=r"DE\s?\d{8}",
        example="DE 14978647",
        remedy="write DE and eight digits",
        prefix=r"WEEE-Reg\.-?Nr\.?",
    ),
    "lucid": Scheme(
        name="LUCID registration number",
        pattern=r"DE\d{13}",
        example="DE1234567890123",
        remedy="write DE and 13 digits",
        prefix="LUCID",
    ),
    "siren": Scheme(
        name="SIREN number",
        pattern=r"\d{3} ?\d{3} ?\d{3}",
        example="732 829 320",
        remedy="write nine digits",
        prefix="SIREN",
        has_valid_checksum=luhn,
    ),
    "idu-fr": Scheme(
        name="French producer identifier (IDU)",
        pattern=r"FR\d{6}_\d{2}[A-Z0-9]{4}",
        example="FR012345_01ABCD",
        remedy="write FR, six digits, an underscore, the scheme's two digits and four characters",
    ),
}

# Several: any of them will do.
SCHEMES_OF: dict[str, tuple[str, ...]] = {
    "us-fcc-part-15-certification": ("fcc",),
    "ca-ised-certification": ("ised",),
    "cn-srrc": ("cmiit",),
    "kr-kc-radio": ("kc",),
    "jp-giteki": ("giteki",),
    "in-bis-crs": ("bis",),
    "br-anatel-homologation": ("anatel",),
    "br-anatel-listing-code": ("anatel",),
    "tw-ncc": ("ncc",),
    "tw-bsmi": ("bsmi",),
    "id-djid": ("postel",),
    "de-epr-elektrog-batt-verpackg": ("weee-de", "lucid"),
    "fr-epr-uin-triman": ("idu-fr",),
}
# Numbers that people name in a text about a person or company.
IN_TEXT = {"EORI": "eori", "SIREN": "siren"}


def complaint(*, requirement: str, identifier: str) -> str | None:
    """What is wrong with the identifier of a document for a requirement; None where it is right or has no form."""
    complaints = [SCHEMES[scheme].complaint(identifier) for scheme in SCHEMES_OF.get(requirement, ())]
    if not complaints or None in complaints:
        return None
    return " ".join(each for each in complaints if each)


def complaint_in_text(text: str) -> str | None:
    """What is wrong with the first wrong number that a text names, as in "Importeur GmbH, EORI DE123"."""
    for word, scheme in IN_TEXT.items():
        for number in re.findall(rf"\b{word}\s*:?\s*((?:[A-Z0-9]|(?<=\d) (?=\d))+)", text):
            found = SCHEMES[scheme].complaint(number)
            if found:
                return found
    return None
