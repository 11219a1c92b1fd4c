"""Tickets, passes, and who never meets the room."""

from __future__ import annotations

import logging
from datetime import timedelta

import pytest
import redis
from django.db import OperationalError

from reservations.models import Reservation
from storefront.waiting_room.layer import WaitingRoom
from storefront.waiting_room.queue import Queue
from storefront.waiting_room.rooms import Rooms
from storefront.wsgi import django_application
from tests.waiting_room.conftest import FORM, OPENS, PAGE, POLL, PRODUCT, Stage, Visitor

pytestmark = pytest.mark.django_db
TICKET, PASS = "ticket-glasses-2026-1", "pass-glasses-2026-1"
JSON = {"HTTP_ACCEPT": "application/json"}
MORE = "/en-de/waiting-room/more/"


def test_a_room_that_is_off_leaves_no_trace(stage: Stage) -> None:
    stage.set(has_waiting_room=False)
    visitor = stage.visitor()
    assert visitor.ask(FORM).status == 200
    assert visitor.page().location == FORM
    assert visitor.cookies.keys().isdisjoint({TICKET, PASS})


def test_without_a_pass_the_form_is_not_taken_and_nothing_is_stored(stage: Stage) -> None:
    stage.crowd(1)
    visitor = stage.visitor()
    answer = visitor.ask(FORM, method="POST", body="email=a%40b.example&name=Ada&variant=S1-BLK&quantity=1")
    assert (answer.status, answer.location) == (303, f"{PAGE}?{PRODUCT}")
    assert not Reservation.objects.exists()


@pytest.mark.parametrize(
    "path",
    [
        "/en-de/",
        "/en-de/products/glasses-s1/",
        "/en-de/availability/",
        "/en-de/notify/",
        "/en-de/reserve/ring/",
        "/api/v1/launches/",
        "/en-de/r/QW-AAAA-AAAA/",
    ],
)
def test_no_other_page_is_behind_the_room(stage: Stage, path: str) -> None:
    stage.set(admission_per_minute=0)
    visitor = stage.visitor()
    assert visitor.ask(path).status in (200, 404)
    assert visitor.cookies.keys().isdisjoint({TICKET, PASS})


def test_partners_are_never_in_it(stage: Stage) -> None:
    stage.set(admission_per_minute=0)
    answer = stage.visitor().ask("/api/v1/reservations/", method="POST", body="{}")
    assert answer.status == 401


def test_the_link_opens_the_place_on_another_device(stage: Stage) -> None:
    _first, phone = stage.crowd(2)
    laptop = stage.visitor()
    text = laptop.page(f"{PRODUCT}&ticket={phone.ticket}").text
    assert "data-place>2<" in text and laptop.ticket == phone.ticket
    assert f"{PAGE}?{PRODUCT}&amp;ticket={phone.ticket}" in text


def test_a_closed_tab_finds_its_place_again(stage: Stage) -> None:
    _first, visitor = stage.crowd(2)
    assert [visitor.number, visitor.number] == [2, 2]


def spoiled(ticket: str) -> list[str]:
    ticket_id, place, signature = ticket.split(".")
    other = ("0" if ticket_id[0] != "0" else "1") + ticket_id[1:]
    return [f"{ticket_id}.1.{signature}", f"{other}.{place}.{signature}", f"{ticket_id}.{place}", "", "%00", "é.1.x"]


@pytest.mark.parametrize("number", range(6))
def test_a_ticket_that_was_tampered_with_is_worth_nothing(stage: Stage, number: int) -> None:
    _first, honest = stage.crowd(2)
    cheat = stage.visitor({TICKET: spoiled(honest.ticket)[number]})
    assert cheat.number == 3


def test_a_ticket_or_pass_of_another_opening_is_not_one_of_this(stage: Stage) -> None:
    (first,) = stage.crowd(1)
    stage.open_at(OPENS - timedelta(hours=1), market="JP")
    assert stage.room.key == "glasses-2026:2"
    moved = stage.visitor({TICKET.replace("-1", "-2"): first.ticket, PASS.replace("-1", "-2"): first.cookies[PASS]})
    assert moved.ask(FORM).status == 303
    moved.page()
    assert moved.cookies[TICKET.replace("-1", "-2")] != first.ticket


def test_a_pass_ends_and_can_be_had_again_or_extended(stage: Stage) -> None:
    (visitor,) = stage.crowd(1)
    stage.go(599)
    assert visitor.ask(FORM).status == 200
    assert visitor.ask(MORE, PRODUCT, method="POST", **JSON).facts == {"seconds": 600}
    stage.go(599)
    assert visitor.ask(FORM).status == 200
    stage.go(1)
    assert visitor.ask(FORM).status == 303
    assert visitor.page().location == FORM and visitor.ask(FORM).status == 200


def test_more_time_needs_a_turn_and_no_script(stage: Stage) -> None:
    first, second = stage.crowd(2)
    assert second.ask(MORE, PRODUCT, method="POST").location == FORM and PASS not in second.cookies
    stage.go(700)
    before = first.cookies[PASS]
    assert first.ask(MORE, PRODUCT, method="POST").location == FORM and first.cookies[PASS] != before
    assert "More time" in first.ask(FORM).text


def test_a_pass_is_signed(stage: Stage) -> None:
    (visitor,) = stage.crowd(1)
    ticket_id, expires, signature = visitor.cookies[PASS].split(".")
    forged = stage.visitor({PASS: f"{ticket_id}.{int(expires) + 999}.{signature}"})
    assert forged.ask(FORM).status == 303


def test_cookies_are_for_the_server_alone_and_answers_are_not_kept(stage: Stage) -> None:
    answer = stage.visitor().page()
    kept = [value for name, value in answer.headers if name == "Set-Cookie"]
    assert len(kept) == 2 and all("HttpOnly; SameSite=Lax" in value for value in kept)
    assert ("Cache-Control", "no-store") in answer.headers


def test_the_page_has_the_policy_of_every_page(stage: Stage) -> None:
    stage.crowd(1)
    answer = stage.visitor().page()
    names = {name.lower() for name, _value in answer.headers}
    assert {"content-security-policy", "x-content-type-options", "x-frame-options"} <= names
    assert "%%" not in answer.text


@pytest.mark.parametrize(("language", "words"), [("de", "Personen sind vor Ihnen"), ("zh-hans", "您前面最多有")])
def test_the_room_speaks_the_language_of_its_address(stage: Stage, language: str, words: str) -> None:
    visitor = stage.crowd(4)[-1]
    assert words in visitor.ask(f"/{language}-de/waiting-room/", PRODUCT).text
    assert words in visitor.ask(f"/{language}-de/waiting-room/poll/", PRODUCT).facts["ahead_words"]


def test_a_poll_without_a_ticket_shows_the_way(stage: Stage) -> None:
    assert stage.visitor().ask(POLL, PRODUCT).facts == {"state": "unknown", "go": f"{PAGE}?{PRODUCT}"}


def test_a_room_that_is_switched_off_sends_those_who_wait_to_the_form(stage: Stage) -> None:
    _first, visitor = stage.crowd(2)
    stage.set(has_waiting_room=False)
    assert visitor.poll() == {"state": "admitted", "go": FORM}
    assert visitor.page().location == FORM and visitor.ask(FORM).status == 200
    assert visitor.ask(MORE, PRODUCT, method="POST").location == FORM


def test_without_redis_the_form_is_open_and_it_is_said_once_a_minute(
    stage: Stage, caplog: pytest.LogCaptureFixture
) -> None:
    away = redis.Redis(host="127.0.0.1", port=1, socket_connect_timeout=0.2)
    layer = WaitingRoom(django_application, rooms=Rooms(fresh_seconds=0), make_queue=lambda key: Queue(key, away))
    visitor = Visitor(layer)
    with caplog.at_level(logging.ERROR, "storefront.waiting_room.layer"):
        assert visitor.ask(FORM).status == 200
        assert visitor.page().location == FORM
        assert visitor.poll() == {"state": "admitted", "go": FORM}
    assert len(caplog.records) == 1
    assert layer is not stage.layer
    visitor.layer = stage.layer  # Redis is back: whoever was let in stays in
    assert visitor.ask(FORM).status == 200


def test_while_the_database_is_away_those_who_wait_go_on_waiting(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    _first, visitor = stage.crowd(2)

    def fail(**_: object) -> None:
        raise OperationalError

    stage.notice()
    monkeypatch.setattr("storefront.waiting_room.rooms.stored.rooms", fail)
    assert visitor.poll()["state"] == "waiting"


def test_while_django_fails_the_last_page_stands(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    _first, visitor = stage.crowd(2)
    monkeypatch.setattr("storefront.waiting_room.shell.KEEP_SECONDS", 0.0)
    stage.layer._shells._application = lambda environ, start: (start("500 Oops", []), [b""])[1]
    assert visitor.number == 2
    answer = stage.visitor().ask("/de-de/waiting-room/", PRODUCT)
    assert answer.status == 503 and ("Retry-After", "5") in answer.headers
    assert any(name == "Set-Cookie" for name, _value in answer.headers)
