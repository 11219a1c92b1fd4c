"""Tickets and passes: short signed texts that nobody can guess or change."""

from __future__ import annotations

import hashlib
import hmac
import re
import secrets
from datetime import datetime
from functools import lru_cache
from typing import NamedTuple

from django.conf import settings

MOST_REMEMBERED = 50_000  # tickets and passes, in 20 MB of a process
_LETTERS = 32  # 128 bits in hexadecimal: a link that ends in - or _ is often copied without it
_TICKET = re.compile(r"([0-9a-f]{24})\.(0|[1-9][0-9]{0,11})\.([0-9a-f]{32})")
_PASS = re.compile(r"([0-9a-f]{24})\.([0-9]{10,11})\.([0-9a-f]{32})")


class Ticket(NamedTuple):
    """A place in a room's queue; `place` 0 takes part in the draw, which gives the number later."""

    id: str
    place: int


class Pass(NamedTuple):
    """The right to use a launch's form until `expires` (seconds since 1970)."""

    ticket_id: str
    expires: int


def new_id() -> str:
    """24 hex digits, 96 random bits; public once a draw is published, and worth nothing without the signature."""
    return secrets.token_hex(12)


def write_ticket(room: str, ticket: Ticket) -> str:
    return f"{ticket.id}.{ticket.place}.{_sign('ticket', room, ticket.id, ticket.place)}"


def read_ticket(room: str, text: str) -> Ticket | None:
    """The ticket, when it is whole and of this room."""
    found = _TICKET.fullmatch(text)
    if found is None or not _is_signed("ticket", room, found[1], int(found[2]), found[3]):
        return None
    return Ticket(found[1], int(found[2]))


def write_pass(room: str, given: Pass) -> str:
    return f"{given.ticket_id}.{given.expires}.{_sign('pass', room, given.ticket_id, given.expires)}"


def read_pass(room: str, text: str, at: datetime) -> Pass | None:
    """The pass, when it is whole, of this room, and not yet expired."""
    found = _PASS.fullmatch(text)
    if found is None or not _is_signed("pass", room, found[1], int(found[2]), found[3]):
        return None
    return Pass(found[1], int(found[2])) if int(found[2]) > at.timestamp() else None


@lru_cache(maxsize=MOST_REMEMBERED)
def _is_signed(kind: str, room: str, ticket_id: str, number: int, signature: str) -> bool:
    """Who waits shows the same again and again."""
    return hmac.compare_digest(signature, _sign(kind, room, ticket_id, number))


def _sign(kind: str, room: str, ticket_id: str, number: int) -> str:
    words = f"{kind}|{room}|{ticket_id}|{number}".encode()
    return hmac.digest(_key(), words, "sha256").hex()[:_LETTERS]


@lru_cache(maxsize=1)
def _key() -> bytes:
    return hashlib.sha256(b"storefront.waiting_room" + settings.SECRET_KEY.encode()).digest()
