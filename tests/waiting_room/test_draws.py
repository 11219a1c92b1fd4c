"""The draw of a launch: promised, held once, proved, and kept."""

from __future__ import annotations

import json
import subprocess
import sys
from datetime import timedelta
from pathlib import Path

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.urls import reverse

from reservations.actions import drawing
from reservations.models import Draw, Event, Launch
from reservations.rules import draw as rule
from tests.pages import complaints, fill_in
from tests.rules.test_draw import VERIFIER
from tests.waiting_room.conftest import OPENS, Stage, Visitor

pytestmark = [pytest.mark.django_db, pytest.mark.both_databases]
PROOF = "/api/v1/launches/glasses-2026/draw/"


def draw_with(stage: Stage, count: int) -> list[Visitor]:
    """So many in the room before and during the window; then the draw."""
    stage.promise_a_draw()
    stage.go(1100)
    crowd = stage.crowd(count // 2)
    stage.go(110)
    assert {each.poll()["state"] for each in crowd} == {"draw"}
    crowd += stage.crowd(count - count // 2)
    for _ in range(11):
        stage.go(10)
        for each in crowd:
            each.poll()
    return crowd


def test_the_commitment_is_public_before_and_the_seed_only_after(stage: Stage, client: Client) -> None:
    stage.promise_a_draw()
    before = client.get(PROOF).json()
    assert before["commitment"] and before["seed"] is before["tickets"] is before["order"] is None
    page = client.get("/en-de/draw/glasses-2026/").content.decode()
    seed = Draw.objects.get().seed
    assert before["commitment"] in page and seed not in page
    stage.at = OPENS
    stage.travel.move_to(OPENS)
    Draw.objects.all().delete()
    stage.set(draw_minutes=None)
    assert client.get(PROOF).status_code == 404


def test_the_order_is_drawn_among_all_of_the_window_and_the_late_follow(
    stage: Stage, client: Client, tmp_path: Path
) -> None:
    crowd = draw_with(stage, 30)
    stage.set(admission_per_minute=0)
    late = stage.crowd(3)
    assert [each.number for each in late] == [31, 32, 33]
    ids = [each.ticket.split(".")[0] for each in crowd]
    facts = client.get(PROOF).json()
    assert sorted(ids) == facts["tickets"] and facts["drawn_at"]
    places = {each.ticket.split(".")[0]: each.number for each in crowd}
    assert [places[ticket_id] for ticket_id in facts["order"]] == list(range(1, 31))
    file = tmp_path / "draw.json"
    file.write_text(json.dumps(facts))
    done = subprocess.run([sys.executable, "-I", str(VERIFIER), str(file), ids[3]], capture_output=True, text=True)
    assert done.returncode == 0 and f"place {places[ids[3]]}\n" in done.stdout
    page = client.get("/en-de/draw/glasses-2026/", {"ticket": crowd[3].ticket}).content.decode()
    assert f'data-place="{places[ids[3]]}"' in page and facts["seed"] in page


def test_nobody_is_let_in_before_the_draw_and_then_by_its_order(stage: Stage) -> None:
    crowd = draw_with(stage, 12)
    assert [each.poll()["state"] for each in crowd].count("admitted") == 1
    stage.go(3)
    admitted = {each.ticket.split(".")[0] for each in crowd if each.poll()["state"] == "admitted"}
    row = Draw.objects.get()
    assert admitted == set(rule.order(row.tickets, row.seed)[:4])


def test_the_draw_is_held_once(stage: Stage) -> None:
    draw_with(stage, 5)[0].poll()
    row = Draw.objects.get()
    again = drawing.draw(launch="glasses-2026", opening=1, ticket_ids=["f" * 24], at=stage.at)
    assert (again.tickets, again.drawn_at) == (row.tickets, row.drawn_at)
    actions = list(Event.objects.filter(subject="draw:glasses-2026:1").values_list("action", flat=True).order_by("id"))
    assert actions == ["draw.promised", "draw.held"]


def test_it_is_not_held_before_the_window_has_closed(stage: Stage) -> None:
    stage.promise_a_draw()
    with pytest.raises(drawing.TooEarly):
        drawing.draw(launch="glasses-2026", opening=1, ticket_ids=[], at=stage.at)
    assert Draw.objects.get().drawn_at is None


def test_a_redis_that_forgot_everything_gets_the_drawn_order_back(stage: Stage) -> None:
    stage.promise_a_draw()
    stage.go(1190)
    crowd = stage.crowd(10)
    stage.go(131)
    stage.set(admission_per_minute=0)
    before = [each.number for each in crowd]
    stage.client.delete(*stage.queue().keys)
    stage.set(admission_per_minute=60)
    stage.layer = stage.another_process()
    for each in crowd:
        each.layer = stage.layer
    (late,) = stage.crowd(1)
    assert [each.number for each in crowd] == before and sorted(before) == list(range(1, 11))
    assert late.number == 11
    stage.go(15)
    assert [each.poll()["state"] for each in crowd].count("admitted") == 3


def test_nothing_personal_is_published(stage: Stage, client: Client) -> None:
    draw_with(stage, 3)[0].poll()
    facts = client.get(PROOF).json()
    assert set(facts) == {
        *("launch", "opening", "rule", "commitment", "opens_at", "closes_at", "drawn_at", "seed", "tickets"),
        *("tickets_sha256", "order"),
    }


def test_a_ticket_id_alone_opens_no_place(stage: Stage) -> None:
    crowd = draw_with(stage, 4)
    stage.set(admission_per_minute=0)
    thief = stage.visitor({"ticket-glasses-2026-1": crowd[0].ticket.split(".")[0]})
    assert thief.number == 5


@pytest.fixture
def staff(client: Client) -> Client:
    client.force_login(User.objects.create_superuser("grace", password="a-long-password"))
    return client


def change(staff: Client, **values: str) -> str:
    page = reverse("admin:reservations_launch_change", args=[Launch.objects.get().pk])
    sent = fill_in(staff, page) | {name: [value] for name, value in values.items()}
    answer = staff.post(page, sent)
    return "" if answer.status_code == 302 else complaints(answer) + answer.content.decode()


def test_staff_promise_a_draw_change_it_and_take_it_back_before_anybody_is_in(stage: Stage, staff: Client) -> None:
    stage.promise_a_draw()
    assert not change(staff, draw_minutes="5", admission_per_minute="30")
    row = Draw.objects.get()
    assert row.closes_at - row.opens_at == timedelta(minutes=5)
    assert not change(staff, draw_minutes="")
    assert not Draw.objects.exists()
    logged = Event.objects.filter(subject__startswith="draw:").order_by("id").values_list("action", "actor")
    assert list(logged)[1:] == [("draw.moved", "staff:grace"), ("draw.withdrawn", "staff:grace")]


def test_a_draw_that_somebody_may_be_in_stays(stage: Stage, staff: Client) -> None:
    stage.promise_a_draw()
    stage.go(601)
    assert "People may be in this draw already" in change(staff, draw_minutes="")
    assert Draw.objects.count() == 1


def test_no_draw_is_promised_once_the_opening_is_past(stage: Stage, staff: Client) -> None:
    stage.go(60)
    assert "more than 10 minutes away" in change(staff, draw_minutes="5")
    assert not Draw.objects.exists() and Launch.objects.get().draw_minutes is None
