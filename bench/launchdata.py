"""The launch data that ships, with a pool for every market and so much capacity that only one SKU sells out."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import yaml

SHIPPED = Path(__file__).resolve().parent.parent / "data"
PLENTY = 3_000_000
FEW = 400
SCARCE_SKU = "S1-BLK-RX"


def write_launch_data(folder: Path) -> Path:
    """Write the data files to a folder and return it."""
    shutil.copytree(SHIPPED, folder)
    file = folder / "launches.yaml"
    content = yaml.safe_load(file.read_text())
    for launch in content["launches"]:
        launch["has_waiting_list"] = False
        launch["pools"] = [pool for old in launch["pools"] for pool in _split(old)]
    file.write_text(yaml.safe_dump(content, allow_unicode=True))
    return folder


def _split(pool: dict[str, Any]) -> list[dict[str, Any]]:
    capacity = {sku: FEW if sku == SCARCE_SKU else PLENTY for sku in pool["capacity"]}
    return [
        {**pool, "pool": f"only-{code.lower()}", "markets": [code], "capacity": capacity} for code in pool["markets"]
    ]
