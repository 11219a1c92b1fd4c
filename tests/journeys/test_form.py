"""The form as the real server takes it: at once where it is right at the first look, else as Django's view says."""

from __future__ import annotations

import re
import uuid
from dataclasses import dataclass
from typing import Any

import pytest
import requests

from tests.jobs.stage import wait_until
from tests.journeys.test_later import somebody
from tests.shop import Shop

FORM = "/en-de/reserve/glasses-s1/"
HIDDEN = r'name="(csrfmiddlewaretoken|attempt)"[^>]*value="([^"]+)"'
TICK = r'name="(consent_[^"]+)"[^>]*value="([^"]+)"'


@dataclass(frozen=True)
class Customer:
    """Somebody with the form open, and all boxes ticked."""

    shop: Shop
    session: requests.Session
    fields: dict[str, str]

    @property
    def email(self) -> str:
        return self.fields["email"]

    def send(self, path: str = FORM, *, as_parts: bool = False, **changes: str | None) -> requests.Response:
        """`as_parts`: as multipart/form-data, which only Django's view reads."""
        given = {name: value for name, value in (self.fields | changes).items() if value is not None}
        how: dict[str, Any] = {"files": {name: (None, value) for name, value in given.items()}} if as_parts else {}
        sent = {} if as_parts else {"data": given}
        return self.session.post(self.shop.url + path, allow_redirects=False, timeout=30, **how, **sent)

    @property
    def reservations(self) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = self.shop.books("of", self.email)
        return found


@pytest.fixture
def customer(shop: Shop) -> Customer:
    session = requests.Session()
    page = session.get(f"{shop.url}{FORM}?variant=S1-BLK", timeout=30).text
    fields = dict(re.findall(HIDDEN, page)) | dict(re.findall(TICK, page))
    assert len(fields) > 2, "the boxes are among them"
    fields |= {"variant": "S1-BLK", "quantity": "1", "email": somebody(), "name": "Ada Lovelace"}
    return Customer(shop, session, fields)


def test_either_way_answers_alike(customer: Customer) -> None:
    one = customer.send()
    other = customer.send(as_parts=True, attempt=str(uuid.uuid4()), email=somebody())
    assert (one.status_code, other.status_code) == (303, 303)
    told = [{name.lower() for name in answer.headers} - {"vary"} for answer in (one, other)]
    assert told[0] == told[1]
    for name in ("content-security-policy", "cache-control", "x-frame-options", "referrer-policy"):
        assert one.headers[name] == other.headers[name]
    page = customer.session.get(customer.shop.url + one.headers["Location"], timeout=30)
    assert "Your place is reserved" in page.text
    (row,) = customer.reservations
    assert (row["status"], row["quantity"], row["language"]) == ("confirmed", 1, "en")


def test_a_form_sent_twice_counts_once(customer: Customer) -> None:
    first, again = customer.send(), customer.send()
    assert first.status_code == again.status_code == 303
    assert first.headers["Location"] == again.headers["Location"]
    assert len(customer.reservations) == 1


@pytest.mark.parametrize(
    ("changes", "status", "words"),
    [
        ({"csrfmiddlewaretoken": None}, 403, "could not be trusted"),
        ({"csrfmiddlewaretoken": "x" * 64}, 403, "could not be trusted"),
        ({"email": "ada@"}, 422, "email"),
        ({"name": "\u0007"}, 422, "name"),
        ({"quantity": "0"}, 422, "quantity"),
        ({"quantity": "-1"}, 422, "quantity"),
        ({"quantity": "9" * 30}, 422, "quantity"),
        ({"quantity": "99"}, 422, "at most"),
        ({"variant": "RING-GRA-ANY"}, 422, "variant"),
        ({"variant": ""}, 422, "variant"),
    ],
)
def test_what_is_not_right_gets_its_words_and_nothing_is_stored(
    customer: Customer, changes: dict[str, str | None], status: int, words: str
) -> None:
    held = customer.shop.books("units_held")
    answer = customer.send(**changes)
    assert (answer.status_code, words in answer.text) == (status, True)
    assert customer.reservations == [] and customer.shop.books("units_held") == held


def test_a_box_that_is_not_ticked_or_of_another_version_is_asked_for_again(customer: Customer) -> None:
    tick = next(name for name in customer.fields if name.startswith("consent_"))
    for value in (None, "an older one"):
        assert customer.send(**{tick: value}).status_code == 422
    assert customer.reservations == []


@pytest.mark.parametrize(("path", "status"), [("/en-de/reserve/ring/", 422), ("/en-de/reserve/none/", 404)])
def test_a_variant_is_reserved_on_the_page_of_its_product_alone(customer: Customer, path: str, status: int) -> None:
    assert customer.send(path).status_code == status
    assert customer.reservations == []


def test_a_choice_is_shown_before_anything_is_reserved(customer: Customer) -> None:
    answer = customer.send(show="1")
    assert (answer.status_code, answer.headers["Location"]) == (303, f"{FORM}?variant=S1-BLK&subdivision=")
    assert customer.reservations == []


def test_before_it_opens_and_behind_a_waiting_room_nobody_reserves(customer: Customer) -> None:
    shop = customer.shop
    try:
        shop.books("open_in", "DE", "3600")
        assert customer.send().status_code == 409
        shop.books("open_in", "DE", "-60")
        shop.books("room", "0")
        assert wait_for_the_room(customer).startswith("/en-de/waiting-room/")
        assert customer.reservations == []
    finally:
        shop.books("no_room")


def wait_for_the_room(customer: Customer) -> str:
    """Where the form leads once the server knows of the room."""
    found: list[str] = []

    def is_there() -> bool:
        found.append(customer.send(email="").headers.get("Location", ""))
        return bool(found[-1])

    wait_until(is_there, "the room")
    return found[-1]
