"""The bot challenge: only before a ticket, and always a way through."""

from __future__ import annotations

import base64
import json
import re
from html import unescape
from urllib.parse import urlencode

import altcha.v1 as altcha
import pytest

from tests.waiting_room.conftest import FORM, PAGE, PRODUCT, Answer, Stage, Visitor

pytestmark = pytest.mark.django_db
TICKET = "ticket-glasses-2026-1"


@pytest.fixture
def guarded(stage: Stage) -> Stage:
    stage.crowd(1)
    stage.set(has_challenge=True)
    return stage


def solve(page: Answer) -> str:
    """What a browser sends: the challenge with its number."""
    challenge = json.loads(unescape(re.search(r'data-challenge="([^"]*)"', page.text)[1]))  # type: ignore[index]
    solved = altcha.solve_challenge(
        challenge=challenge["challenge"],
        salt=challenge["salt"],
        algorithm=challenge["algorithm"],
        max_number=challenge["maxNumber"],
    )
    assert solved is not None
    fields = {name: challenge[name] for name in ("algorithm", "challenge", "salt", "signature")}
    return base64.b64encode(json.dumps(fields | {"number": solved.number}).encode()).decode()


def form_of(page: Answer) -> str:
    return re.search(r'name="form" value="([^"]*)"', page.text)[1]  # type: ignore[index]


def send(visitor: Visitor, **fields: str) -> Answer:
    return visitor.ask(PAGE, PRODUCT, method="POST", body=urlencode(fields))


def test_a_solved_challenge_gives_one_ticket(guarded: Stage) -> None:
    visitor, copy = guarded.visitor(), guarded.visitor()
    page = visitor.page()
    assert page.status == 200 and TICKET not in visitor.cookies
    solution = solve(page)
    assert send(visitor, altcha=solution).location == f"{PAGE}?{PRODUCT}" and visitor.number == 2
    assert "data-door" in send(copy, altcha=solution).text and TICKET not in copy.cookies


@pytest.mark.parametrize("payload", ["", "e30=", "W10=", "MQ==", "é", "A" * 5000])
def test_what_is_no_solution_gives_the_challenge_again(guarded: Stage, payload: str) -> None:
    visitor = guarded.visitor()
    assert "data-door" in send(visitor, altcha=payload).text and TICKET not in visitor.cookies


def test_a_solution_of_another_room_or_too_late_is_none(guarded: Stage) -> None:
    visitor = guarded.visitor()
    solution = solve(visitor.page())
    guarded.go(601)
    assert "data-door" in send(visitor, altcha=solution).text


def test_without_javascript_twenty_seconds_are_enough(guarded: Stage) -> None:
    visitor = guarded.visitor()
    form = form_of(visitor.page())
    guarded.go(15)
    early = send(visitor, form=form)
    assert form_of(early) == form and "please wait 5 seconds" in early.text and TICKET not in visitor.cookies
    guarded.go(5)
    assert send(visitor, form=form).status == 303 and TICKET in visitor.cookies
    assert "data-door" in send(guarded.visitor(), form=form).text


@pytest.mark.parametrize("form", ["", "a.1.b", "ab.1700000000.é", "x" * 3000])
def test_a_form_that_is_not_ours_is_none(guarded: Stage, form: str) -> None:
    visitor = guarded.visitor()
    guarded.go(30)
    assert "data-door" in send(visitor, form=form).text and TICKET not in visitor.cookies


def test_who_holds_a_ticket_is_never_asked(stage: Stage) -> None:
    _first, visitor = stage.crowd(2)
    stage.set(has_challenge=True)
    assert visitor.number == 2
    laptop = stage.visitor()
    assert "data-door" not in laptop.page(f"{PRODUCT}&ticket={visitor.ticket}").text
    stage.go(2)
    assert visitor.page().location == FORM and visitor.ask(FORM).status == 200
