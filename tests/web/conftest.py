"""The customers' pages at an instant after the opening."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

import pytest
import time_machine

from tests.world import AT


@pytest.fixture(autouse=True)
def at_noon(launch_data: datetime) -> Iterator[None]:
    with time_machine.travel(AT, tick=False):
        yield
