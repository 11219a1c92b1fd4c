"""Officers who decide at the same moment: one decides, and the others hear it clearly."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

from tests.races.stage import empty_database


@pytest.mark.both_databases
def test_four_who_approve_or_confirm_at_once_give_one_approval_and_three_clear_answers() -> None:
    with empty_database("approvals") as environment:
        done = subprocess.run(
            [sys.executable, "-m", "tests.races.approvals"], env=environment, capture_output=True, text=True
        )
    assert done.returncode == 0, done.stderr[-3000:]
    assert json.loads(done.stdout) == {
        "approvals": {"done": 1, "too late: approved": 3},
        "confirmations": {"done": 1, "too late: applied": 3},
        "statuses": ["approved", "applied"],
        "logged": [1, 1],
    }
