"""Telephone numbers that can be texted from any country."""

from __future__ import annotations

import re

_SPACING = re.compile(r"[\s().\-/\u2010-\u2015]")
_INTERNATIONAL = re.compile(r"(?:\+|00)([1-9][0-9]{7,14})")


def international(written: str) -> str:
    """The digits of a number that was written with its country code (ITU-T E.164); empty where it was not."""
    found = _INTERNATIONAL.fullmatch(_SPACING.sub("", written))
    return found[1] if found else ""
