"""The open part of the API."""

from __future__ import annotations

from datetime import datetime

import pytest
import time_machine
from django.test import Client
from pytest_django import DjangoAssertNumQueries

from reservations.actions.wishes import Refusal
from reservations.models import Requirement
from storefront.refusals import CODES
from tests.world import AT

pytestmark = pytest.mark.django_db
OPEN = "DE FR ES IT NL GB US JP KR SG HK AU AE KW CH".split()


@pytest.fixture(autouse=True)
def at_noon(launch_data: datetime) -> object:
    with time_machine.travel(AT, tick=False):
        yield


def rows(client: Client, url: str) -> dict[str, dict]:
    return {row["market"]: row for row in client.get(url).json()["results"]}


def test_there_are_65_markets_and_norway_is_one(client: Client) -> None:
    found = client.get("/api/v1/markets/").json()
    assert len(found["results"]) == 65 and found["next"] is None
    norway = client.get("/api/v1/markets/NO/").json()
    assert norway["currency"] == "NOK" and norway["tax"] == {"name": "VAT", "rate": "25", "included": True}


@pytest.mark.parametrize("at", ["", "?at=2027-02-19T12:00:00Z"])
@pytest.mark.parametrize("slug", ["glasses-s1", "glasses-g1"])
def test_the_glasses_are_open_where_the_sample_evidence_says_so(client: Client, slug: str, at: str) -> None:
    found = rows(client, f"/api/v1/products/{slug}/availability/{at}")
    status = {market: row["status"] for market, row in found.items()}
    assert len(status) == 65
    assert sum(word == "open" for word in status.values()) >= 25
    assert {status[market] for market in OPEN} == {"open"}
    assert {status[market] for market in ("CA", "IN", "BR")} == {"notify_only"}
    assert found["US"]["stages"] == {"announce": True, "reserve": True, "take_deposit": True, "ship": False}
    known = set(Requirement.objects.values_list("id", flat=True))
    for row in found.values():
        assert {reason["requirement"] for reason in row["reasons"]} <= known
        assert row["reasons"] or row["status"] == "open"


def test_a_certificate_that_lapses_shuts_the_market_on_its_day(client: Client) -> None:
    url = "/api/v1/products/glasses-s1/availability/?market=MY"
    assert rows(client, url)["MY"]["status"] == "open"
    assert rows(client, url)["MY"]["next_change_at"] == "2027-01-30T16:00:00Z"
    later = rows(client, url + "&at=2027-02-19T12:00:00Z")["MY"]
    assert later["status"] == "notify_only"
    assert [reason["requirement"] for reason in later["reasons"]] == ["my-sirim-mcmc"]


def test_law_that_starts_shuts_what_has_no_evidence(client: Client) -> None:
    url = "/api/v1/products/ring/availability/?market=AT"
    assert rows(client, url)["AT"]["status"] == "announced"
    later = rows(client, url + "&at=2027-02-19T12:00:00Z")["AT"]
    assert [reason["requirement"] for reason in later["reasons"]] == ["eu-batteries-2023-1542-removability"]


@pytest.mark.parametrize(
    ("query", "status", "reason"),
    [
        ("market=KP", "blocked", "sanctions-kp"),
        ("market=IR", "blocked", "sanctions-ir"),
        ("market=CU", "blocked", "sanctions-cu"),
        ("market=UA&subdivision=UA-43", "blocked", "sanctions-ua-occupied-regions"),
        ("market=UA&subdivision=UA-23", "notify_only", "sanctions-ua-occupied-regions"),
        ("market=TW", "blocked", "tw-mainland-import"),
        ("market=CN&subdivision=CN-TW", "blocked", "tw-mainland-import"),
        ("market=NO&subdivision=NO-21", "blocked", "no_market"),
        ("market=XK", "blocked", "no_market"),
        ("market=CA", "notify_only", "ca-ised-certification"),
    ],
)
def test_a_destination_that_is_shut_names_its_requirement(client: Client, query: str, status: str, reason: str) -> None:
    (row,) = client.get(f"/api/v1/products/glasses-s1/availability/?{query}").json()["results"]
    assert row["status"] == status
    assert reason in {each["requirement"] for each in row["reasons"]}


def test_a_place_is_answered_for_under_its_one_name(client: Client) -> None:
    url = "/api/v1/products/glasses-s1/availability/"
    (own,) = client.get(f"{url}?market=GP").json()["results"]
    (part,) = client.get(f"{url}?market=FR&subdivision=FR-971").json()["results"]
    assert own == part and (own["market"], own["subdivision"], own["status"]) == ("FR", "FR-971", "open")


def test_a_market_lists_only_parts_that_follow_its_law(client: Client) -> None:
    for market, foreign in (("CN", "CN-HK"), ("NO", "NO-21"), ("FR", "FR-NC"), ("NL", "NL-AW")):
        codes = {each["code"] for each in client.get(f"/api/v1/markets/{market}/").json()["subdivisions"]}
        assert codes and foreign not in codes


def test_a_variant_that_differs_is_listed(client: Client) -> None:
    row = rows(client, "/api/v1/products/glasses-s1/availability/?market=KR")["KR"]
    assert row["differs"] == [{"sku": "S1-BLK-RX", "status": "blocked"}]


@pytest.mark.parametrize(
    ("url", "status", "code"),
    [
        ("/api/v1/markets/AQ/", 404, "not_found"),
        ("/api/v1/products/none/", 404, "not_found"),
        ("/api/v1/products/?market=AQ", 422, "unknown_market"),
        ("/api/v1/products/glasses-s1/availability/?at=yesterday", 422, "invalid"),
        ("/api/v1/products/glasses-s1/availability/?at=2027-02-19T12:00:00", 422, "invalid"),
        ("/api/v1/products/glasses-s1/availability/?at=2027-02-31T12:00:00Z", 422, "invalid"),
        ("/api/v1/products/glasses-s1/availability/?sku=EAR-BLK", 422, "unknown_sku"),
        ("/api/v1/products/glasses-s1/availability/?market=DE&subdivision=US-CA", 422, "invalid"),
        ("/api/v1/nowhere/", 404, "not_found"),
    ],
)
def test_a_bad_question_is_a_problem_with_a_code(client: Client, url: str, status: int, code: str) -> None:
    answer = client.get(url)
    assert (answer.status_code, answer["Content-Type"], answer.json()["code"]) == (
        status,
        "application/problem+json",
        code,
    )


def test_an_answer_that_has_not_changed_is_304_and_sets_no_cookie(client: Client) -> None:
    first = client.get("/api/v1/products/?market=DE")
    assert "public" in first["Cache-Control"] and not first.cookies and "Cookie" not in first.get("Vary", "")
    again = client.get("/api/v1/products/?market=DE", HTTP_IF_NONE_MATCH=first["ETag"])
    assert again.status_code == 304 and not again.content


def test_prices_come_in_minor_units_of_the_market(client: Client) -> None:
    price = {}
    for market in ("DE", "JP", "KW"):
        price[market] = client.get(f"/api/v1/products/glasses-s1/?market={market}").json()["variants"][0]["price"]
    assert price == {
        "DE": {"amount_minor": 59900, "currency": "EUR"},
        "JP": {"amount_minor": 89800, "currency": "JPY"},
        "KW": {"amount_minor": 184900, "currency": "KWD"},
    }


def test_the_launch_says_its_phase_and_the_servers_time(client: Client) -> None:
    found = client.get("/api/v1/launches/glasses-2026/").json()
    assert (found["phase"], found["opens_at"], found["server_time"]) == (
        "open",
        "2026-03-02T02:00:00Z",
        "2026-11-25T12:00:00Z",
    )
    assert len(found["markets"]) == 65


def test_lists_are_paged_by_cursor(client: Client) -> None:
    first = client.get("/api/v1/markets/?page_size=40").json()
    second = client.get(first["next"]).json()
    codes = [row["code"] for page in (first, second) for row in page["results"]]
    assert len(codes) == len(set(codes)) == 65 and second["next"] is None


def test_the_availability_table_costs_the_same_queries_for_one_market_and_all(
    client: Client, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    url = "/api/v1/products/glasses-s1/availability/"
    client.get(url)
    for query, count in (("", 65), ("?market=US&subdivision=US-CA", 1)):
        with django_assert_num_queries(2):
            assert len(client.get(url + query).json()["results"]) == count


def test_every_refusal_has_a_status_and_a_code() -> None:
    assert set(Refusal.__subclasses__()) <= set(CODES)


def test_the_schema_is_openapi_3_1_and_its_page_opens(client: Client) -> None:
    schema = client.get("/api/schema/?format=json").json()
    assert schema["openapi"].startswith("3.1")
    assert "/api/v1/reservations/" in schema["paths"]
    assert client.get("/api/docs/").status_code == 200


@pytest.mark.parametrize("at", ["0001-01-01T00:00:00Z", "9999-12-31T23:59:59Z"])
def test_the_first_and_the_last_instant_there_is_are_answered(client: Client, at: str) -> None:
    answer = client.get(f"/api/v1/products/glasses-s1/availability/?at={at}")
    assert answer.status_code == 200 and len(answer.json()["results"]) == 65
