"""What a partner can do with a key."""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

import pytest
import time_machine
from django.db import connection
from django.test import Client
from pytest_django import DjangoAssertNumQueries

from reservations.actions.deciding import rebuild_decisions
from reservations.actions.keys import create_api_key
from reservations.models import Acceptance, CustomerLimit, Event, Message, Partner, Requirement, Reservation
from tests.jobs.stage import free_port
from tests.world import AT, OPENS_AT, allotment, consents

pytestmark = [pytest.mark.django_db, pytest.mark.both_databases]
URL = "/api/v1/reservations/"


@pytest.fixture(autouse=True)
def at_noon(launch_data: datetime) -> Iterator[None]:
    with time_machine.travel(AT, tick=False):
        yield


class Caller:
    """A partner with a key."""

    def __init__(
        self,
        slug: str = "carrier",
        scopes: tuple[str, ...] = ("reservations:read", "reservations:write"),
        **options: Any,
    ) -> None:
        partner, _ = Partner.objects.get_or_create(slug=slug, defaults={"name": slug})
        is_sandbox = options.get("is_sandbox", False)
        _, self.secret = create_api_key(partner=partner, scopes=scopes, is_sandbox=is_sandbox, at=AT, actor="system")
        self.client = Client()

    def get(self, url: str = URL) -> Any:
        return self.client.get(url, headers={"Authorization": f"Bearer {self.secret}"})

    def post(self, body: Any, url: str = URL, key: str | None = "new", content_type: str = "application/json") -> Any:
        headers = {"Authorization": f"Bearer {self.secret}"}
        if key:
            headers["Idempotency-Key"] = str(uuid.uuid4()) if key == "new" else key
        text = body if isinstance(body, (str, bytes)) else json.dumps(body)
        return self.client.post(url, text, content_type=content_type, headers=headers)

    def patch(self, body: Any, url: str) -> Any:
        headers = {"Authorization": f"Bearer {self.secret}"}
        return self.client.patch(url, json.dumps(body), content_type="application/json", headers=headers)


@pytest.fixture
def caller(launch_data: datetime) -> Caller:
    return Caller()


def body(**changes: Any) -> dict[str, Any]:
    fields: dict[str, Any] = {
        "market": "DE",
        "language": "de",
        "email": "ada@customers.example",
        "name": "Ada L.",
        "lines": [{"sku": "S1-BLK", "quantity": 1}],
        "consents": [{"id": name, "version": version} for name, version in consents().items()],
        "partner_reference": "order-1",
    }
    return {name: value for name, value in (fields | changes).items() if value is not ...}


def books() -> tuple[int, ...]:
    rows = (Reservation, Message, CustomerLimit, Event)
    return (*(model.objects.count() for model in rows), allotment().held)


def test_a_reservation_is_made_read_listed_and_cancelled(caller: Caller) -> None:
    made = caller.post(body())
    assert made.status_code == 201
    found = made.json()
    assert (found["status"], found["place"]["number"], found["place"]["people_ahead"]) == ("confirmed", 1, 0)
    assert found["lines"] == [
        {"sku": "S1-BLK", "quantity": 1, "unit_price": {"amount_minor": 59900, "currency": "EUR"}}
    ]
    assert caller.get(f"{URL}{found['id']}/").json() == found
    assert [row["id"] for row in caller.get(f"{URL}?partner_reference=order-1&status=confirmed").json()["results"]] == [
        found["id"]
    ]
    assert caller.get(f"{URL}?market=FR").json()["results"] == []
    cancelled = caller.post("", f"{URL}{found['id']}/cancel/", key=None)
    assert cancelled.json()["status"] == "cancelled" and allotment().held == 0
    assert caller.post("", f"{URL}{found['id']}/cancel/", key=None).json()["status"] == "cancelled"


def test_a_reservation_is_amended_and_keeps_its_rank(caller: Caller) -> None:
    made = caller.post(body()).json()
    answer = caller.patch(
        {
            "market": "AT",
            "lines": [{"sku": "S1-TRT", "quantity": 1}],
            "name": "Ada B.",
            "shipping_address": {"street": "Ring 1", "city": "Wien", "postcode": "1010"},
        },
        f"{URL}{made['id']}/",
    )
    found = answer.json()
    assert answer.status_code == 200 and (found["market"], found["lines"][0]["sku"]) == ("AT", "S1-TRT")
    assert (found["created_at"], found["reference"]) == (made["created_at"], made["reference"])
    row = Reservation.objects.get()
    assert (row.name, row.address) == ("Ada B.", {"street": "Ring 1", "city": "Wien", "postcode": "1010"})
    assert row.events.get(action="reservation.moved").actor.startswith("partner:")


@pytest.mark.parametrize(
    ("asked", "status", "code"),
    [
        ({"market": "CA", "subdivision": "CA-ON", "name": "New"}, 451, "not_available_in_market"),
        ({"lines": [{"sku": "S1-BLK", "quantity": 2}], "name": "New"}, 422, "more_units"),
        ({"lines": [{"sku": "G1-BLK", "quantity": 1}], "name": "New"}, 422, "other_product"),
        ({"lines": [{"sku": "S1-BLK", "quantity": -1}]}, 422, "invalid"),
        ({"lines": [{"sku": "S1-BLK", "quantity": 1}], "name": "New"}, 422, "nothing_changes"),
        ({"market": "US", "subdivision": "US-NY", "name": "New"}, 422, "consent_required"),
        ({"place_number": 1}, 422, "invalid"),
        ({"email": "nobody"}, 422, "invalid"),
    ],
)
def test_an_amendment_that_cannot_be_changes_nothing_at_all(
    caller: Caller, asked: dict[str, Any], status: int, code: str
) -> None:
    made = caller.post(body()).json()
    before, row = books(), Reservation.objects.values().get()
    answer = caller.patch(asked, f"{URL}{made['id']}/")
    assert (answer.status_code, answer.json()["code"]) == (status, code)
    assert books() == before and Reservation.objects.values().get() == row


def test_a_new_address_counts_once_its_owner_follows_the_link(caller: Caller) -> None:
    made = caller.post(body()).json()
    assert caller.patch({"email": "new@x.example"}, f"{URL}{made['id']}/").status_code == 200
    row = Reservation.objects.get()
    assert row.email == "ada@customers.example" and row.messages.filter(kind="confirm_address").count() == 1


def test_the_same_key_and_body_answer_the_same_and_store_once(caller: Caller) -> None:
    first = caller.post(body(), key="k1")
    again = caller.post(body(), key="k1")
    assert again.json() == first.json() and again["Idempotent-Replayed"] == "true"
    assert Reservation.objects.count() == 1
    other = caller.post(body(name="Grace"), key="k1")
    assert (other.status_code, other.json()["code"]) == (422, "idempotency_key_reused")


def test_a_refusal_is_replayed_too(caller: Caller) -> None:
    given = body(market="CA", subdivision="CA-ON", consents=[])
    first, again = caller.post(given, key="k1"), caller.post(given, key="k1")
    assert first.status_code == again.status_code == 451 and again["Idempotent-Replayed"] == "true"


def test_a_yes_and_its_answer_are_kept_together_or_not_at_all(caller: Caller) -> None:
    before = books()
    with connection.cursor() as cursor:
        cursor.execute("CREATE UNIQUE INDEX nobody_answers ON reservations_idempotencykey (status)")
    assert caller.post(body(), key="k1").status_code == 201
    once = books()
    caller.client.raise_request_exception = False
    answer = caller.post(body(email="grace@customers.example"), key="k2")  # its answer cannot be kept
    assert answer.status_code == 500 and before != once == books()


def test_at_opening_minus_a_millisecond_nothing_and_on_the_instant_a_place(caller: Caller) -> None:
    given = body(consents=[{"id": name, "version": version} for name, version in consents(at=OPENS_AT).items()])
    before = books()
    with time_machine.travel(OPENS_AT - timedelta(milliseconds=1), tick=False):
        early = caller.post(given)
    assert (early.status_code, early.json()["code"], early.json()["opens_at"]) == (
        409,
        "not_open_yet",
        "2026-03-02T02:00:00Z",
    )
    assert books() == before
    with time_machine.travel(OPENS_AT, tick=False):
        assert caller.post(given).status_code == 201


def test_a_broker_that_is_down_stops_nobody(caller: Caller, settings: Any) -> None:
    settings.CACHES = {"default": {**settings.CACHES["default"], "LOCATION": f"redis://127.0.0.1:{free_port()}/0"}}
    settings.CELERY_BROKER_URL = settings.CACHES["default"]["LOCATION"]
    assert caller.post(body()).status_code == 201
    assert [message.state for message in Message.objects.all()] == ["owed"]


def test_a_list_costs_the_same_queries_for_one_and_for_many(
    caller: Caller, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    for number in range(12):
        caller.post(body(email=f"c{number}@customers.example"))
    for size in (1, 12):
        with django_assert_num_queries(7):
            found = caller.get(f"{URL}?page_size={size}").json()["results"]
        assert len(found) == size
    assert sorted(row["place"]["people_ahead"] for row in found) == list(range(12))


def test_pages_of_one_instant_have_each_reservation_once(caller: Caller) -> None:
    for number in range(5):
        caller.post(body(email=f"c{number}@customers.example"))
    seen, url = [], f"{URL}?page_size=2"
    while url:
        page = caller.get(url).json()
        seen += [row["id"] for row in page["results"]]
        url = page["next"]
    assert len(seen) == len(set(seen)) == 5


LONG = "x" * 10_000


@pytest.mark.parametrize(
    ("changes", "status", "code", "field"),
    [
        ({"lines": [{"sku": "NO-SUCH", "quantity": 1}]}, 422, "unknown_sku", None),
        ({"lines": [{"sku": "S1-BLK", "quantity": 0}]}, 422, "invalid", "lines.0.quantity"),
        ({"lines": [{"sku": "S1-BLK", "quantity": -1}]}, 422, "invalid", "lines.0.quantity"),
        ({"lines": [{"sku": "S1-BLK", "quantity": 10**9}]}, 422, "invalid", "lines.0.quantity"),
        ({"lines": [{"sku": "S1-BLK", "quantity": True}]}, 422, "invalid", "lines.0.quantity"),
        ({"lines": [{"sku": "S1-BLK", "quantity": 3}]}, 409, "limit_reached", None),
        ({"lines": []}, 422, "invalid", "lines"),
        ({"lines": [{"sku": "S1-BLK", "quantity": 1}] * 2}, 422, "invalid", "lines"),
        ({"market": "AQ"}, 422, "unknown_market", None),
        ({"market": "US"}, 422, "subdivision_required", None),
        ({"subdivision": "US-CA"}, 422, "invalid", "subdivision"),
        ({"market": "CN", "subdivision": "CN-TW"}, 422, "invalid", "subdivision"),
        ({"market": "UA", "postcode": "95000"}, 451, "not_available_in_market", None),
        ({"market": "UA", "subdivision": "UA-30", "postcode": "295000"}, 422, "invalid", "postcode"),
        ({"market": "GB", "subdivision": "GB-ENG", "postcode": "BT1 5GS"}, 422, "invalid", "postcode"),
        ({"market": "NO", "postcode": "9170"}, 422, "invalid", "postcode"),
        ({"market": "FI", "postcode": "none"}, 422, "invalid", "postcode"),
        ({"postcode": "1" * 13}, 422, "invalid", "postcode"),
        ({"postcode": 10115}, 422, "invalid", "postcode"),
        ({"language": "tlh"}, 422, "invalid", "language"),
        ({"email": "a@b.example\nBcc: c@d.example"}, 422, "invalid", "email"),
        ({"email": "nobody"}, 422, "invalid", "email"),
        ({"name": LONG}, 422, "invalid", "name"),
        ({"name": "😀😀"}, 422, "invalid", "name"),
        ({"name": ...}, 422, "invalid", "name"),
        ({"consents": []}, 422, "consent_required", None),
        ({"consents": [{"id": "eu-gdpr-art8-children", "version": "old"}]}, 422, "consent_required", None),
        ({"surprise": 1}, 422, "invalid", "surprise"),
    ],
)
def test_bad_input_names_the_field_and_stores_nothing(
    caller: Caller, changes: dict[str, Any], status: int, code: str, field: str | None
) -> None:
    before = books()
    answer = caller.post(body(**changes))
    assert (answer.status_code, answer.json()["code"]) == (status, code)
    assert answer["Content-Type"] == "application/problem+json"
    if field:
        assert field in {error["field"] for error in answer.json()["errors"]}
    assert books() == before


def test_a_postcode_that_is_elsewhere_says_where(caller: Caller) -> None:
    given = body(market="GB", subdivision="GB-ENG", postcode="BT1 5GS")
    assert caller.post(given).json()["errors"] == [
        {
            "field": "postcode",
            "code": "elsewhere",
            "detail": "It is in GB-NIR. Send market, subdivision and postcode of one address.",
        }
    ]


def test_a_postcode_is_no_reason_to_refuse_where_it_tells_nothing(caller: Caller) -> None:
    assert caller.post(body(postcode="10115")).status_code == 201


@pytest.mark.parametrize(
    ("text", "content_type", "status", "code"),
    [
        ("{", "application/json", 400, "malformed"),
        (b"\xff\xfe", "application/json", 400, "malformed"),
        ('{"name": "a\\u0000b"}', "application/json", 422, "invalid"),
        ("[]", "application/json", 422, "invalid"),
        ("a=b", "application/x-www-form-urlencoded", 415, "unsupported_media_type"),
        ("x" * 10_000_000, "application/json", 413, "too_large"),
    ],
)
def test_a_body_that_cannot_be_read_is_a_named_problem(
    caller: Caller, text: str | bytes, content_type: str, status: int, code: str
) -> None:
    before = books()
    answer = caller.post(text, content_type=content_type)
    assert (answer.status_code, answer.json()["code"]) == (status, code)
    assert books() == before


def test_a_key_is_needed_and_its_scope_counts(caller: Caller) -> None:
    anonymous = Client().post(URL, "{}", content_type="application/json")
    assert (anonymous.status_code, anonymous.json()["code"], anonymous["WWW-Authenticate"]) == (
        401,
        "not_authenticated",
        "Bearer",
    )
    reader = Caller("reader", ("reservations:read",))
    assert (reader.post(body()).status_code, reader.post(body()).json()["code"]) == (403, "scope_missing")
    assert caller.post(body(), key=None).json()["code"] == "idempotency_key_required"
    assert not Reservation.objects.exists()


def test_consents_that_are_due_are_listed_and_given_once(caller: Caller) -> None:
    made = caller.post(body()).json()
    assert made["consents_due"] == []
    law = "eu-gdpr-art8-children"
    Requirement.objects.filter(pk=law).update(customer_facing_notice="I am 16 or older.")
    rebuild_decisions(at=AT, cause="test")
    url = f"{URL}{made['id']}/"
    [due] = caller.get(url).json()["consents_due"]
    assert (due["id"], due["text"], due["consent"]) == (law, "I am 16 or older.", True)
    for wrong in ([], [{"id": law, "version": "old"}], [{"id": "us-coppa", "version": "1"}]):
        answer = caller.post({"consents": wrong}, url=f"{url}consents/", key=None)
        assert (answer.status_code, answer.json()["code"]) == (422, "consent_required")
    assert not Acceptance.objects.exists()
    given = {"consents": [{"id": law, "version": due["version"]}]}
    for _ in range(2):  # and again, when the first answer was lost
        answer = caller.post(given, url=f"{url}consents/", key=None)
        assert (answer.status_code, answer.json()["consents_due"]) == (200, [])
    assert caller.get(url).json()["consents_due"] == [] and Acceptance.objects.count() == 1


def test_another_partners_reservation_is_not_there(caller: Caller) -> None:
    made = caller.post(body()).json()
    stranger = Caller("stranger")
    assert stranger.get(f"{URL}{made['id']}/").status_code == 404
    assert stranger.post("", f"{URL}{made['id']}/cancel/", key=None).status_code == 404
    assert stranger.get().json()["results"] == []
    assert Reservation.objects.get().status == "confirmed"


def test_a_sandbox_key_lives_in_its_own_world(caller: Caller) -> None:
    tester = Caller(is_sandbox=True)
    assert tester.secret.startswith("rsv_test_")
    made = tester.post(body()).json()
    assert allotment().held == 0 and not Message.objects.exists()
    assert caller.get(f"{URL}{made['id']}/").status_code == 404


def test_too_many_requests_are_told_to_wait(caller: Caller, settings: Any) -> None:
    settings.API_REQUESTS_PER_MINUTE = 2
    answers = [caller.get() for _ in range(3)]
    assert [answer.status_code for answer in answers] == [200, 200, 429]
    assert answers[2].json()["code"] == "rate_limited" and int(answers[2]["Retry-After"]) >= 1
