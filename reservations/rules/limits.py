"""Who counts as the same customer, and how many units one may hold."""

from __future__ import annotations

import unicodedata
from functools import lru_cache

# Providers that ignore full stops in the local part and treat these domains as one.
_DOTLESS = {"gmail.com": "gmail.com", "googlemail.com": "gmail.com"}


def email_key(address: str) -> str:
    """The normalised key under which an address counts for limits.

    NFKC and case folded, the domain in IDNA, a "+tag" dropped, full stops dropped where the provider ignores them.
    The address itself is stored as it was typed. An address without "@" is its own key.
    """
    folded = unicodedata.normalize("NFKC", address).strip().casefold()
    local, at, domain = folded.rpartition("@")
    if not at:
        return folded
    local = local.split("+", 1)[0]
    domain = _ascii_domain(domain)
    if domain in _DOTLESS:
        domain, local = _DOTLESS[domain], local.replace(".", "")
    return f"{local}@{domain}"


@lru_cache(maxsize=10_000)
def _ascii_domain(domain: str) -> str:
    """In IDNA. One that cannot be encoded stays as typed: it is refused as an address, not here."""
    try:
        return domain.encode("idna").decode("ascii")
    except UnicodeError:
        return domain
