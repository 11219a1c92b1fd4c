"""The evidence pack: what is in it, that it is whole, and that the same facts are the same bytes."""

from __future__ import annotations

import csv
import hashlib
import io
import json
import re
import tomllib
import zipfile
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from django.conf import settings as shop
from django.contrib.auth.models import User
from django.core.management import CommandError, call_command
from django.test import Client
from django.urls import reverse

from reservations import VERSION
from reservations.actions import evidence as acts
from reservations.gateways.documents import Documents
from reservations.models import Event, Variant
from reservations.queries.pack import evidence_pack
from tests.officers import PDF, draft, officer
from tests.world import AT

pytestmark = pytest.mark.django_db


@pytest.fixture
def approved(launch_data: datetime, tmp_path: Path, settings) -> User:
    """An officer of a shop in which one more document for Canada is in force."""
    settings.DOCUMENTS_DIR = tmp_path / "documents"
    ada, lin = officer("ada"), officer("lin")
    digest = Documents(settings.DOCUMENTS_DIR).keep(PDF)
    row = draft(ada, document_sha256=digest, issuer="=HYPERLINK(1)")
    acts.submit(evidence_id=row.pk, officer=ada, at=AT)
    acts.approve(evidence_id=row.pk, officer=lin, at=AT)
    return ada


def opened(content: bytes) -> dict[str, bytes]:
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        assert archive.testzip() is None
        return {name: archive.read(name) for name in archive.namelist()}


def test_it_holds_decisions_evidence_documents_and_log_of_its_market(approved: User) -> None:
    files = opened(evidence_pack(market="CA", at=AT))
    assert files["documents/ca-ised-s1.pdf"] == PDF
    listed = {row["id"]: row for row in json.loads(files["evidence.json"])}
    mine = listed["ca-ised-s1"]
    assert (mine["standing"], mine["submitted_by"], mine["approved_by"]) == ("approved", "ada", "lin")
    assert "sample-kr-kc-radio" not in listed and "sample-global-un-38-3-test-summary" in listed
    decisions = list(csv.DictReader(io.StringIO(files["decisions.csv"].decode())))
    assert {row["sku"] for row in decisions} == set(Variant.objects.values_list("sku", flat=True))
    log = files["log.csv"].decode()
    assert "evidence.approve" in log and "decision:S1-BLK:CA" in log and ":KR" not in log


def test_its_readme_names_date_version_and_the_digest_of_every_file(approved: User) -> None:
    files = opened(evidence_pack(market="CA", at=AT))
    readme = files.pop("README.txt").decode()
    assert "As of 2026-11-25 (UTC)" in readme and VERSION in readme
    manifest = dict(reversed(line.split("  ")) for line in re.findall(r"^[0-9a-f]{64}  .+$", readme, re.MULTILINE))
    assert manifest == {name: hashlib.sha256(content).hexdigest() for name, content in files.items()}


def test_the_same_facts_on_the_same_day_are_the_same_bytes(approved: User) -> None:
    first = evidence_pack(market="CA", at=AT)
    assert evidence_pack(market="CA", at=AT + timedelta(hours=1)) == first
    acts.withdraw(evidence_id="ca-ised-s1", officer=approved, at=AT, reason="revoked")
    assert evidence_pack(market="CA", at=AT) != first


def test_what_a_spreadsheet_would_run_is_text_in_it(approved: User) -> None:
    listed = opened(evidence_pack(market="CA", at=AT))["evidence.csv"].decode()
    assert "'=HYPERLINK(1)" in listed and ",=HYPERLINK" not in listed


def test_a_file_that_was_lost_is_named(approved: User, settings) -> None:
    for path in settings.DOCUMENTS_DIR.iterdir():
        path.unlink()
    readme = opened(evidence_pack(market="CA", at=AT))["README.txt"].decode()
    assert "Not found in the store: ca-ised-s1" in readme


def test_officers_take_it_from_the_market_and_nobody_else_does(approved: User, client: Client) -> None:
    client.force_login(approved)
    url = reverse("admin:evidence_pack", args=["CA"])
    assert url in client.get("/admin/reservations/market/CA/change/").content.decode()
    answer = client.get(url)
    assert answer["Content-Disposition"] == 'attachment; filename="evidence-pack-CA-2026-11-25.zip"'
    assert "README.txt" in opened(answer.content)
    assert Event.objects.filter(action="market.evidence_pack", actor="staff:ada", subject="market:CA").exists()
    assert client.get(reverse("admin:evidence_pack", args=["XX"])).status_code == 404
    client.force_login(User.objects.create_user("olga", is_staff=True))
    assert client.get(url).status_code == 403


def test_the_command_writes_it_and_names_what_it_does_not_know(approved: User, tmp_path: Path) -> None:
    call_command("evidence_pack", "ca", "--folder", str(tmp_path), stdout=io.StringIO())
    (written,) = tmp_path.glob("evidence-pack-CA-*.zip")
    assert "decisions.csv" in opened(written.read_bytes())
    with pytest.raises(CommandError, match="'XX' is no market"):
        call_command("evidence_pack", "XX")
    with pytest.raises(CommandError, match="folder"):
        call_command("evidence_pack", "CA", "--folder", str(tmp_path / "nowhere"))


def test_the_version_is_that_of_the_project() -> None:
    assert tomllib.loads((shop.BASE_DIR / "pyproject.toml").read_text())["project"]["version"] == VERSION
