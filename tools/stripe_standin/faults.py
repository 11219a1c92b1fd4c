"""Faults on request: the next call that fits is killed, delayed, or answered with an error of Stripe's."""

from __future__ import annotations

import contextlib
import os
import re
import signal
import threading
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

KINDS = ("kill_before", "kill_after", "timeout", "slow", "error_before", "error_after", "rate_limit", "lock")


@dataclass
class Fault:
    fault: str
    method: str = "POST"
    path: str = ".*"
    where: dict[str, str] = field(default_factory=dict)
    times: int = 1
    seconds: float = 30
    used: int = 0


class Faults:
    """What is armed."""

    def __init__(self) -> None:
        self.armed: list[Fault] = []
        self._lock = threading.Lock()

    def arm(self, given: dict[str, Any]) -> None:
        if given["fault"] not in KINDS:
            raise ValueError(f"fault: one of {', '.join(KINDS)}")
        with self._lock:
            self.armed.append(Fault(**given))

    def take(self, method: str, path: str, fields: dict[str, str]) -> Fault | None:
        """The fault for a call, which is used up by it."""
        with self._lock:
            for each in self.armed:
                fits = each.method == method and re.fullmatch(each.path, path)
                if each.used < each.times and fits and each.where.items() <= fields.items():
                    each.used += 1
                    return each
        return None


def kill_caller(peer_port: int, own_port: int) -> bool:
    """SIGKILL to the process at the other end of a connection on this machine, found through /proc. Never to itself."""
    inode = _inode_of(peer_port, own_port)
    for folder in Path("/proc").glob("[0-9]*"):
        if inode is None or int(folder.name) == os.getpid():
            continue
        with contextlib.suppress(OSError):
            if any(os.readlink(each) == f"socket:[{inode}]" for each in (folder / "fd").iterdir()):
                os.kill(int(folder.name), signal.SIGKILL)
                return True
    return False


def _inode_of(local_port: int, remote_port: int) -> str | None:
    for table in ("/proc/net/tcp", "/proc/net/tcp6"):
        for line in Path(table).read_text().splitlines()[1:]:
            words = line.split()
            ports = [int(words[column].rpartition(":")[2], 16) for column in (1, 2)]
            if ports == [local_port, remote_port]:
                return words[9]
    return None
