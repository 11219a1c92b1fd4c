"""The world as shapes: `world.json` is drawn by `tools/map/make.py`."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any

from reservations.queries import texts
from reservations.queries.availability import Availability
from storefront.web import words

FILE = Path(__file__).with_name("world.json")


@lru_cache(maxsize=1)
def _world() -> dict[str, Any]:
    found: dict[str, Any] = json.loads(FILE.read_text())
    return found


def shape(code: str) -> dict[str, Any]:
    """`path` of a country, or `dot` of one that is too small to be drawn; empty for none."""
    world = _world()
    if code in world["paths"]:
        return {"path": world["paths"][code]}
    return {"dot": world["dots"][code]} if code in world["dots"] else {}


def other_land(countries: Iterable[str]) -> str:
    """All countries but these, as one path."""
    ours = set(countries)
    return "".join(path for code, path in sorted(_world()["paths"].items()) if code not in ours)


def draw(cells: Mapping[str, Availability], *, only: str, url: Callable[[Availability], str]) -> dict[str, Any]:
    """What `map.html` draws of country → cell; dots lie above the land. Where `only` is a state, others are dim."""
    places = [
        {
            "name": texts.country(code),
            "status": cell.status,
            "status_words": words.status_words(cell.status),
            "url": url(cell),
            "is_dim": bool(only) and cell.status != only,
            **shape(code),
        }
        for code, cell in cells.items()
    ]
    return {
        "view_box": " ".join(f"{number:g}" for number in _world()["box"]),
        "land": other_land(cells),
        "places": sorted(places, key=lambda each: "dot" in each),
    }
