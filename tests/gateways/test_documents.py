"""Documents on disk: named by their content, never changed, never read as something else."""

from __future__ import annotations

import hashlib
import stat
from pathlib import Path

import pytest

from reservations.gateways.documents import MOST_BYTES, BadDocument, Documents, NoDocument, kind_of

PDF, PNG, JPEG = b"%PDF-1.7\n", b"\x89PNG\r\n\x1a\n....", b"\xff\xd8\xff\xe0...."


@pytest.fixture
def documents(tmp_path: Path) -> Documents:
    return Documents(tmp_path / "documents")


@pytest.mark.parametrize(("content", "ending"), [(PDF, "pdf"), (PNG, "png"), (JPEG, "jpg")])
def test_what_is_kept_is_read_again_by_its_sha_256(documents: Documents, content: bytes, ending: str) -> None:
    digest = documents.keep(content)
    assert digest == hashlib.sha256(content).hexdigest() and documents.read(digest) == content
    assert kind_of(content) is not None and (kind_of(content) or ("", ""))[1] == ending


def test_the_same_file_twice_is_kept_once_and_only_its_owner_reads_the_folder(documents: Documents) -> None:
    assert documents.keep(PDF) == documents.keep(PDF)
    (kept,) = documents.folder.iterdir()
    assert stat.S_IMODE(documents.folder.stat().st_mode) == 0o700
    assert stat.S_IMODE(kept.stat().st_mode) == 0o600


@pytest.mark.parametrize(
    ("content", "remedy"),
    [
        (b"", "empty"),
        (b"MZ\x90", "no PDF, PNG or JPEG"),
        (b"<svg onload=1>", "no PDF"),
        (PDF + b"0" * MOST_BYTES, "larger than 20 MB"),
    ],
)
def test_what_is_no_document_is_refused_and_not_kept(documents: Documents, content: bytes, remedy: str) -> None:
    with pytest.raises(BadDocument, match=remedy):
        documents.keep(content)
    assert not documents.folder.exists()


@pytest.mark.parametrize("digest", ["0" * 64, "", "../../etc/passwd", "0" * 63 + "/"])
def test_a_name_that_is_no_kept_file_reads_nothing(documents: Documents, digest: str) -> None:
    documents.keep(PDF)
    with pytest.raises(NoDocument):
        documents.read(digest)


def test_a_file_that_was_changed_on_disk_is_not_read(documents: Documents) -> None:
    digest = documents.keep(PDF)
    (documents.folder / digest).write_bytes(PNG)
    with pytest.raises(NoDocument):
        documents.read(digest)
