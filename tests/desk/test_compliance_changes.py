"""Requirements and imports: one proposes and sees what would change, a second confirms, what was seen is applied."""

from __future__ import annotations

import hashlib
from datetime import datetime
from io import StringIO
from pathlib import Path

import pytest
from django.conf import settings
from django.contrib.auth.models import User
from django.core.files.uploadedfile import SimpleUploadedFile
from django.core.management import call_command
from django.db import DatabaseError, IntegrityError, transaction
from django.test import Client
from django.urls import reverse

from reservations.actions import four_eyes, proposing
from reservations.models import Decision, Event, Evidence, ProposedChange, Requirement
from tests.officers import officer
from tests.pages import complaints, fill_in
from tests.world import AT

pytestmark = [pytest.mark.django_db, pytest.mark.both_databases]
DATA = Path(settings.BASE_DIR) / "data"
IMPORT = "/admin/reservations/proposedchange/import/"
KOREA = "/admin/reservations/requirement/kr-kc-radio/change/"


@pytest.fixture
def ada(launch_data: datetime) -> User:
    return officer("ada")


@pytest.fixture
def lin(launch_data: datetime) -> User:
    return officer("lin")


def browser(person: User) -> Client:
    client = Client()
    client.force_login(person)
    return client


def file(name: str, before: str = "", after: str = "") -> SimpleUploadedFile:
    text = (DATA / name).read_text()
    assert before in text
    return SimpleUploadedFile(name, text.replace(before, after, 1).encode() if before else text.encode())


def act(row: ProposedChange, verb: str) -> str:
    return reverse("admin:change_act", args=[row.pk, verb])


def test_a_requirement_changes_only_when_a_second_person_confirms(ada: User, lin: User) -> None:
    first = browser(ada)
    answer = first.post(KOREA, fill_in(first, KOREA) | {"effect_when_missing": "notice"})
    assert answer.status_code == 302, complaints(answer)
    row = ProposedChange.objects.get()
    assert row.after == {"requirements": {"kr-kc-radio": {"effect_when_missing": "notice"}}}
    assert Requirement.objects.get(pk="kr-kc-radio").effect_when_missing == "waitlist"
    assert "a second person has to decide" in first.post(act(row, "confirm"), follow=True).content.decode()
    assert Requirement.objects.get(pk="kr-kc-radio").effect_when_missing == "waitlist"
    assert "needs your approval" in browser(lin).get("/admin/").content.decode()
    browser(lin).post(act(row, "confirm"))
    row.refresh_from_db()
    assert (row.status, row.decided_by) == ("applied", lin)
    assert Requirement.objects.get(pk="kr-kc-radio").effect_when_missing == "notice"
    event = Event.objects.get(action="requirement.changed")
    assert (event.actor, event.facts) == ("staff:lin", {"effect_when_missing": ["waitlist", "notice"]})
    assert "proposed by staff:ada" in event.reason


def test_the_cells_that_would_change_are_shown_and_change_when_it_is_applied(ada: User, lin: User) -> None:
    Evidence.objects.filter(pk="sample-kr-kc-radio").update(status="withdrawn", withdrawn_at=AT)
    first = browser(ada)
    first.post(KOREA, fill_in(first, KOREA) | {"effect_when_missing": "notice", "stage": "operate"})
    row = ProposedChange.objects.get()
    seen = {(cell["sku"], cell["market"]) for cell in row.cells["first"]}
    assert ("S1-BLK", "KR") in seen and {market for _, market in seen} == {"KR"}
    assert row.cells["count"] == len(seen)
    page = first.get(reverse("admin:reservations_proposedchange_change", args=[row.pk])).content.decode()
    assert f"{len(seen)} decisions would change" in page and "not: kr-kc-radio" in page
    browser(lin).post(act(row, "confirm"))
    answer = Decision.objects.get(variant__sku="S1-BLK", market="KR").answer
    assert "kr-kc-radio" not in [reason["requirement"] for reason in answer["reasons"]]


def test_a_form_that_changes_nothing_proposes_nothing(ada: User) -> None:
    first = browser(ada)
    assert "Nothing differs" in first.post(KOREA, fill_in(first, KOREA), follow=True).content.decode()
    assert not ProposedChange.objects.exists()


@pytest.mark.parametrize(
    ("sent", "field", "error"),
    [
        (
            {"effective_from": "2027-01-01", "effective_to": "2026-12-31"},
            "effective_to",
            "Must be after effective_from.",
        ),
        ({"effective_to": "2026-11-24"}, "effective_to", "2026-11-24 has passed"),
        ({"condition": "is_blue"}, "condition", "Unknown condition: is_blue"),
        ({"subdivisions": '["KR-99"]'}, "subdivisions", "Unknown subdivision: KR-99"),
        ({"exclude_subdivisions": '["US-CA"]'}, "exclude_subdivisions", "US-CA is in none of the countries"),
        ({"transition_until": "2001-01-01"}, "transition_until", "Must be after"),
        ({"inherits": '["kr-kc-radio"]'}, "inherits", "A requirement cannot inherit itself"),
        (
            {"exclude_subdivisions": '["KR-11"]', "subdivisions": '["KR-11"]'},
            "exclude_subdivisions",
            "too; leave",
        ),
    ],
)
def test_a_requirement_that_makes_no_sense_is_refused_by_field(ada: User, sent: dict, field: str, error: str) -> None:
    first = browser(ada)
    answer = first.post(KOREA, fill_in(first, KOREA) | sent)
    assert error in " ".join(answer.context["adminform"].form.errors[field])
    assert not ProposedChange.objects.exists()


def test_a_base_that_changed_meanwhile_refuses_what_was_proposed(ada: User, lin: User) -> None:
    first = browser(ada)
    first.post(KOREA, fill_in(first, KOREA) | {"effect_when_missing": "notice"})
    Requirement.objects.filter(pk="kr-kc-radio").update(stage="operate")
    row = ProposedChange.objects.get()
    assert "have changed since" in browser(lin).post(act(row, "confirm"), follow=True).content.decode()
    row.refresh_from_db()
    assert row.status == "proposed" and Requirement.objects.get(pk="kr-kc-radio").effect_when_missing == "waitlist"


def test_of_two_who_decide_one_hears_that_the_other_was_faster(ada: User, lin: User) -> None:
    first = browser(ada)
    first.post(KOREA, fill_in(first, KOREA) | {"effect_when_missing": "notice"})
    row = ProposedChange.objects.get()
    proposing.reject(proposal_id=row.pk, officer=lin, at=AT, reason="not the law")
    with pytest.raises(four_eyes.AlreadyMoved) as caught:
        proposing.confirm(proposal_id=row.pk, officer=officer("mei"), at=AT)
    assert (caught.value.status, caught.value.by) == ("rejected", "lin")
    assert Requirement.objects.get(pk="kr-kc-radio").effect_when_missing == "waitlist"


def test_the_database_keeps_what_was_proposed_and_refuses_one_person_in_both_parts(ada: User) -> None:
    first = browser(ada)
    first.post(KOREA, fill_in(first, KOREA) | {"effect_when_missing": "notice"})
    rows = ProposedChange.objects.all()
    with pytest.raises(DatabaseError, match="stays as it was"), transaction.atomic():
        rows.update(after={})
    with pytest.raises(DatabaseError), transaction.atomic():
        rows.delete()
    with pytest.raises(IntegrityError), transaction.atomic():
        rows.update(status="applied", decided_by=ada, decided_at=AT)


def test_an_import_shows_added_changed_and_missing_rows_and_is_applied_as_seen(ada: User, lin: User) -> None:
    text = (DATA / "evidence.yaml").read_text()
    text = text.replace("sample-jp-giteki, requirement", "sample-jp-giteki-two, requirement", 1)
    upload = SimpleUploadedFile("evidence.yaml", text.encode())
    law = file("requirements.yaml", 'title: "UN 38.3 lithium', 'title: "Lithium')
    answer = browser(ada).post(IMPORT, {"requirements": law, "evidence": upload}, follow=True)
    row = ProposedChange.objects.get()
    assert row.after["requirements"] == {
        "global-un-38-3-test-summary": {"title": "Lithium cell and battery transport tests"}
    }
    assert set(row.after["evidence"]) == {"sample-jp-giteki-two"}
    assert row.missing == {"evidence": ["sample-jp-giteki"]}
    assert row.files["evidence.yaml"] == hashlib.sha256(text.encode()).hexdigest()
    page = answer.content.decode()
    assert row.files["evidence.yaml"] in page and "sample-jp-giteki-two" in page and "These stay as they are" in page
    assert not Evidence.objects.filter(pk="sample-jp-giteki-two").exists()
    browser(lin).post(act(row, "confirm"))
    made = Evidence.objects.get(pk="sample-jp-giteki-two")
    assert (made.status, made.submitted_by, made.approved_by) == ("approved", ada, lin)
    assert Requirement.objects.get(pk="global-un-38-3-test-summary").title.startswith("Lithium")
    assert Evidence.objects.filter(pk="sample-jp-giteki").exists()


def test_an_import_is_refused_when_anything_it_was_compared_with_changed(ada: User, lin: User) -> None:
    law = file("requirements.yaml", 'title: "UN 38.3 lithium', 'title: "Lithium')
    browser(ada).post(IMPORT, {"requirements": law})
    Requirement.objects.filter(pk="kr-kc-radio").update(notes="seen by nobody")
    answer = browser(lin).post(act(ProposedChange.objects.get(), "confirm"), follow=True)
    assert "have changed since" in answer.content.decode()
    assert Requirement.objects.get(pk="global-un-38-3-test-summary").title.startswith("UN 38.3")


NEW = (
    "  - {{id: new-one, requirement: kr-kc-radio, products: [ring], identifier: R-C-QWN-R1, issuer: L, "
    "issued_on: 2026-01-01, {0}}}\n"
)
ENDED = "status: draft, expires_on: 2026-11-01"


@pytest.mark.parametrize(
    ("name", "before", "after", "words"),
    [
        (
            "requirements",
            "stage: ship",
            "stage: sail",
            ["stage", "'sail' is not one of", "global-un-38-3-test-summary"],
        ),
        ("requirements", "requirements:\n", "requirements:\n  - [\n", ["requirements.yaml:", "file"]),
        (
            "requirements",
            "subdivisions: [ES-CE, ES-ML]",
            "subdivisions: [CA-QC]",
            ["subdivisions", "CA-QC is in none"],
        ),
        ("evidence", "issuer: Sample battery laboratory", "issuer: Forger", ["issuer cannot change", "sample-global"]),
        (
            "evidence",
            "evidence:\n",
            "evidence:\n" + NEW.format(ENDED),
            ["expires_on"],
        ),
        ("evidence", "evidence:\n", "evidence:\n" + NEW.format("status: approved"), ["status", "import it as draft"]),
        (
            "evidence",
            "evidence:\n",
            "evidence:\n" + NEW.format("status: draft").replace("R-C-QWN-R1", "R1"),
            ["identifier", "is no KC identifier", "new-one"],
        ),
    ],
)
def test_a_file_that_cannot_be_applied_is_refused_by_line_id_and_field(
    ada: User, name: str, before: str, after: str, words: list[str]
) -> None:
    answer = browser(ada).post(IMPORT, {name: file(f"{name}.yaml", before, after)})
    (error,) = answer.context["form"].non_field_errors()
    assert error.startswith(f"{name}.yaml:") and all(word in error for word in words), error
    assert not ProposedChange.objects.exists()


def test_evidence_and_the_law_of_one_import_are_read_together(ada: User) -> None:
    law = file("requirements.yaml", "per_country_evidence: true", "per_country_evidence: true  # as before")
    words = NEW.format("status: draft").replace("kr-kc-radio", "eu-weee-2012-19").replace("R-C-QWN-R1", "DE 12345678")
    paper = file("evidence.yaml", "evidence:\n", "evidence:\n" + words)
    answer = browser(ada).post(IMPORT, {"requirements": law, "evidence": paper})
    (error,) = answer.context["form"].non_field_errors()
    assert "new-one: markets: eu-weee-2012-19 is proven country by country" in error
    assert not ProposedChange.objects.exists()


@pytest.mark.parametrize("content", [b"\xff\xfe\x00", b"a: 2026-13-45", b"- 1", b"{[a]: 1}", b"[" * 5000, b"\x00"])
def test_what_is_no_yaml_is_refused_and_never_an_error(ada: User, content: bytes) -> None:
    answer = browser(ada).post(IMPORT, {"evidence": SimpleUploadedFile("evidence.yaml", content)})
    assert answer.status_code == 200 and "evidence.yaml:1" in str(answer.context["form"].errors)


def test_an_empty_import_and_one_of_what_is_in_force_propose_nothing(ada: User) -> None:
    assert "Choose at least one file" in browser(ada).post(IMPORT, {}).content.decode()
    same = {"requirements": file("requirements.yaml"), "evidence": file("evidence.yaml")}
    assert "Nothing differs" in browser(ada).post(IMPORT, same).content.decode()
    assert not ProposedChange.objects.exists()


def test_who_may_only_look_imports_nothing(launch_data: datetime) -> None:
    onlooker = User.objects.create_user("olga", is_staff=True)
    assert browser(onlooker).get(IMPORT).status_code == 403


def test_the_command_prints_what_would_differ_and_loads_nothing(launch_data: datetime, tmp_path: Path) -> None:
    for source in DATA.glob("*.yaml"):
        (tmp_path / source.name).write_text(source.read_text())
    path = tmp_path / "requirements.yaml"
    path.write_text(path.read_text().replace('title: "UN 38.3 lithium', 'title: "Lithium', 1))
    printed = StringIO()
    logged = Event.objects.count()
    call_command("load_launch", str(tmp_path), "--diff", stdout=printed)
    assert "requirements: global-un-38-3-test-summary: title: 'UN 38.3 lithium" in printed.getvalue()
    assert "0 decisions would change" in printed.getvalue()
    assert Event.objects.count() == logged
    assert Requirement.objects.get(pk="global-un-38-3-test-summary").title.startswith("UN 38.3")


def test_a_requirement_that_contradicts_another_is_refused_by_name(ada: User) -> None:
    law = Requirement.objects.get(pk="kr-kc-radio")
    law.pk, law.title, law.effect_when_missing = "kr-kc-again", "The same law again", "notice"
    law.save(force_insert=True)
    first = browser(ada)
    answer = first.post(KOREA, fill_in(first, KOREA) | {"title": "Another title"})
    errors = answer.context["adminform"].form.errors
    assert "Contradicts kr-kc-again, which says notice" in " ".join(errors["effect_when_missing"])
    assert not ProposedChange.objects.exists()
