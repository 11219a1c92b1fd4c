"""Documents of evidence on disk, named by their content, in a folder that no URL reaches."""

from __future__ import annotations

import hashlib
import os
import re
import tempfile
from dataclasses import dataclass
from pathlib import Path

MOST_BYTES = 20_000_000
# What a file of each kind begins with. What it says of itself, by name or header, is not asked.
KINDS = {
    b"%PDF-": ("application/pdf", "pdf"),
    b"\x89PNG\r\n\x1a\n": ("image/png", "png"),
    b"\xff\xd8\xff": ("image/jpeg", "jpg"),
}
_DIGEST = re.compile(r"[0-9a-f]{64}")


@dataclass(eq=False)
class BadDocument(ValueError):
    """The file cannot be kept; `str()` says why and what to send instead."""

    remedy: str

    def __str__(self) -> str:
        return self.remedy


class NoDocument(LookupError):
    """No file of this SHA-256 is kept, or it is no longer what it was."""


@dataclass(frozen=True)
class Documents:
    """A folder of files, each named by its SHA-256. What is kept is never changed."""

    folder: Path

    def keep(self, content: bytes) -> str:
        """Keep a PDF, PNG or JPEG and return its SHA-256. Raises BadDocument for anything else, empty or too large."""
        if not content:
            raise BadDocument("The file is empty. Send the document itself.")
        if len(content) > MOST_BYTES:
            raise BadDocument(f"The file is larger than {MOST_BYTES // 1_000_000} MB. Send a smaller one.")
        if kind_of(content) is None:
            raise BadDocument("The file is no PDF, PNG or JPEG. Send one of these.")
        digest = hashlib.sha256(content).hexdigest()
        self.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        if not self._path(digest).exists():
            with tempfile.NamedTemporaryFile(dir=self.folder, delete=False) as file:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
            Path(file.name).replace(self._path(digest))
        return digest

    def read(self, digest: str) -> bytes:
        """The content of a kept file, checked against its name. Raises NoDocument."""
        try:
            content = self._path(digest).read_bytes()
        except OSError as error:
            raise NoDocument(digest) from error
        if hashlib.sha256(content).hexdigest() != digest:
            raise NoDocument(digest)
        return content

    def _path(self, digest: str) -> Path:
        if _DIGEST.fullmatch(digest) is None:
            raise NoDocument(digest)
        return self.folder / digest


def kind_of(content: bytes) -> tuple[str, str] | None:
    """Media type and ending of a file, by what it begins with; None for one that is not kept."""
    return next((kind for beginning, kind in KINDS.items() if content.startswith(beginning)), None)
