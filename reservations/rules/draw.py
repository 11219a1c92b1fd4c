"""Why this order: the provable draw. The whole rule is `order`; `static/verify_draw.py` repeats it for anybody."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Iterable


def commitment(seed: str) -> str:
    """What is published before anybody has a ticket: SHA-256 of the seed, 64 hex digits."""
    return hashlib.sha256(seed.encode()).hexdigest()


def score(ticket_id: str, seed: str) -> str:
    """HMAC-SHA256 of a ticket id under the seed, 64 hex digits."""
    return hmac.digest(seed.encode(), ticket_id.encode(), "sha256").hex()


def order(ticket_ids: Iterable[str], seed: str) -> list[str]:
    """The tickets from the first place to the last; each id counts once, in whatever order they are given."""
    return sorted(set(ticket_ids), key=lambda ticket_id: (score(ticket_id, seed), ticket_id))


def freeze(ticket_ids: Iterable[str]) -> list[str]:
    """The list as it is published: each id once, in the order of their code points."""
    return sorted(set(ticket_ids))


def digest(ticket_ids: Iterable[str]) -> str:
    """SHA-256 of the frozen list written one id a line, each line ended by a line feed; 64 hex digits."""
    return hashlib.sha256("".join(f"{ticket_id}\n" for ticket_id in freeze(ticket_ids)).encode()).hexdigest()
