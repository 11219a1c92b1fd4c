"""A helper process that is set up once and then asked again and again: a JSON line in, a JSON line out."""

from __future__ import annotations

import json
import subprocess
import sys
import traceback
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Protocol

from django.db import connections


class Ask(Protocol):
    def __call__(self, *words: str) -> Any: ...


def answer(actions: Mapping[str, Callable[..., Any]]) -> None:
    """In the helper: do what each line asks, each time on a connection of its own, until the lines end."""
    for line in sys.stdin:
        action, *words = json.loads(line)
        try:
            said: Any = {"answer": actions[action](*words)}
        except Exception:  # noqa: BLE001  (whoever asked is told)
            said = {"error": traceback.format_exc()}
        finally:
            connections.close_all()
        print(json.dumps(said), flush=True)


@contextmanager
def helper(module: str, environment: dict[str, str]) -> Iterator[Ask]:
    """What to ask the helper with; it ends with the block."""
    command = [sys.executable, "-m", module]
    with subprocess.Popen(
        command, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdin and process.stdout
        asked, told = process.stdin, process.stdout

        def ask(*words: str) -> Any:
            asked.write(json.dumps(words) + "\n")
            asked.flush()
            said = json.loads(told.readline())
            assert "error" not in said, said["error"]
            return said["answer"]

        yield ask
