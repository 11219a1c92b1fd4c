"""Tell me when it opens: twice confirmed, told once, ended at any time."""

from __future__ import annotations

from datetime import timedelta

import pytest
import time_machine
from django.test import Client

from reservations.actions.notifying import tell_opened
from reservations.models import LaunchMarket, Message, NotifyRequest
from reservations.queries import links
from tests.world import AT, OPENS_AT

pytestmark = [pytest.mark.django_db, pytest.mark.both_databases]
URL = "/de-ca/notify/"


def asked(client: Client, email: str = "ada@customers.example", product: str = "glasses-s1") -> NotifyRequest:
    answer = client.post(URL, {"product": product, "email": email})
    assert answer.status_code == 200
    return NotifyRequest.objects.get(email=email, ended_at=None, told_at=None)


def test_asking_owes_one_mail_that_asks_back_however_often_it_is_sent(client: Client) -> None:
    for _ in range(3):
        asked(client)
    wish = NotifyRequest.objects.get()
    assert (wish.language, wish.market_id, wish.confirmed_at) == ("de", "CA", None)
    assert [message.kind for message in Message.objects.all()] == ["confirm_wish"]


def test_the_answer_does_not_tell_whether_the_address_was_known(client: Client) -> None:
    first = client.post(URL, {"product": "glasses-s1", "email": "a@x.example"}).content
    again = client.post(URL, {"product": "glasses-s1", "email": "a@x.example"}).content
    assert first == again


@pytest.mark.parametrize("email", ["", "nobody", "a@b.example\nBcc: c@d.example", "x" * 400 + "@x.example"])
def test_a_bad_address_is_named_and_nothing_is_stored(client: Client, email: str) -> None:
    answer = client.post(URL, {"product": "glasses-s1", "email": email})
    assert answer.status_code == 422 and b'href="#id_email"' in answer.content
    assert not NotifyRequest.objects.exists() and not Message.objects.exists()


def test_opening_the_link_changes_nothing_and_pressing_confirms(client: Client) -> None:
    wish = asked(client)
    page = client.get(links.wish_path(wish, "confirm"))
    assert page.status_code == 200 and NotifyRequest.objects.get().confirmed_at is None
    client.post(links.wish_path(wish, "confirm"))
    assert NotifyRequest.objects.get().confirmed_at == AT


@pytest.mark.parametrize("step", ["confirm", "end"])
def test_a_foreign_key_changes_nothing(client: Client, step: str) -> None:
    wish, other = asked(client), asked(client, "b@x.example")
    answer = client.post(f"{URL}{wish.pk}/{step}/", {"key": links.wish_key(other)})
    assert answer.status_code == 404
    assert not NotifyRequest.objects.exclude(confirmed_at=None, ended_at=None).exists()


def test_who_confirmed_is_told_once_when_it_opens_and_nobody_else(client: Client) -> None:
    with time_machine.travel(OPENS_AT - timedelta(days=1), tick=False):
        mine, silent = (
            NotifyRequest.objects.get(pk=asked_in_germany(client, email)) for email in ("a@x.example", "b@x.example")
        )
        client.post(links.wish_path(mine, "confirm"))
        assert tell_opened(at=OPENS_AT - timedelta(milliseconds=1)) == 0
    assert tell_opened(at=OPENS_AT) == 1
    assert tell_opened(at=OPENS_AT) == 0
    assert [message.notify_request_id for message in Message.objects.filter(kind="opened")] == [mine.pk]
    assert NotifyRequest.objects.get(pk=silent.pk).told_at is None


def asked_in_germany(client: Client, email: str) -> object:
    client.post("/en-de/notify/", {"product": "glasses-s1", "email": email})
    return NotifyRequest.objects.get(email=email).pk


def test_who_ended_the_wish_is_not_told(client: Client) -> None:
    wish = asked(client, "a@x.example")
    client.post(links.wish_path(wish, "confirm"))
    client.post(links.wish_path(wish, "end"))
    LaunchMarket.objects.filter(market_id="CA").delete()
    assert NotifyRequest.objects.get().ended_at == AT
    assert tell_opened(at=AT) == 0
