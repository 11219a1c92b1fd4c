"""The world as shapes: `world.json` is drawn by `tools/map/make.py`."""

from __future__ import annotations

import json
from collections.abc import Iterable
from functools import lru_cache
from pathlib import Path
from typing import Any

FILE = Path(__file__).with_name("world.json")


@lru_cache(maxsize=1)
def _world() -> dict[str, Any]:
    found: dict[str, Any] = json.loads(FILE.read_text())
    return found


def view_box() -> str:
    return " ".join(f"{number:g}" for number in _world()["box"])


def shape(code: str) -> dict[str, Any]:
    """`path` of a country, or `dot` of one that is too small to be drawn; empty for none."""
    world = _world()
    if code in world["paths"]:
        return {"path": world["paths"][code]}
    return {"dot": world["dots"][code]} if code in world["dots"] else {}


def other_land(markets: Iterable[str]) -> str:
    """All countries but these, as one path."""
    ours = set(markets)
    return "".join(path for code, path in sorted(_world()["paths"].items()) if code not in ours)
