"""A text that changes is shown and asked for again at the next step; what was seen before stays known."""

from __future__ import annotations

import hashlib
import re
from datetime import datetime, timedelta

import pytest
import time_machine
from django.db import DatabaseError, transaction
from django.test import Client

from reservations.actions.accepting import accept
from reservations.actions.cancelling import cancel
from reservations.actions.deciding import rebuild_decisions
from reservations.actions.reserving import reserve
from reservations.actions.wishes import ConsentRequired
from reservations.models import Acceptance, Event, Message, Requirement, Reservation
from reservations.queries import links
from reservations.queries.consents import shown_to
from tests.world import AT, wish

pytestmark = pytest.mark.django_db
CHILDREN, NEW_TEXT = "eu-gdpr-art8-children", "I am 16 or older, or a parent has approved."
FIELD = f"consent_{CHILDREN}"


@pytest.fixture(autouse=True)
def at_noon(launch_data: datetime) -> object:
    with time_machine.travel(AT, tick=False):
        yield


@pytest.fixture
def row() -> Reservation:
    """A reservation, made before the text changed."""
    made = reserve(wish=wish(), at=AT)
    Message.objects.all().delete()
    return made


def reword(requirement: str, text: str) -> str:
    """The text of a requirement from now on; its version."""
    Requirement.objects.filter(pk=requirement).update(customer_facing_notice=text)
    rebuild_decisions(at=AT, cause="test")
    return hashlib.sha256(text.encode()).hexdigest()[:8]


def page(client: Client, row: Reservation) -> str:
    answer = client.get(links.reservation_path(row))
    assert answer.status_code == 200
    return answer.content.decode()


def agree(client: Client, row: Reservation, **fields: str) -> tuple[int, str]:
    """Send the form as the page shows it now."""
    url = links.reservation_path(row).partition("?")[0] + "agree/"
    found = re.search(r'name="shown"\s+value="(\w+)"', page(client, row))
    answer = client.post(url, {"key": links.reservation_key(row), "shown": found[1] if found else "", **fields})
    return answer.status_code, answer.content.decode()


def test_nothing_is_asked_again_while_nothing_has_changed(client: Client, row: Reservation) -> None:
    assert "data-news" not in page(client, row)
    assert accept(reservation=row, given={}, language="en", at=AT, actor="customer") is False
    assert not Acceptance.objects.exists()


def test_a_new_version_is_asked_for_on_the_customers_page_and_kept_with_the_old(
    client: Client, row: Reservation
) -> None:
    before = {notice["id"]: notice for notice in shown_to(row)}[CHILDREN]
    version = reword(CHILDREN, NEW_TEXT)
    shown = page(client, row)
    assert "data-news" in shown and NEW_TEXT in shown and "Please read and agree again" in shown

    with time_machine.travel(AT + timedelta(hours=1), tick=False):
        status, _ = agree(client, row, **{FIELD: version})
    assert status == 303
    after = {notice["id"]: notice for notice in shown_to(row)}[CHILDREN]
    assert (after["version"], after["text"], after["language"]) == (version, NEW_TEXT, "en")
    assert after["sha256"] == hashlib.sha256(NEW_TEXT.encode()).hexdigest()
    assert after["accepted_at"] == (AT + timedelta(hours=1)).isoformat()
    row.refresh_from_db()
    assert {notice["id"]: notice for notice in row.shown}[CHILDREN] == before
    assert "data-news" not in page(client, row) and NEW_TEXT in page(client, row)
    assert Event.objects.get(action="reservation.consented").facts["consents"] == {CHILDREN: version}
    assert not Message.objects.exists() and row.status == "confirmed"

    assert agree(client, row, **{FIELD: version})[0] == 303  # a second press
    assert Acceptance.objects.count() == 1


@pytest.mark.parametrize("sent", [{}, {FIELD: "old"}])
def test_without_the_tick_or_beside_an_older_text_nothing_is_kept(
    client: Client, row: Reservation, sent: dict[str, str]
) -> None:
    reword(CHILDREN, NEW_TEXT)
    status, answer = agree(client, row, **sent)
    assert status == 422 and re.search(r'class="error"', answer) and NEW_TEXT in answer
    assert not Acceptance.objects.exists() and not Event.objects.filter(action="reservation.consented").exists()


def test_a_notice_that_changed_is_shown_and_needs_no_tick(client: Client, row: Reservation) -> None:
    reword("eu-gdpr-2016-679", "Somebody else handles your data now.")
    assert "New for you to know" in page(client, row)
    assert agree(client, row)[0] == 303
    assert "Somebody else handles your data now." in [notice["text"] for notice in shown_to(row)]
    assert "data-news" not in page(client, row)


def test_a_text_that_changed_while_the_page_was_read_is_not_taken_for_shown(client: Client, row: Reservation) -> None:
    version = reword(CHILDREN, NEW_TEXT)
    read = re.search(r'name="shown"\s+value="(\w+)"', page(client, row))
    assert read is not None
    reword("eu-gdpr-2016-679", "Somebody else handles your data now.")
    assert agree(client, row, shown=read[1], **{FIELD: version})[0] == 303
    assert not Acceptance.objects.exists() and "data-news" in page(client, row)
    assert agree(client, row, **{FIELD: version})[0] == 303
    assert Acceptance.objects.count() == 1


def test_a_wrong_key_or_a_cancelled_reservation_is_asked_nothing(client: Client, row: Reservation) -> None:
    version = reword(CHILDREN, NEW_TEXT)
    url = links.reservation_path(row).partition("?")[0] + "agree/"
    assert client.post(url, {"key": "x", FIELD: version}).status_code == 404
    cancel(reservation=row, at=AT, actor="customer")
    assert "data-news" not in page(client, row)
    assert agree(client, row, **{FIELD: version})[0] == 303
    assert not Acceptance.objects.exists()


def test_what_is_not_asked_for_is_refused(row: Reservation) -> None:
    version = reword(CHILDREN, NEW_TEXT)
    for given in ({}, {CHILDREN: "old"}, {CHILDREN: version, "us-coppa": "1"}):
        with pytest.raises(ConsentRequired):
            accept(reservation=row, given=given, language="en", at=AT, actor="customer")
    assert not Acceptance.objects.exists()


@pytest.mark.both_databases
def test_what_was_agreed_to_stays_as_it_was(row: Reservation) -> None:
    version = reword(CHILDREN, NEW_TEXT)
    accept(reservation=row, given={CHILDREN: version}, language="en", at=AT, actor="customer")
    for change in (lambda: Acceptance.objects.update(at=AT), Acceptance.objects.all().delete):
        with pytest.raises(DatabaseError, match="stays as it was"), transaction.atomic():
            change()
