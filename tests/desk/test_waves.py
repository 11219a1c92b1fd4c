"""Staff plan a wave, look at the dry run and release it with a second person; and act on many reservations so."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest
import time_machine
from django.contrib.auth.models import Permission, User
from django.test import Client
from django.urls import reverse

from reservations.actions import inviting
from reservations.actions.reserving import reserve
from reservations.jobs.words import KINDS
from reservations.models import Allotment, BulkAct, Event, Launch, Message, Reservation, Wave, WaveSupply
from reservations.queries.books import find_broken
from tests.actions.test_waves import HOUR, deliver, release, wave_of
from tests.world import AT, allotment, wish

pytestmark = [pytest.mark.django_db]
NOON = AT + timedelta(minutes=10)


@pytest.fixture(autouse=True)
def now() -> object:
    with time_machine.travel(NOON, tick=False) as moment:
        yield moment


def client_of(name: str, *may: str) -> Client:
    """Somebody of staff who may do this and nothing else."""
    person = User.objects.create_user(name, password="a-long-password", is_staff=True)
    person.user_permissions.set(Permission.objects.filter(codename__in=may, content_type__app_label="reservations"))
    client = Client()
    client.force_login(person)
    return client


PLANNER = (
    *("view_wave", "add_wave", "change_wave", "view_wavesupply", "add_wavesupply", "change_wavesupply"),
    *("view_allotment", "view_launch", "view_reservation"),
)


@pytest.fixture
def rows(launch_data: datetime) -> list[Reservation]:
    return [reserve(wish=wish(email=f"{who}@x.example"), at=AT) for who in "abc"]


def act(wave: Wave, verb: str) -> str:
    return reverse("admin:wave_act", args=[wave.pk, verb])


def test_a_wave_is_planned_looked_at_proposed_and_released_by_another(rows: list[Reservation]) -> None:
    planner, releaser = client_of("planner", *PLANNER), client_of("releaser", "view_wave", "release_wave")
    pool = allotment()
    planned = {
        "launch": pool.launch_id, "number": 1, "ships_from": "2027-03-01", "ships_to": "2027-03-31",
        "supplies-TOTAL_FORMS": 1, "supplies-INITIAL_FORMS": 0,
        "supplies-0-allotment": pool.pk, "supplies-0-quantity": 2,
    }  # fmt: skip
    assert planner.post(reverse("admin:reservations_wave_add"), planned).status_code == 302
    wave = Wave.objects.get()
    page = planner.get(reverse("admin:reservations_wave_change", args=[wave.pk])).content.decode()
    assert "<td>DE: 2</td>" in page and rows[0].reference in page and rows[2].reference not in page
    planner.post(act(wave, "release"))
    assert not Reservation.objects.filter(status="invited").exists()
    assert planner.post(act(wave, "propose")).status_code == 302
    assert "You lack the permission release_wave" in planner.post(act(wave, "release"), follow=True).content.decode()
    assert not Reservation.objects.filter(status="invited").exists()
    releaser.post(act(wave, "release"))
    assert Reservation.objects.filter(status="invited").count() == 2
    assert Message.objects.filter(kind="invited").count() == 2 and find_broken() == []


def test_what_was_proposed_stays_as_it_was_shown(rows: list[Reservation]) -> None:
    planner = client_of("planner", *PLANNER)
    wave = wave_of(1)
    planner.post(act(wave, "propose"))
    planner.post(reverse("admin:reservations_wave_change", args=[wave.pk]), {"number": 7})
    wave.refresh_from_db()
    assert (wave.number, wave.state) == (1, "proposed")


@pytest.mark.parametrize(
    "wrong",
    [
        {"ships_to": "2027-02-01"},
        {"ships_from": "2026-01-01", "ships_to": "2026-11-24"},
        {"supplies-0-quantity": -1},
        {"supplies-0-quantity": 0},
        {"ships_from": "soon"},
    ],
)
def test_a_wave_that_cannot_be_is_refused_in_words(rows: list[Reservation], wrong: dict[str, object]) -> None:
    planner, pool = client_of("planner", *PLANNER), allotment()
    planned = {
        "launch": pool.launch_id, "number": 1, "ships_from": "2027-03-01", "ships_to": "2027-03-31",
        "supplies-TOTAL_FORMS": 1, "supplies-INITIAL_FORMS": 0,
        "supplies-0-allotment": pool.pk, "supplies-0-quantity": 2,
    }  # fmt: skip
    page = planner.post(reverse("admin:reservations_wave_add"), planned | wrong)
    assert page.status_code == 200 and "errorlist" in page.content.decode()
    assert not Wave.objects.exists() and not WaveSupply.objects.exists()


def test_a_wave_larger_than_who_waits_says_what_is_left_over(rows: list[Reservation]) -> None:
    wave = wave_of(50)
    page = client_of("planner", *PLANNER).get(act(wave, "propose")).content.decode()
    assert f"{allotment()}: 47" in page


def test_estimates_are_published_from_the_list_of_waves(rows: list[Reservation]) -> None:
    wave_of(2, ships="2027-09-01", until="2027-09-30")
    planner = client_of("planner", *PLANNER)
    posted = {"action": "publish_estimates", "_selected_action": [Wave.objects.get().pk]}
    page = planner.post(reverse("admin:reservations_wave_changelist"), posted, follow=True).content.decode()
    assert "0 told of a window, 2 of a delay" in page
    assert Message.objects.filter(kind="delay").count() == 2


BULK = ("view_reservation", "add_bulkact", "view_bulkact")


def propose(client: Client, rows: list[Reservation], **given: object) -> BulkAct | None:
    chosen = {"action": "act_on_many", "_selected_action": [str(row.pk) for row in rows]}
    client.post(reverse("admin:reservations_reservation_changelist"), chosen)
    client.post(reverse("admin:bulk_propose"), {"kind": "cancel", "reason": "asked for by the shop", **given})
    return BulkAct.objects.order_by("-id").first()


def test_many_are_cancelled_by_two_persons_and_those_who_wait_move_up(rows: list[Reservation]) -> None:
    Allotment.objects.filter(pk=allotment().pk).update(capacity=3)
    waiting = reserve(wish=wish(email="d@x.example"), at=AT)
    one, other = client_of("one", *BULK, "carry_out_bulkact"), client_of("other", *BULK, "carry_out_bulkact")
    bulk = propose(one, rows[:2])
    assert bulk and Reservation.objects.filter(status="cancelled").count() == 0
    url = reverse("admin:bulk_act", args=[bulk.pk, "carry-out"])
    assert "Would change" in one.get(url).content.decode()
    assert "a second person has to decide" in one.post(url, follow=True).content.decode()
    assert Reservation.objects.filter(status="cancelled").count() == 0
    other.post(url)
    assert Reservation.objects.filter(status="cancelled").count() == 2
    waiting.refresh_from_db()
    bulk.refresh_from_db()
    assert (waiting.status, bulk.state, bulk.done) == ("confirmed", "done", 2) and find_broken() == []


def test_many_are_moved_and_those_who_cannot_are_counted(rows: list[Reservation]) -> None:
    one, other = client_of("one", *BULK), client_of("other", "view_bulkact", "carry_out_bulkact")
    Reservation.objects.filter(pk=rows[2].pk).update(quantity=1)
    bulk = propose(one, rows, kind="move", market="AT")
    assert bulk
    other.post(reverse("admin:bulk_act", args=[bulk.pk, "carry-out"]))
    bulk.refresh_from_db()
    assert (bulk.done, bulk.refused) == (3, {})
    assert set(Reservation.objects.values_list("market_id", flat=True)) == {"AT"} and find_broken() == []


def test_an_act_on_many_needs_a_reason_and_the_right(rows: list[Reservation]) -> None:
    assert propose(client_of("one", *BULK), rows, reason=" ") is None
    assert propose(client_of("nobody", "view_reservation"), rows) is None
    assert Reservation.objects.filter(status="confirmed").count() == 3


def test_a_lapse_is_put_back_with_a_reason_and_a_place_is_taken_back(rows: list[Reservation]) -> None:
    release(wave_of(1))
    deliver(NOON)
    for hour in (0, 36, 72):
        inviting.follow(at=NOON + hour * HOUR)
        deliver(NOON + hour * HOUR)
    desk = client_of("desk", "view_reservation", "change_reservation", "view_message", "view_event")
    with time_machine.travel(NOON + 80 * HOUR, tick=False):
        url = reverse("admin:reservation_act", args=[rows[0].pk, "put-back"])
        assert "Say why" in desk.post(url, {"reason": ""}).content.decode()
        desk.post(url, {"reason": "was in hospital"})
        desk.post(reverse("admin:reservation_act", args=[rows[1].pk, "revoke"]), {"reason": "paid with a stolen card"})
    assert [row.status for row in Reservation.objects.order_by("place_number")] == ["confirmed", "revoked", "confirmed"]
    assert Event.objects.get(action="reservation.put_back").reason == "was in hospital"
    assert find_broken() == []


def test_the_launch_says_for_how_long_it_invites(launch_data: datetime) -> None:
    assert Launch.objects.get(products__slug="glasses-s1").invitation_hours == 72


@pytest.mark.parametrize("language", ["en", "de", "zh-hans"])
def test_every_letter_can_be_read_before_it_goes(rows: list[Reservation], language: str) -> None:
    reader, before = client_of("reader", "view_message"), Message.objects.count()
    for kind in KINDS:
        asked = {"kind": kind, "language": language, "reference": rows[0].reference}
        page = reader.get(reverse("admin:message_preview"), asked)
        html = reader.get(reverse("admin:message_preview_html"), asked)
        assert page.status_code == html.status_code == 200
        assert kind == "texted" or f'lang="{language}"' in html.content.decode()
        assert "\ue000" not in page.content.decode() + html.content.decode()
    assert Message.objects.count() == before


def test_who_may_not_read_messages_reads_no_preview(rows: list[Reservation]) -> None:
    assert client_of("nobody", "view_wave").get(reverse("admin:message_preview")).status_code == 403


def test_units_go_from_pool_to_pool_with_a_reason(rows: list[Reservation]) -> None:
    desk, europe, japan = client_of("desk", "view_allotment", "change_allotment"), allotment(), allotment(market="JP")
    url = reverse("admin:move_units", args=[japan.pk])
    assert url in desk.get(reverse("admin:reservations_allotment_change", args=[japan.pk])).content.decode()
    given = {"target": europe.pk, "units": japan.capacity + 1, "reason": "more orders there"}
    page = desk.post(url, given).content.decode()
    assert f"can give {japan.capacity} units. Give fewer." in page
    assert desk.post(url, {**given, "units": 1, "reason": ""}).status_code == 200
    assert desk.post(url, {**given, "units": 1, "target": japan.pk}).status_code == 200
    assert not Event.objects.filter(action="allotment.units_moved").exists()
    assert desk.post(url, {**given, "units": 1}).status_code == 302
    assert Allotment.objects.get(pk=europe.pk).capacity == europe.capacity + 1
    assert Event.objects.filter(action="allotment.units_moved", reason="more orders there").count() == 2
    assert client_of("reader", "view_allotment").post(url, {**given, "units": 1}).status_code == 403


def test_a_launch_is_cloned_for_another_day_and_closed(rows: list[Reservation]) -> None:
    launch = rows[0].launch
    desk = client_of("desk", "view_launch", "add_launch", "change_launch")
    url = reverse("admin:clone_launch", args=[launch.pk])
    given = {"slug": "again", "opens_at_0": "2027-03-02", "opens_at_1": "02:00:00"}
    for wrong in ({"slug": launch.slug}, {"opens_at_0": "2026-03-02"}, {"opens_at_0": "soon"}, {"slug": ""}):
        assert "errorlist" in desk.post(url, {**given, **wrong}).content.decode()
    assert Launch.objects.filter(slug="again").count() == 0
    assert desk.post(url, given).status_code == 302
    assert Launch.objects.get(slug="again").windows.count() == launch.windows.count()
    closing = {"action": "close", "_selected_action": [launch.pk]}
    page = desk.post(reverse("admin:reservations_launch_changelist"), closing, follow=True).content.decode()
    assert "is closed; windows that ended:" in page
    assert not launch.windows.filter(closes_at=None).exists()
    assert client_of("reader", "view_launch").post(url, {**given, "slug": "more"}).status_code == 403
