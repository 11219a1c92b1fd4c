"""The world as shapes: `world.json` is drawn by `tools/map/make.py`."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any

FILE = Path(__file__).with_name("world.json")
Place = dict[str, Any]


@lru_cache(maxsize=1)
def _world() -> dict[str, Any]:
    found: dict[str, Any] = json.loads(FILE.read_text())
    return found


def shape(code: str) -> Place:
    """`path` of a country, or `dot` of one that is too small to be drawn; empty for none."""
    world = _world()
    if code in world["paths"]:
        return {"path": world["paths"][code]}
    return {"dot": world["dots"][code]} if code in world["dots"] else {}


def other_land(countries: Iterable[str]) -> str:
    """All countries but these, as one path."""
    ours = set(countries)
    return "".join(path for code, path in sorted(_world()["paths"].items()) if code not in ours)


def draw(places: Mapping[str, Place]) -> dict[str, Any]:
    """What `map.html` draws: country → name, status, status_words, url and is_dim; dots lie above the land."""
    return {
        "view_box": " ".join(f"{number:g}" for number in _world()["box"]),
        "land": other_land(places),
        "places": sorted(({**place, **shape(code)} for code, place in places.items()), key=lambda each: "dot" in each),
    }
