"""What workers do with their mails, noted on this machine's disk right before and right after they do it.

A batch has a page: a file that one worker writes, and holds a lock on for as long as it lives. What is written there is
safe from the death of the process once the system call returns. The page of a worker that died tells of each message of
its batch: no note (certainly not handed over), handed over (nobody knows the answer), accepted, or refused. The page of
a batch that is settled is gone. A journal speaks only for the machine and boot that wrote it (ADR 3).
"""

from __future__ import annotations

import fcntl
import json
import logging
import os
import uuid
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any, BinaryIO

log = logging.getLogger(__name__)
Lease = tuple[int, datetime]  # a message, and when its batch was taken


@dataclass(frozen=True, kw_only=True)
class Accepted:
    """A mail that the mail server took: all that its message is settled with."""

    sent_at: datetime
    recipient: str
    subject: str
    raw: str


@dataclass(frozen=True)
class Notes:
    """What the journal knows of each lease. Of one that is nowhere here nothing was handed over."""

    held: set[Lease] = field(default_factory=set)  # by a worker that lives
    handed_over: set[Lease] = field(default_factory=set)
    accepted: dict[Lease, Accepted] = field(default_factory=dict)


class Page:
    """The notes on one batch. Each is written in one system call, on lines of its own."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor
        self.handed_over: set[int] = set()  # and not refused

    def begin(self, message_ids: Sequence[int], taken_at: datetime) -> None:
        self._write({"batch": list(message_ids), "taken_at": taken_at.isoformat()})

    def hand_over(self, message_id: int) -> None:
        """The mail server learns of it next. Raises OSError when that cannot be noted: then it must not."""
        self._write({"handed_over": message_id})
        self.handed_over.add(message_id)

    def refuse(self, message_id: int) -> None:
        self.handed_over.discard(message_id)
        self._write_answer({"refused": message_id})

    def accept(self, message_id: int, mail: Accepted) -> None:
        self._write_answer({"accepted": message_id, **vars(mail), "sent_at": mail.sent_at.isoformat()})

    def _write_answer(self, note: dict[str, Any]) -> None:
        """An answer that cannot be noted is known all the same, unless the worker dies before the batch is settled."""
        try:
            self._write(note)
        except OSError:
            log.exception("the journal cannot be written")

    def _write(self, note: dict[str, Any]) -> None:
        # It begins with a line end too, so that half a note before it spoils nothing but itself.
        line = b"\n%b\n" % json.dumps(note, ensure_ascii=False).encode()
        if os.write(self._descriptor, line) != len(line):
            raise OSError("the journal's disk is full")


class Journal:
    """A folder of pages, shared by the workers of this machine."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._folder = folder
        self.name = f"{_identity(folder)}:{_boot()}"[:80]

    @contextmanager
    def open_page(self, message_ids: Sequence[int], *, taken_at: datetime) -> Iterator[Page]:
        """A page for a batch that is about to be taken. It stays when the block ends by an exception."""
        path = self._folder / f"{uuid.uuid4().hex}.page"
        descriptor = os.open(path, os.O_CREAT | os.O_EXCL | os.O_APPEND | os.O_WRONLY, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            page = Page(descriptor)
            page.begin(message_ids, taken_at)
            yield page
            path.unlink()
        finally:
            os.close(descriptor)

    def read(self) -> Notes:
        """What all pages say. The lock is looked at first: of a worker that is dead by then, every note is read."""
        notes = Notes()
        for _, file in self._open_pages():
            is_held = _is_held(file.fileno())
            _add_page(notes, _read_lines(file.read()), is_held=is_held)
        return notes

    def forget(self, settled: set[Lease], *, before: datetime) -> None:
        """Throw away what dead workers left: pages of batches that were settled for them, and those that are old."""
        for path, file in self._open_pages():
            if _is_held(file.fileno()):
                continue
            is_old = os.fstat(file.fileno()).st_mtime < before.timestamp()
            if is_old or (settled and settled & _batch(_read_lines(file.read()))):
                path.unlink(missing_ok=True)

    def _open_pages(self) -> Iterator[tuple[Path, BinaryIO]]:
        for path in self._folder.glob("*.page"):
            try:
                file = path.open("rb")
            except FileNotFoundError:  # its batch was settled meanwhile
                continue
            with file:
                yield path, file


def _is_held(descriptor: int) -> bool:
    """Whether a living worker holds the lock on this page."""
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    return False


def _read_lines(content: bytes) -> list[dict[str, Any]]:
    """All whole notes. Half a note was never acted upon: its worker died, or was told, before it went on."""
    notes = []
    for line in content.split(b"\n"):
        try:
            notes.append(json.loads(line or b"{}"))
        except ValueError:
            log.warning("the journal holds half a note")
    return notes


def _batch(lines: list[dict[str, Any]]) -> set[Lease]:
    """The leases of a page; none, when its worker died before it took anything."""
    first = next((line for line in lines if "batch" in line), None)
    if first is None:
        return set()
    taken_at = datetime.fromisoformat(first["taken_at"])
    return {(message_id, taken_at) for message_id in first["batch"]}


def _add_page(notes: Notes, lines: list[dict[str, Any]], *, is_held: bool) -> None:
    leases = dict(_batch(lines))
    if is_held:
        notes.held.update(leases.items())
    for line in lines:
        if message_id := line.get("handed_over"):
            notes.handed_over.add((message_id, leases[message_id]))
        elif message_id := line.get("refused"):
            notes.handed_over.discard((message_id, leases[message_id]))
        elif message_id := line.get("accepted"):
            mail = {name: line[name] for name in ("recipient", "subject", "raw")}
            sent_at = datetime.fromisoformat(line["sent_at"])
            notes.accepted[message_id, leases[message_id]] = Accepted(sent_at=sent_at, **mail)


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
