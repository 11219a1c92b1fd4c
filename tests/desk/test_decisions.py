"""Officers ask the gate: what did we say, and what would change."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest
from django.test import Client

from reservations.actions.sweeping import sweep
from reservations.models import Decision, Evidence, KnownFacts, Market, PastDecision, StopSale
from tests.officers import officer
from tests.world import AT

pytestmark = pytest.mark.django_db
MAP, CELL = "/admin/reservations/decision/map/", "/admin/reservations/decision/cell/"
REPLAY, WHAT_IF = "/admin/reservations/decision/replay/", "/admin/reservations/decision/what-if/"


@pytest.fixture
def desk(launch_data: object) -> Client:
    client = Client()
    client.force_login(officer("lin"))
    return client


def test_what_was_said_on_a_past_day_is_shown_with_since_and_why(desk: Client) -> None:
    StopSale.objects.create(market=Market.objects.get(pk="DE"), since=AT + timedelta(days=1), reason="A recall.")
    sweep(at=AT + timedelta(days=1))
    asked = {"variant": "S1-BLK", "market": "DE"}
    page = desk.get(REPLAY, asked | {"at": "2026-11-26T13:00"}).content.decode()
    assert page.count("announce; not: ") == 2 and page.count("stop_sale") > 2
    assert "2026-11-26" in page and "Yes" in page
    before = desk.get(REPLAY, asked | {"at": "2026-11-25T13:00"}).content.decode()
    assert "stop_sale" not in before and before.count("announce, reserve") == 2
    assert "Nothing was decided yet." in desk.get(REPLAY, asked | {"at": "2001-01-01T00:00"}).content.decode()


@pytest.mark.parametrize("at", ["soon", "9999-99-99T00:00", ""])
def test_an_instant_that_is_none_is_refused(desk: Client, at: str) -> None:
    page = desk.get(REPLAY, {"variant": "S1-BLK", "market": "DE", "at": at})
    assert page.status_code == 200 and "errorlist" in page.content.decode()


def counts() -> tuple[int, ...]:
    return tuple(model.objects.count() for model in (Decision, PastDecision, KnownFacts))


def test_a_supposed_end_of_evidence_names_each_cell_that_would_change_and_stores_nothing(desk: Client) -> None:
    before = counts()
    paper = Evidence.objects.get(identifier="SAMPLE-MY-SIRIM-MCMC")
    page = desk.get(WHAT_IF, {"without_evidence": paper.pk}).content.decode()
    assert "would change" in page and "<td>MY</td>" in page and paper.requirement_id in page
    assert "<td>DE</td>" not in page and counts() == before


def test_a_product_without_its_camera_needs_less(desk: Client) -> None:
    page = desk.get(WHAT_IF, {"product": "glasses-s1", "capability": "camera"}).content.decode()
    assert "would change" in page


def test_half_a_supposition_is_refused_by_field(desk: Client) -> None:
    assert "Say it too" in desk.get(WHAT_IF, {"requirement": "eu-weee-2012-19"}).content.decode()
    assert "Say it too" in desk.get(WHAT_IF, {"capability": "camera"}).content.decode()


def test_who_may_not_see_decisions_sees_none_of_it(client: Client, django_user_model: type) -> None:
    client.force_login(django_user_model.objects.create_user("olga", is_staff=True))  # type: ignore[attr-defined]
    assert [client.get(url).status_code for url in (REPLAY, WHAT_IF, MAP, CELL)] == [403] * 4


def test_officers_see_the_map_and_the_matrix_of_any_day(desk: Client) -> None:
    page = desk.get(MAP).content.decode()
    assert page.count('data-status="') == 65 and page.count('<th scope="row">') == 65
    later = desk.get(MAP, {"product": "glasses-s1", "on": "2027-02-18", "only": "notify_only"}).content.decode()
    rows = re.findall(r'<th scope="row">(\w\w) ', later)
    assert "MY" in rows and "DE" not in rows and "my-sirim-mcmc" in later
    assert f"{CELL}?variant=S1-BLK&amp;market=MY&amp;on=2027-02-18" in later


def test_a_cell_opens_its_explanation_with_law_and_documents(desk: Client) -> None:
    asked = {"variant": "S1-BLK", "market": "MY", "on": "2027-02-18"}
    page = desk.get(CELL, asked).content.decode()
    paper = Evidence.objects.get(identifier="SAMPLE-MY-SIRIM-MCMC")
    for url in ("requirement/my-sirim-mcmc/change/", f"evidence/{paper.pk}/change/"):
        assert f'href="/admin/reservations/{url}"' in page
        assert desk.get(f"/admin/reservations/{url}").status_code == 200
    assert "glasses-s1-singapore-2026-01-01" in page and "replay/?variant=S1-BLK&amp;market=MY" in page
    there = desk.get(CELL, {"variant": "S1-BLK", "market": "UA", "subdivision": "ua-43"}).content.decode()
    assert "Not available" in there


@pytest.mark.parametrize(
    ("url", "asked"),
    [
        (MAP, {"on": "soon"}),
        (MAP, {"on": "2001-01-01"}),
        (MAP, {"only": "maybe"}),
        (CELL, {"variant": "S1-BLK", "market": "DE", "subdivision": "US-CA"}),
        (CELL, {"variant": "S1-BLU", "market": "DE"}),
    ],
)
def test_a_question_that_makes_no_sense_is_refused_by_field(desk: Client, url: str, asked: dict) -> None:
    page = desk.get(url, asked)
    assert page.status_code == 200 and "errorlist" in page.content.decode()
