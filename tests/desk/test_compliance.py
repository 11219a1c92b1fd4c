"""Officers at work on evidence in the admin: the draft, the second person, the document, the refusals."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.urls import reverse

from reservations.models import Event, Evidence, Requirement
from reservations.queries.availability import availabilities
from tests.officers import PDF, draft, officer
from tests.pages import complaints, fill_in
from tests.world import AT

pytestmark = pytest.mark.django_db
ADD = "/admin/reservations/evidence/add/"


@pytest.fixture(autouse=True)
def documents(tmp_path: Path, settings) -> Path:
    settings.DOCUMENTS_DIR = tmp_path / "documents"
    return tmp_path / "documents"


@pytest.fixture
def ada(launch_data) -> User:
    return officer("ada")


@pytest.fixture
def lin(launch_data) -> User:
    return officer("lin")


def browser(person: User) -> Client:
    client = Client()
    client.force_login(person)
    return client


def page(row: Evidence) -> str:
    return reverse("admin:reservations_evidence_change", args=[row.pk])


def act(row: Evidence, verb: str) -> str:
    return reverse("admin:evidence_act", args=[row.pk, verb])


def filled(**changes: Any) -> dict[str, Any]:
    fields = {
        "id": "ca-ised-s1", "requirement": "ca-ised-certification", "products": '["glasses-s1"]', "variants": "[]",
        "markets": "[]", "subdivisions": "[]", "identifier": "21098-GLASSESS1", "issuer": "Laboratory",
        "issued_on": "2026-10-01", "file": SimpleUploadedFile("certificate.pdf", PDF),
    }  # fmt: skip
    return fields | changes


def test_from_draft_to_approved_with_two_people(ada: User, lin: User, documents: Path) -> None:
    first, second = browser(ada), browser(lin)
    answer = first.post(ADD, filled())
    assert answer.status_code == 302, complaints(answer)
    row = Evidence.objects.get(pk="ca-ised-s1")
    assert (row.status, row.document, row.document_sha256) == (
        "draft", "certificate.pdf", hashlib.sha256(PDF).hexdigest(),
    )  # fmt: skip
    assert (documents / row.document_sha256).read_bytes() == PDF
    assert "Submit" in first.get(page(row)).content.decode()
    first.post(act(row, "submit"))
    assert act(row, "approve") not in first.get(page(row)).content.decode()
    refused = first.post(act(row, "approve"), follow=True).content.decode()
    assert "a second person has to decide" in refused
    assert page(row) in second.get("/admin/reservations/evidence/?waits=me").content.decode()
    assert page(row) not in first.get("/admin/reservations/evidence/?waits=me").content.decode()
    assert "needs your approval" in second.get("/admin/").content.decode()
    shown = second.get(act(row, "approve")).content.decode()
    assert row.identifier in shown and row.document_sha256 in shown
    second.post(act(row, "approve"))
    row.refresh_from_db()
    assert (row.status, row.approved_by) == ("approved", lin)
    again = second.post(act(row, "approve"), follow=True).content.decode()
    assert "ca-ised-s1 is approved already (by lin)" in again
    (found,) = availabilities(skus=["S1-BLK"], at=AT, destinations=[("CA", None)])
    assert "ca-ised-certification" not in [reason.requirement for reason in found.decision.reasons]


@pytest.mark.parametrize(
    ("sent", "field", "error"),
    [
        ({"expires_on": "2026-09-30"}, "expires_on", "It was issued on 2026-10-01. Write a later day."),
        ({"expires_on": "2026-11-25"}, "expires_on", "It ended on 2026-11-25."),
        ({"identifier": "GLASSESS1"}, "identifier", "write the company number"),
        ({"responsible": "Import Inc., EORI US1"}, "responsible", "is no EORI number"),
        ({"products": '["glases-s1"]'}, "products", "Unknown product: glases-s1. Known: "),
        ({"variants": '["S1-BLU"]'}, "variants", "Unknown SKU: S1-BLU."),
        ({"products": "[]"}, "__all__", "Name the products or variants"),
        (
            {"markets": '["CA"]', "subdivisions": '["US-CA"]'},
            "subdivisions",
            "US-CA is in none of",
        ),
        ({"file": SimpleUploadedFile("run.pdf", b"MZ\x90 not a document")}, "file", "no PDF, PNG or JPEG"),
        ({"file": SimpleUploadedFile("empty.pdf", b"")}, "file", "empty"),
    ],
)
def test_a_draft_that_makes_no_sense_is_refused_by_field_and_nothing_is_kept(
    ada: User, documents: Path, sent: dict, field: str, error: str
) -> None:
    answer = browser(ada).post(ADD, filled(**sent))
    assert answer.status_code == 200
    assert error in " ".join(answer.context["adminform"].form.errors[field])
    assert not Evidence.objects.filter(pk="ca-ised-s1").exists()
    assert not documents.exists() or not list(documents.iterdir())


def test_the_usual_validity_is_proposed_where_no_expiry_is_given(ada: User) -> None:
    Requirement.objects.filter(pk="ca-ised-certification").update(evidence_validity="P2Y")
    browser(ada).post(ADD, filled())
    assert str(Evidence.objects.get(pk="ca-ised-s1").expires_on) == "2028-10-01"


def test_a_page_of_a_draft_saved_as_it_was_opened_is_taken_and_makes_nobody_its_author(ada: User, lin: User) -> None:
    row = draft(ada)
    client = browser(lin)
    logged = Event.objects.count()
    answer = client.post(page(row), fill_in(client, page(row)))
    assert answer.status_code == 302, complaints(answer)
    assert Event.objects.count() == logged and list(row.authors.all()) == [ada]
    client.post(page(row), fill_in(client, page(row)) | {"issuer": "Another laboratory"})
    assert set(row.authors.all()) == {ada, lin}


def test_nobody_calls_a_draft_a_sample_to_spare_its_checks(ada: User) -> None:
    browser(ada).post(ADD, filled(is_sample="on"))
    assert not Evidence.objects.get(pk="ca-ised-s1").is_sample


@pytest.mark.parametrize("status", ["submitted", "approved"])
def test_only_a_draft_is_edited(ada: User, status: str) -> None:
    row = draft(ada, status=status)
    answer = browser(ada).post(page(row), filled(issuer="Forger"))
    row.refresh_from_db()
    assert answer.status_code == 403 and row.issuer == "Test laboratory"


def test_deleting_what_decisions_rest_on_is_refused_with_a_sentence(ada: User) -> None:
    row = Evidence.objects.get(pk="sample-kr-kc-radio")
    client, url = browser(ada), reverse("admin:reservations_evidence_delete", args=["sample-kr-kc-radio"])
    assert "it is withdrawn, never deleted." in client.get(url).content.decode()
    answer = client.post(url, follow=True).content.decode()
    assert "in KR" in answer and "rest on sample-kr-kc-radio" in answer
    assert Evidence.objects.filter(pk=row.pk).exists()


def test_a_draft_can_be_deleted(ada: User) -> None:
    row = draft(ada)
    browser(ada).post(reverse("admin:reservations_evidence_delete", args=[row.pk]))
    assert not Evidence.objects.filter(pk=row.pk).exists()


def test_withdrawing_asks_why_shuts_at_once_and_says_when(ada: User) -> None:
    row, client = Evidence.objects.get(pk="sample-kr-kc-radio"), browser(ada)
    assert "Say why" in client.post(act(row, "withdraw"), {"reason": " "}).content.decode()
    row.refresh_from_db()
    assert row.status == "approved"
    client.post(act(row, "withdraw"), {"reason": "revoked by the authority"})
    row.refresh_from_db()
    assert (row.status, row.withdrawn_at) == ("withdrawn", AT)
    (found,) = availabilities(skus=["S1-BLK"], at=AT, destinations=[("KR", None)])
    assert (found.status, found.decision.reasons[0].requirement) == ("notify_only", "kr-kc-radio")
    assert "revoked by the authority" in client.get(page(row)).content.decode()


def test_a_replacement_begins_as_a_copy_and_names_what_it_replaces(ada: User) -> None:
    client, url = browser(ada), f"{ADD}?replaces=sample-kr-kc-radio"
    sent = fill_in(client, url)
    assert sent["id"] == ["sample-kr-kc-radio-next"] and "glasses-s1" in sent["products"][0]
    answer = client.post(url, sent | {"identifier": "R-C-QWN-S1", "issued_on": "2026-11-01"})
    assert answer.status_code == 302, complaints(answer)
    row = Evidence.objects.get(pk="sample-kr-kc-radio-next")
    assert (row.replaces_id, row.status) == ("sample-kr-kc-radio", "draft")


def test_a_document_is_served_to_officers_alone_never_shown_in_a_page_and_its_reading_is_logged(
    ada: User, client: Client
) -> None:
    browser(ada).post(ADD, filled())
    url = reverse("admin:evidence_document", args=["ca-ised-s1"])
    answer = browser(ada).get(url)
    assert answer.content == PDF and answer["Content-Type"] == "application/pdf"
    assert answer["Content-Disposition"].startswith("attachment") and "no-store" in answer["Cache-Control"]
    assert answer["X-Content-Type-Options"] == "nosniff"
    assert Event.objects.filter(action="evidence.document_read", actor="staff:ada").count() == 1
    onlooker = User.objects.create_user("olga", is_staff=True)
    assert browser(onlooker).get(url).status_code == 403 and client.get(url).status_code == 302
    digest = Evidence.objects.get(pk="ca-ised-s1").document_sha256
    for public in (f"/static/{digest}", f"/media/{digest}", f"/documents/{digest}"):
        assert client.get(public).status_code == 404


def test_a_file_that_is_not_what_was_kept_is_not_served(ada: User, documents: Path) -> None:
    browser(ada).post(ADD, filled())
    row = Evidence.objects.get(pk="ca-ised-s1")
    (documents / row.document_sha256).write_bytes(PDF + b"forged")
    assert browser(ada).get(reverse("admin:evidence_document", args=[row.pk])).status_code == 404


def test_the_list_is_filtered_by_standing(ada: User) -> None:
    draft(ada)
    drafts = browser(ada).get("/admin/reservations/evidence/?standing=draft").content.decode()
    assert "/ca-ised-s1/change/" in drafts and "/sample-kr-kc-radio/change/" not in drafts
