"""The bot challenge before a ticket: a proof of work (ALTCHA), or twenty seconds of patience without JavaScript.

Nothing about the visitor is read or kept. Who holds a ticket is never asked.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import secrets
from datetime import datetime, timedelta
from typing import Any

import altcha.v1 as altcha
import orjson
from django.conf import settings

MOST_WORK = 50_000  # hashes at most: a second or two on a phone
VALID_SECONDS = 600


def make_challenge(room: str, at: datetime) -> str:
    """A challenge as JSON: algorithm, challenge, maxNumber, salt, signature."""
    made = altcha.create_challenge(
        altcha.ChallengeOptions(
            hmac_key=_key(), max_number=MOST_WORK, expires=at + timedelta(seconds=VALID_SECONDS), params={"room": room}
        )
    )
    return orjson.dumps(made.to_dict()).decode()


def read_solution(room: str, payload: str) -> str | None:
    """What must not be used a second time, when the solution is right and of this room."""
    try:
        is_right, _error = altcha.verify_solution(payload, _key())
        if not is_right:
            return None
        solved: Any = orjson.loads(base64.b64decode(payload))
        return str(solved["signature"]) if altcha.extract_params(solved).get("room") == [room] else None
    except (ValueError, TypeError, KeyError, AttributeError):
        return None


def make_form(room: str, at: datetime) -> str:
    """What the form without JavaScript carries: a number used once, and since when."""
    words = f"{secrets.token_hex(8)}.{int(at.timestamp())}"
    return f"{words}.{_sign(room, words)}"


def read_form(room: str, text: str, at: datetime) -> tuple[str, int] | None:
    """(what must not be used a second time, seconds still to wait), when the form is ours and not too old."""
    words, _dot, signature = text.rpartition(".")
    if not text.isascii() or not hmac.compare_digest(signature, _sign(room, words)):
        return None
    age = int(at.timestamp()) - int(words.rpartition(".")[2])
    return (words, max(0, settings.WAITING_ROOM_PATIENCE_SECONDS - age)) if age <= VALID_SECONDS else None


def _sign(room: str, words: str) -> str:
    return hmac.digest(_key().encode(), f"{room}|{words}".encode(), "sha256").hex()


def _key() -> str:
    return hashlib.sha256(b"storefront.waiting_room.door" + settings.SECRET_KEY.encode()).hexdigest()
