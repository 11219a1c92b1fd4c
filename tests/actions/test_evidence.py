"""Evidence from draft to withdrawn: who may, what the gate then decides, and what stays untouched by a refusal."""

from __future__ import annotations

from datetime import date, datetime, timedelta

import pytest
from django.contrib.auth.models import Group, User
from django.db import DatabaseError, IntegrityError, transaction
from django.db.models import ProtectedError

from reservations.actions import evidence as acts
from reservations.actions import four_eyes
from reservations.actions.loading import EvidenceStays, load_launch
from reservations.jobs import letters
from reservations.launchdata import read_launch_data
from reservations.models import Decision, Event, Evidence, EvidenceWarning, Message, Requirement
from reservations.queries import evidence as papers
from reservations.queries.availability import availabilities
from reservations.queries.books import find_broken
from tests.officers import draft, officer
from tests.world import AT

pytestmark = [pytest.mark.django_db, pytest.mark.both_databases]
CANADA_NEEDS = "ca-ised-certification"


@pytest.fixture
def ada(launch_data: datetime) -> User:
    return officer("ada", email="ada@staff.example")


@pytest.fixture
def lin(launch_data: datetime) -> User:
    return officer("lin", email="lin@staff.example")


def forbids(market: str, requirement: str) -> bool:
    """Whether the materialised decision of a market names the requirement."""
    answer = Decision.objects.get(variant__sku="S1-BLK", market=market).answer
    return requirement in [row["requirement"] for row in answer["reasons"]]


def test_two_people_take_a_draft_into_force_and_the_gate_decides_with_it_at_once(ada: User, lin: User) -> None:
    row = draft(ada)
    assert forbids("CA", CANADA_NEEDS)
    acts.submit(evidence_id=row.pk, officer=ada, at=AT)
    assert forbids("CA", CANADA_NEEDS)
    acts.approve(evidence_id=row.pk, officer=lin, at=AT)
    row.refresh_from_db()
    assert (row.status, row.submitted_by, row.approved_by, row.approved_at) == ("approved", ada, lin, AT)
    assert not forbids("CA", CANADA_NEEDS)
    logged = Event.objects.filter(subject=f"evidence:{row.pk}").order_by("id").values_list("action", "actor")
    assert list(logged) == [("evidence.submit", "staff:ada"), ("evidence.approve", "staff:lin")]
    assert Event.objects.filter(action="gate.changed", reason=f"evidence {row.pk} approved").exists()


def test_nobody_approves_what_they_wrote_or_submitted(ada: User, lin: User) -> None:
    row = draft(ada)
    acts.submit(evidence_id=row.pk, officer=lin, at=AT)
    for person in (ada, lin):
        with pytest.raises(four_eyes.OwnWork):
            acts.approve(evidence_id=row.pk, officer=person, at=AT)
    row.refresh_from_db()
    assert row.status == "submitted" and not Event.objects.filter(action="evidence.approve").exists()


def test_taking_it_back_and_having_another_submit_it_does_not_make_it_somebody_elses(ada: User, lin: User) -> None:
    row = draft(ada)
    acts.submit(evidence_id=row.pk, officer=ada, at=AT)
    acts.reject(evidence_id=row.pk, officer=ada, at=AT, reason="taken back")
    acts.submit(evidence_id=row.pk, officer=lin, at=AT)
    with pytest.raises(four_eyes.OwnWork):
        acts.approve(evidence_id=row.pk, officer=ada, at=AT)


def test_the_database_itself_refuses_one_person_in_both_parts(ada: User) -> None:
    row = draft(ada)
    with pytest.raises(IntegrityError), transaction.atomic():
        Evidence.objects.filter(pk=row.pk).update(
            status="approved", submitted_by=ada, submitted_at=AT, approved_by=ada, approved_at=AT
        )


def test_of_two_who_approve_one_hears_that_the_other_was_faster(ada: User, lin: User) -> None:
    row = draft(ada)
    acts.submit(evidence_id=row.pk, officer=ada, at=AT)
    acts.approve(evidence_id=row.pk, officer=lin, at=AT)
    with pytest.raises(four_eyes.AlreadyMoved) as caught:
        acts.approve(evidence_id=row.pk, officer=officer("mei"), at=AT)
    assert (caught.value.status, caught.value.by) == ("approved", "lin")
    assert Event.objects.filter(action="evidence.approve").count() == 1


def test_who_lacks_the_permission_does_nothing(ada: User) -> None:
    row, stranger = draft(ada), User.objects.create_user("olga", is_staff=True)
    for act in (acts.submit, acts.approve, acts.delete):
        with pytest.raises(four_eyes.NotAllowed):
            act(evidence_id=row.pk, officer=stranger, at=AT)
    for ending in (acts.reject, acts.withdraw):
        with pytest.raises(four_eyes.NotAllowed):
            ending(evidence_id=row.pk, officer=stranger, at=AT, reason="no")
    row.refresh_from_db()
    assert row.status == "draft" and not Event.objects.filter(actor="staff:olga").exists()


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"expires_on": date(2026, 11, 25)}, "expires_on"),
        ({"identifier": "S1"}, "identifier"),
        ({"document_sha256": ""}, "document"),
    ],
)
def test_what_no_officer_may_approve_is_not_submitted_and_the_field_is_named(
    ada: User, changes: dict[str, object], field: str
) -> None:
    row = draft(ada, **changes)
    with pytest.raises(acts.Unfit) as caught:
        acts.submit(evidence_id=row.pk, officer=ada, at=AT)
    row.refresh_from_db()
    assert caught.value.field == field and caught.value.remedy and row.status == "draft"


def test_what_ended_while_it_waited_is_not_approved(ada: User, lin: User) -> None:
    row = draft(ada, expires_on=date(2026, 12, 1))
    acts.submit(evidence_id=row.pk, officer=ada, at=AT)
    with pytest.raises(acts.Unfit):
        acts.approve(evidence_id=row.pk, officer=lin, at=AT + timedelta(days=6))


def test_rejecting_and_withdrawing_need_a_reason_which_is_logged(ada: User, lin: User) -> None:
    row = draft(ada)
    acts.submit(evidence_id=row.pk, officer=ada, at=AT)
    with pytest.raises(four_eyes.ReasonMissing):
        acts.reject(evidence_id=row.pk, officer=lin, at=AT, reason="  ")
    acts.reject(evidence_id=row.pk, officer=lin, at=AT, reason="page 2 is missing")
    row.refresh_from_db()
    assert (row.status, row.submitted_by) == ("draft", None)
    assert Event.objects.get(action="evidence.reject").reason == "page 2 is missing"


def test_withdrawn_evidence_shuts_at_once_and_never_comes_back(ada: User, lin: User) -> None:
    (before,) = availabilities(skus=["S1-BLK"], at=AT, destinations=[("KR", None)])
    acts.withdraw(evidence_id="sample-kr-kc-radio", officer=ada, at=AT, reason="revoked by the authority")
    (after,) = availabilities(skus=["S1-BLK"], at=AT, destinations=[("KR", None)])
    assert (before.status, after.status) == ("open", "notify_only")
    for act in (acts.submit, acts.approve):
        with pytest.raises((four_eyes.AlreadyMoved, acts.Unfit)):
            act(evidence_id="sample-kr-kc-radio", officer=lin, at=AT)


def test_what_is_approved_never_changes_whoever_asks(launch_data: datetime) -> None:
    row = Evidence.objects.filter(pk="sample-kr-kc-radio")
    changes = [{"issuer": "other"}, {"expires_on": date(2030, 1, 1)}, {"status": "draft"}, {"products": ["ring"]}]
    for change in changes:
        with pytest.raises(DatabaseError, match="never changes"), transaction.atomic():
            row.update(**change)
    row.update(status="withdrawn", withdrawn_at=AT)
    for change in [{"status": "approved"}, {"withdrawn_at": AT + timedelta(days=1)}, {"issuer": "other"}]:
        with pytest.raises(DatabaseError, match="never changes"), transaction.atomic():
            row.update(**change)


def test_what_was_approved_is_not_deleted_and_the_refusal_names_decisions(ada: User) -> None:
    with pytest.raises(acts.Cited) as caught:
        acts.delete(evidence_id="sample-kr-kc-radio", officer=ada, at=AT)
    assert caught.value.cells and all(cell.endswith(" in KR") for cell in caught.value.cells)
    with pytest.raises((DatabaseError, ProtectedError)), transaction.atomic():
        Evidence.objects.filter(pk="sample-kr-kc-radio").delete()
    assert Evidence.objects.filter(pk="sample-kr-kc-radio").exists()


def test_a_draft_is_deleted_and_what_waits_for_approval_is_not(ada: User) -> None:
    row = draft(ada)
    acts.submit(evidence_id=row.pk, officer=ada, at=AT)
    with pytest.raises(four_eyes.AlreadyMoved):
        acts.delete(evidence_id=row.pk, officer=ada, at=AT)
    acts.reject(evidence_id=row.pk, officer=ada, at=AT, reason="a double")
    acts.delete(evidence_id=row.pk, officer=ada, at=AT)
    assert not Evidence.objects.filter(pk=row.pk).exists()
    assert Event.objects.filter(action="evidence.deleted", subject=f"evidence:{row.pk}").exists()


def test_a_replacement_withdraws_what_it_replaces_in_the_same_moment(ada: User, lin: User) -> None:
    old = draft(ada)
    acts.submit(evidence_id=old.pk, officer=ada, at=AT)
    acts.approve(evidence_id=old.pk, officer=lin, at=AT)
    new = draft(lin, id="ca-ised-s1-next", replaces=old)
    acts.submit(evidence_id=new.pk, officer=lin, at=AT)
    acts.approve(evidence_id=new.pk, officer=ada, at=AT)
    old.refresh_from_db()
    assert (old.status, old.withdrawn_at) == ("withdrawn", AT)
    assert Event.objects.get(action="evidence.withdraw").reason == "replaced by ca-ised-s1-next"
    assert not forbids("CA", CANADA_NEEDS)


def test_a_replacement_that_begins_later_leaves_no_gap(ada: User, lin: User) -> None:
    old = draft(ada)
    acts.submit(evidence_id=old.pk, officer=ada, at=AT)
    acts.approve(evidence_id=old.pk, officer=lin, at=AT)
    new = draft(lin, id="ca-ised-s1-next", replaces=old, issued_on=date(2027, 1, 1))
    acts.submit(evidence_id=new.pk, officer=lin, at=AT)
    acts.approve(evidence_id=new.pk, officer=ada, at=AT)
    old.refresh_from_db()
    assert old.status == "approved" and not forbids("CA", CANADA_NEEDS)


def test_evidence_that_ends_before_it_was_issued_is_refused_by_the_database(ada: User) -> None:
    with pytest.raises(IntegrityError), transaction.atomic():
        draft(ada, expires_on=date(2026, 9, 30))


def test_each_officer_is_told_once_90_30_and_7_days_before(ada: User, lin: User) -> None:
    row = draft(ada, expires_on=date(2027, 3, 1))
    acts.submit(evidence_id=row.pk, officer=ada, at=AT)
    acts.approve(evidence_id=row.pk, officer=lin, at=AT)
    told, told_on = EvidenceWarning.objects.filter(evidence=row), []
    for days in (96, 95, 91, 90, 89, 40, 30, 29, 8, 7, 6, 1, 0, -1):
        at = datetime(2027, 3, 1, 8, tzinfo=AT.tzinfo) - timedelta(days=days)
        before = told.count()
        acts.warn_of_expiry(at=at)
        acts.warn_of_expiry(at=at)
        told_on += [days] * (told.count() - before)
    assert sorted(told.values_list("days", flat=True)) == [7, 7, 30, 30, 90, 90]
    assert told_on == [90, 90, 30, 30, 7, 7] and Message.objects.filter(warning__evidence=row).count() == 6
    message = Message.objects.filter(warning__evidence=row, warning__officer=lin).order_by("id")[0]
    letter = letters.write(message, people_ahead=0)
    assert letter.recipient == "lin@staff.example" and letter.subject == "Evidence ca-ised-s1 ends on 1 March 2027"
    assert "/admin/reservations/evidence/ca-ised-s1/change/" in letter.text and "21098-GLASSESS1" in letter.html
    assert find_broken() == []


def test_the_usual_validity_warns_too_and_a_successor_silences_it(ada: User, lin: User) -> None:
    Requirement.objects.filter(pk=CANADA_NEEDS).update(evidence_validity="P2M")
    old = draft(ada)
    acts.submit(evidence_id=old.pk, officer=ada, at=AT)
    acts.approve(evidence_id=old.pk, officer=lin, at=AT)
    assert [(row.pk, days) for row, days in papers.ending(on=AT.date()) if row == old] == [(old.pk, 7)]
    new = draft(lin, id="ca-ised-s1-next", replaces=old, issued_on=date(2026, 11, 30))
    acts.submit(evidence_id=new.pk, officer=lin, at=AT)
    acts.approve(evidence_id=new.pk, officer=ada, at=AT)
    assert [row for row, _ in papers.ending(on=AT.date()) if row == old] == []


def test_the_files_neither_change_nor_revive_what_officers_decided(ada: User, settings) -> None:
    data = read_launch_data(settings.BASE_DIR / "data")
    acts.withdraw(evidence_id="sample-kr-kc-radio", officer=ada, at=AT, reason="revoked")
    assert load_launch(data=data, at=AT)["evidence"] == 0
    assert Evidence.objects.get(pk="sample-kr-kc-radio").status == "withdrawn"
    row = next(row for row in data.evidence if row["id"] == "sample-jp-giteki")
    row["issuer"] = "Another laboratory"
    with pytest.raises(EvidenceStays, match=r"sample-jp-giteki is approved and its issuer cannot change"):
        load_launch(data=data, at=AT)
    assert Evidence.objects.get(pk="sample-jp-giteki").issuer != "Another laboratory"


def test_the_group_is_there_after_migrate_and_stays_as_staff_left_it(launch_data: datetime) -> None:
    group = Group.objects.get(name="Compliance")
    held = set(group.permissions.values_list("codename", flat=True))
    assert {"approve_evidence", "decide_proposedchange", "read_evidence_document"} <= held
    assert not {"view_reservation", "change_launch", "change_user"} & held
