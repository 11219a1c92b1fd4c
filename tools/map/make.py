"""Draw the world map: TopoJSON of the npm package world-atlas → storefront/web/world.json.

    npm pack world-atlas@2.0.2 && tar xzf world-atlas-2.0.2.tgz
    python tools/map/make.py package/

Geometry: Natural Earth (public domain), packed by world-atlas (ISC). Projection: Natural Earth I by Tom Patterson,
as the polynomials of Šavrič, Jenny, Patterson, Petrovič and Hurni (2011). Places too small to be drawn become dots.
"""

from __future__ import annotations

import hashlib
import json
import math
import sys
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import pycountry

TARGET = Path(__file__).resolve().parent.parent.parent / "storefront" / "web" / "world.json"
SHA256 = {
    "countries-110m.json": "2516c915867c7baf18ddec727aec46c315541a07cfb3d79a6559b05d5e94eee8",
    "countries-50m.json": "04342cdc1e3016bcd7db1630de95684d67b79fe3c8c460321e87aef469502394",
}
WIDTH = 1000.0
SCALE = WIDTH / (2 * math.pi * 0.8707)
SOUTH = -58.0  # below it there is only Antarctica
TOP = 84.0
HALF = 180.0
Point = tuple[float, float]
Ring = list[Point]


def project(longitude: float, latitude: float) -> Point:
    """Degrees to the picture's units, x to the right and y down."""
    phi = math.radians(latitude)
    square = phi * phi
    fourth = square * square
    x = math.radians(longitude) * (
        0.8707 - 0.131979 * square + fourth * (-0.013791 + fourth * (0.003971 * square - 0.001529 * fourth))
    )
    y = phi * (1.007226 + square * (0.015085 + fourth * (-0.044475 + 0.028874 * square - 0.005916 * fourth)))
    return x * SCALE + WIDTH / 2, -y * SCALE


def read(folder: Path, name: str) -> dict[str, Any]:
    content = (folder / name).read_bytes()
    if hashlib.sha256(content).hexdigest() != SHA256[name]:
        sys.exit(f"{name} is not that of world-atlas 2.0.2")
    found: dict[str, Any] = json.loads(content)
    return found


def arcs(topology: dict[str, Any]) -> list[Ring]:
    """The arcs of a topology in degrees."""
    (kx, ky), (tx, ty) = topology["transform"]["scale"], topology["transform"]["translate"]
    found = []
    for arc in topology["arcs"]:
        x = y = 0
        line = []
        for dx, dy in arc:
            x, y = x + dx, y + dy
            line.append((x * kx + tx, y * ky + ty))
        found.append(line)
    return found


def rings(geometry: dict[str, Any], lines: list[Ring]) -> Iterator[Ring]:
    polygons = geometry["arcs"] if geometry["type"] == "MultiPolygon" else [geometry["arcs"]]
    for polygon in polygons:
        for indices in polygon:
            ring: Ring = []
            for index in indices:
                line = lines[index] if index >= 0 else lines[~index][::-1]
                ring += line if not ring else line[1:]
            yield from at_the_edge(ring)


def at_the_edge(ring: Ring) -> Iterator[Ring]:
    """A ring that crosses the 180th meridian as its two halves; any other as it is."""
    if not any(abs(x - before) > HALF for (before, _), (x, _) in pairwise(ring)):
        yield ring
        return
    yield [(x if x > 0 else HALF, y) for x, y in ring]
    yield [(x if x < 0 else -HALF, y) for x, y in ring]


def countries(topology: dict[str, Any]) -> Iterator[tuple[str, list[Ring]]]:
    """ISO 3166-1 alpha-2 and rings in degrees; Kosovo, which has no number, is XK."""
    lines = arcs(topology)
    for geometry in topology["objects"]["countries"]["geometries"]:
        country = pycountry.countries.get(numeric=geometry.get("id", ""))
        code = country.alpha_2 if country else "XK" if geometry["properties"]["name"] == "Kosovo" else ""
        if code and geometry.get("arcs"):
            yield code, list(rings(geometry, lines))


def draw(shapes: list[Ring]) -> str:
    """An SVG path of whole tenths, in relative steps."""
    parts = []
    for ring in shapes:
        points = [project(x, max(SOUTH, min(TOP, y))) for x, y in ring]
        whole = [(round(x * 10), round(y * 10)) for x, y in points]
        kept = [point for number, point in enumerate(whole) if number == 0 or point != whole[number - 1]]
        if len(kept) < 4 or max(y for _, y in ring) < SOUTH:
            continue
        steps = [
            f"{(x - before_x) / 10:g},{(y - before_y) / 10:g}" for (before_x, before_y), (x, y) in pairwise(kept[:-1])
        ]
        parts.append(f"M{kept[0][0] / 10:g},{kept[0][1] / 10:g}l{' '.join(steps)}z")
    return "".join(parts)


def middle(shapes: list[Ring]) -> list[float]:
    """The middle of the largest ring."""
    ring = max(shapes, key=_size)
    xs, ys = [x for x, _ in ring], [y for _, y in ring]
    return [round(value, 1) for value in project((min(xs) + max(xs)) / 2, (min(ys) + max(ys)) / 2)]


def _size(ring: Ring) -> float:
    xs, ys = [x for x, _ in ring], [y for _, y in ring]
    return (max(xs) - min(xs)) * (max(ys) - min(ys))


def main(folder: Path) -> None:
    drawn: dict[str, str] = {}
    for code, shapes in countries(read(folder, "countries-110m.json")):
        if code != "AQ":
            drawn[code] = drawn.get(code, "") + draw(shapes)
    dots = {code: middle(shapes) for code, shapes in countries(read(folder, "countries-50m.json")) if code not in drawn}
    top, bottom = project(0, TOP)[1], project(0, SOUTH)[1]
    content = {"box": [0, math.floor(top), WIDTH, math.ceil(bottom - top)], "paths": drawn, "dots": dots}
    TARGET.write_text(json.dumps(content, separators=(",", ":"), sort_keys=True) + "\n")
    print(f"{TARGET.name}: {len(drawn)} countries, {len(dots)} dots, {TARGET.stat().st_size / 1000:.0f} kB")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
