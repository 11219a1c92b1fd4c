"""Bodies as Stripe's libraries send them: `a[b][0][c]=v`."""

from __future__ import annotations

import re
from typing import Any
from urllib.parse import parse_qsl

_NAME = re.compile(r"[^\[\]]+")


def flat(body: str) -> dict[str, str]:
    """Every field under its whole name."""
    return dict(parse_qsl(body, keep_blank_values=True))


def nested(fields: dict[str, str]) -> dict[str, Any]:
    """Fields as they belong together. Lists become dictionaries by index."""
    found: dict[str, Any] = {}
    for name, value in fields.items():
        *path, last = _NAME.findall(name)
        place = found
        for step in path:
            place = place.setdefault(step, {})
        place[last] = value
    return found
