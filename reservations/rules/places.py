"""References of reservations."""

from __future__ import annotations

# Crockford's base 32: no I, L, O or U, so that a reference survives being read aloud and typed.
ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
_READ_AS = str.maketrans("ILO", "110")


def reference(number: int) -> str:
    """QW-XXXX-XXXX from the low 40 bits of a random number."""
    letters = "".join(ALPHABET[(number >> shift) & 31] for shift in range(35, -5, -5))
    return f"QW-{letters[:4]}-{letters[4:]}"


def tidy_reference(text: str) -> str:
    """A reference as somebody typed it, as we write it: case, spaces and look-alike letters forgiven."""
    letters = "".join(text.upper().split()).replace("-", "").removeprefix("QW").translate(_READ_AS)
    return f"QW-{letters[:4]}-{letters[4:]}"
