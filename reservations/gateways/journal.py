"""A note on this machine's disk of what a worker is about to hand over.

Written in one system call right before the mail goes down the wire. After a crash it tells a message that was certainly
not sent (no note) from one that probably was. It speaks only for the machine and boot that wrote it.
"""

from __future__ import annotations

import os
import uuid
from pathlib import Path


class Journal:
    """A folder of empty files, one a message and attempt."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._folder = folder
        self.name = f"{_identity(folder)}:{_boot()}"[:80]

    def note(self, message_id: int, attempt: int) -> None:
        os.close(os.open(self._path(message_id, attempt), os.O_CREAT | os.O_WRONLY, 0o600))

    def knows(self, message_id: int, attempt: int) -> bool:
        return self._path(message_id, attempt).exists()

    def forget(self, message_id: int, attempt: int) -> None:
        self._path(message_id, attempt).unlink(missing_ok=True)

    def _path(self, message_id: int, attempt: int) -> Path:
        return self._folder / f"{message_id}-{attempt}"


def _identity(folder: Path) -> str:
    """A name made once for this folder, the same for every process that uses it."""
    kept = folder / "identity"
    made = folder / f".{uuid.uuid4().hex}"
    made.write_text(uuid.uuid4().hex)
    try:
        os.link(made, kept)
    except FileExistsError:
        pass  # another process was first, and its name holds
    finally:
        made.unlink()
    return kept.read_text()


def _boot() -> str:
    """Unsynced notes die with the machine: after a boot this is another journal."""
    path = Path("/proc/sys/kernel/random/boot_id")
    return path.read_text().strip() if path.exists() else "unknown"
