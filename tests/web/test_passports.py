"""Device passports: told on a page and in the API; without one nothing is reserved."""

from __future__ import annotations

import re
from datetime import date, datetime

import pytest
import time_machine
from django.test import Client

from reservations.actions.deciding import rebuild_decisions
from reservations.actions.reserving import reserve
from reservations.actions.wishes import NotAvailableInMarket
from reservations.models import Event, Message, Passport, Requirement, Reservation
from tests.world import AT, wish

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def at_noon(launch_data: datetime) -> object:
    with time_machine.travel(AT, tick=False):
        yield


def text(client: Client, path: str) -> str:
    answer = client.get(path)
    assert answer.status_code == 200
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", answer.content.decode()))


def without(product: str, market: str) -> None:
    """No passport of a product names the market any more."""
    for row in Passport.objects.filter(product__slug=product):
        row.markets = [code for code in row.markets if code != market]
        row.save(update_fields=["markets"])
    rebuild_decisions(at=AT, cause="test")


def test_the_passport_says_what_is_recorded_and_where_it_goes_in_this_market(client: Client) -> None:
    german, korean = (text(client, f"/en-{market}/privacy/glasses-s1/") for market in ("de", "kr"))
    for page in (german, korean):
        for words in (
            "Pictures and video",
            "When the wearer presses the button",
            "A light shines outwards",
            "Not kept",
        ):
            assert words in page
        assert "privacy@qianwen.example" in page and "sample entries" in page and "30 days" in page
    assert "In a data centre in Germany" in german and "Frankfurt" in german and "Seoul" not in german
    assert "In a data centre in South Korea" in korean and "Seoul" in korean and "Frankfurt" not in korean


def test_bystanders_are_told_how_to_notice_and_to_object(client: Client) -> None:
    glasses, ring = (text(client, f"/en-de/privacy/{slug}/bystanders/") for slug in ("glasses-s1", "ring"))
    assert "Light on: it records." in glasses and "Ask the wearer to stop" in glasses
    assert "it does not record you" in ring and "Ask the wearer to stop" not in ring
    assert "privacy@qianwen.example" in glasses and "privacy@qianwen.example" in ring


def test_the_api_tells_the_same(client: Client) -> None:
    found = client.get("/api/v1/products/glasses-s1/passport/?market=de").json()
    assert (found["product"], found["market"], found["processor"]["country"]) == ("glasses-s1", "DE", "DE")
    assert found["records"][0] == {
        "what": "pictures",
        "capability": "camera",
        "starts": "press",
        "signal": "light_and_tone",
        "where": "phone",
        "kept": "until_deleted",
    }
    for page in (found["page"], found["page_for_bystanders"]):
        assert client.get(page).status_code == 200


@pytest.mark.parametrize(
    ("path", "status", "code"),
    [
        ("glasses-s1/passport/", 422, "invalid"),
        ("glasses-s1/passport/?market=ZZ", 422, "unknown_market"),
        ("toaster/passport/?market=DE", 404, "not_found"),
    ],
)
def test_a_question_that_cannot_be_answered_says_why(client: Client, path: str, status: int, code: str) -> None:
    answer = client.get(f"/api/v1/products/{path}")
    assert (answer.status_code, answer.json()["code"]) == (status, code)
    assert answer.headers["Content-Type"] == "application/problem+json"


def test_where_it_is_missing_nothing_is_reserved_and_every_answer_says_so(client: Client) -> None:
    without("glasses-s1", "DE")
    with pytest.raises(NotAvailableInMarket) as refused:
        reserve(wish=wish(), at=AT)
    assert [reason.code for reason in refused.value.decision.reasons] == ["passport_missing"]
    assert not Reservation.objects.exists() and not Message.objects.exists()
    assert not Event.objects.filter(action__startswith="reservation.").exists()

    row = client.get("/api/v1/products/glasses-s1/availability/?market=DE").json()["results"][0]
    assert row["status"] == "notify_only"
    assert row["stages"] == {"announce": True, "reserve": False, "take_deposit": False, "ship": True}
    assert row["reasons"][0]["requirement"] == "device_passport"
    assert client.get("/api/v1/products/glasses-s1/passport/?market=DE").json()["code"] == "passport_missing"
    for path in ("products/glasses-s1/", "reserve/glasses-s1/"):
        assert "not told yet what the device records" in text(client, f"/en-de/{path}")
    for path in ("privacy/glasses-s1/", "privacy/glasses-s1/bystanders/"):
        assert "There is no passport for this country yet" in text(client, f"/en-de/{path}")
    assert reserve(wish=wish(market="AT"), at=AT).status == "confirmed"
    assert reserve(wish=wish(sku="G1-BLK", email="bob@customers.example"), at=AT).status == "confirmed"


def test_a_reservation_names_the_passport_that_was_in_force(client: Client) -> None:
    old = Passport.objects.get(pk="glasses-s1-frankfurt-2026-01-01")
    Passport.objects.create(
        id="newer", product=old.product, version="2", since=date(2026, 12, 1), markets=["DE"], records=old.records,
        processor=old.processor, contact=old.contact,
    )  # fmt: skip
    first = reserve(wish=wish(), at=AT)
    second = reserve(wish=wish(email="bob@customers.example"), at=datetime.fromisoformat("2026-11-30T23:00:00Z"))
    assert (first.receipt["passport"], second.receipt["passport"]) == (old.pk, "newer")


def test_a_newer_passport_is_told_from_its_day_on(client: Client) -> None:
    old = Passport.objects.get(pk="glasses-s1-frankfurt-2026-01-01")
    Passport.objects.create(
        id="newer", product=old.product, version="2", since=date(2026, 12, 1), markets=["DE"], records=old.records,
        processor=old.processor, contact=old.contact,
    )  # fmt: skip
    url = "/api/v1/products/glasses-s1/passport/?market=DE"
    for instant, version in (("2026-11-30T22:59:59Z", "1"), ("2026-11-30T23:00:00Z", "2")):
        with time_machine.travel(datetime.fromisoformat(instant), tick=False):
            assert client.get(url).json()["version"] == version
            assert f"Version {version}," in text(client, "/en-de/privacy/glasses-s1/")
            assert int(client.get("/en-de/privacy/glasses-s1/").headers["X-Keep-Seconds"]) <= 60
            assert int(client.get(url).headers["X-Keep-Seconds"]) <= 60


def test_features_that_are_switched_off_are_said_before_reserving_and_kept(client: Client) -> None:
    law = Requirement.objects.get(pk="us-il-bipa")
    law.pk, law.title = "de-no-faces", "No recognition of faces"
    law.jurisdiction, law.subdivisions, law.condition = ["DE"], [], ""
    law.effect_when_missing, law.stage, law.effective_from = "block", "operate", None
    law.customer_facing_notice = ""
    law.save(force_insert=True)
    rebuild_decisions(at=AT, cause="test")
    row = client.get("/api/v1/products/glasses-s1/availability/?market=DE").json()["results"][0]
    assert row["disabled_features"] == ["de-no-faces"] and row["status"] == "open"
    for path in ("products/glasses-s1/", "reserve/glasses-s1/"):
        page = text(client, f"/en-de/{path}")
        assert "Switched off here" in page and "No recognition of faces" in page
        assert "Switched off here" not in text(client, f"/en-fr/{path}")
    kept = reserve(wish=wish(), at=AT)
    assert kept.receipt["switched_off"] == [["de-no-faces", "No recognition of faces"]]
