"""Whoever fulfils orders: one signed event for each, by the Standard Webhooks specification (standardwebhooks.com)."""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import Mapping
from datetime import datetime
from typing import Any

import orjson
import requests

TIMEOUT_SECONDS, TAKEN = 10, 2


class NotTaken(Exception):
    """The endpoint did not answer with 2xx."""


PAID, CANCELLED = "order.paid", "order.cancelled"


def send_order(*, url: str, secret: str, number: int, kind: str, order: Mapping[str, Any], at: datetime) -> None:
    """Tell of an order. The same `number` and `kind` are the same event, whoever hears it twice. Raises NotTaken."""
    identifier, seconds = f"{kind}.{number}", str(int(at.timestamp()))
    body = orjson.dumps({"type": kind, "timestamp": at.isoformat(), "data": order})
    headers = {
        "Content-Type": "application/json",
        "webhook-id": identifier,
        "webhook-timestamp": seconds,
        "webhook-signature": f"v1,{sign(secret, identifier, seconds, body)}",
    }
    try:
        answer = requests.post(url, data=body, headers=headers, timeout=TIMEOUT_SECONDS, allow_redirects=False)
    except requests.RequestException as error:
        raise NotTaken(f"{type(error).__name__}: {error}") from error
    if answer.status_code // 100 != TAKEN:
        raise NotTaken(f"answered {answer.status_code}")


def sign(secret: str, identifier: str, seconds: str, body: bytes) -> str:
    """HMAC-SHA256 in base64 over identifier, Unix seconds and body. `secret`: base64, with or without whsec_ before."""
    key = base64.b64decode(secret.removeprefix("whsec_"))
    return base64.b64encode(hmac.digest(key, f"{identifier}.{seconds}.".encode() + body, hashlib.sha256)).decode()
