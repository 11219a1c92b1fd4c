"""Which numbers can be texted."""

from __future__ import annotations

import pytest

from reservations.rules.telephones import international


@pytest.mark.parametrize(
    ("written", "digits"),
    [
        ("+49 171 2345678", "491712345678"),
        ("0049 (171) 234-56 78", "491712345678"),
        ("+1 (415) 555–0100", "14155550100"),
        ("+65 8123 4567", "6581234567"),
        ("0171 2345678", ""),
        ("+0 171 2345678", ""),
        ("+49 171 CALL ME", ""),
        ("+49 171", ""),
        ("+4917123456789012", ""),
        ("+49 171 2345678 ext 4", ""),
        ("+٤٩ ١٧١ ٢٣٤٥٦٧٨", ""),
        ("", ""),
    ],
)
def test_only_a_number_with_its_country_code_can_be_texted(written: str, digits: str) -> None:
    assert international(written) == digits
