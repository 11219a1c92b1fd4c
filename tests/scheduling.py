"""Which tests go to one worker together, and which start first so that no worker is left with a long one at the end."""

from __future__ import annotations

import pytest
from xdist.scheduler import LoadScopeScheduling

# The longest first: what takes many seconds. A folder's modules share what they start, one shop for each.
SHARED = ("tests/journeys/", "tests/paying/")
LONG = (
    "tests/paying/test_faults.py",  # waits more than it works: not beside the other
    "tests/journeys/test_customer.py",
    "tests/paying/",
    "tests/races/test_capacity.py",
    "tests/jobs/test_outbox.py",
    "tests/journeys/",
    "tests/rehearsal/",
    "tests/actions/test_any_order.py",
    "tests/actions/test_replay.py",
    "tests/races/",
)


class Scheduling(LoadScopeScheduling):
    """A module that shares a running shop is one piece of work; any other test is one by itself."""

    def _split_scope(self, nodeid: str) -> str:
        return nodeid.partition("::")[0] if nodeid.startswith(SHARED) else nodeid


def rank(item: pytest.Item) -> int:
    """Where its folder or module stands in `LONG`; behind all of them when it is not there."""
    return next((place for place, path in enumerate(LONG) if item.nodeid.startswith(path)), len(LONG))
