"""What the mail provider tells by webhook: noted once, and believed of nobody else."""

from __future__ import annotations

import hashlib
import hmac
from base64 import b64encode
from datetime import datetime
from typing import Any

import pytest
from django.conf import LazySettings
from django.test import Client
from django.urls import path

from reservations.gateways.provider_events import PROVIDERS
from reservations.models import Event, Invitation, Message, Reservation
from storefront.web.mail_events import mail_events
from tests.actions.test_waves import NOON, place, release, wave_of

pytestmark = [pytest.mark.django_db, pytest.mark.urls(__name__)]
urlpatterns = [path("mail/events/", mail_events)]
KEY, PASSWORD = "key-of-tests", "launch:opensesame"


@pytest.fixture
def sent(launch_data: datetime) -> Message:
    """An invitation that the mail server took."""
    row = place("ada")
    release(wave_of(1))
    message = Message.objects.get(reservation=row, kind="invited")
    message.state, message.sent_at, message.raw = "sent", NOON, f"Message-ID: <1.2.m{message.pk}@shop.example>\r\n"
    message.save()
    return message


@pytest.fixture(params=["mailgun", "brevo"])
def provider(request: pytest.FixtureRequest, settings: LazySettings) -> str:
    settings.MAIL_PROVIDER = request.param
    settings.ANYMAIL = {"MAILGUN_WEBHOOK_SIGNING_KEY": KEY} if request.param == "mailgun" else {}
    settings.ANYMAIL |= {"WEBHOOK_SECRET": [PASSWORD]} if request.param == "brevo" else {}
    return str(request.param)


def event(provider: str, word: str, message: Message, *, message_id: str = "", key: str = KEY) -> dict[str, Any]:
    """As the providers document them."""
    own = message_id or f"1.2.m{message.pk}@shop.example"
    if provider == "brevo":
        words = {"failed": "hard_bounce", "complained": "spam"}
        return {
            "event": words.get(word, word),
            "message-id": f"<{own}>",
            "email": "ada@x.example",
            "reason": "550 5.1.1 no",
        }
    signature = hmac.new(key.encode(), b"1767000000token", hashlib.sha256).hexdigest()
    return {
        "signature": {"timestamp": "1767000000", "token": "token", "signature": signature},
        "event-data": {
            "event": word,
            "severity": "permanent",
            "recipient": "ada@x.example",
            "message": {"headers": {"message-id": own}},
            "delivery-status": {"message": "550 5.1.1 no"},
        },
    }


def tell(client: Client, told: dict[str, Any] | str, password: str = PASSWORD) -> int:
    proof = {"Authorization": f"Basic {b64encode(password.encode()).decode()}"}
    return client.post("/mail/events/", told, content_type="application/json", headers=proof).status_code


def test_a_bounce_stops_the_clock_of_the_invitation_however_often_it_is_told(
    client: Client, sent: Message, provider: str
) -> None:
    for _ in range(2):
        assert tell(client, event(provider, "failed", sent)) == 200
    assert Invitation.objects.get().bounced_at is not None
    [noted] = Event.objects.filter(action="reservation.mail_bounced")
    assert noted.facts["status"] == "5.1.1"
    assert Message.objects.get(pk=sent.pk).last_error == "5.1.1 550 5.1.1 no"


def test_a_complaint_is_noted_once(client: Client, sent: Message, provider: str) -> None:
    for _ in range(2):
        assert tell(client, event(provider, "complained", sent)) == 200
    assert Event.objects.filter(action="reservation.mail_complained").count() == 1
    assert Invitation.objects.get().bounced_at is None


def test_what_is_delivered_opened_or_not_ours_changes_nothing(client: Client, sent: Message, provider: str) -> None:
    before = Event.objects.count()
    for told in (
        event(provider, "delivered", sent),
        event(provider, "opened", sent),
        event(provider, "failed", sent, message_id="somebody@elsewhere.example"),
        event(provider, "failed", sent, message_id=f"9.9.m{sent.pk}@shop.example"),
    ):
        assert tell(client, told) == 200
    assert Event.objects.count() == before and Invitation.objects.get().bounced_at is None


def test_nobody_else_is_believed(client: Client, sent: Message, provider: str) -> None:
    assert tell(client, event(provider, "failed", sent, key="guessed"), password="launch:guessed") == 403
    assert client.post("/mail/events/", {"event": "hard_bounce"}).status_code == 403
    assert Invitation.objects.get().bounced_at is None


def test_what_cannot_be_read_is_refused_with_a_word(client: Client, sent: Message, provider: str) -> None:
    if provider == "brevo":
        for body in ("{", "[]", "7"):
            assert tell(client, body) == 400
    odd = event(provider, "failed", sent)
    odd["event-data" if provider == "mailgun" else "event"] = [1]
    assert tell(client, odd) == 400
    assert Reservation.objects.get().status == "invited" and Invitation.objects.get().bounced_at is None


def test_each_provider_that_can_be_set_can_be_read(settings: LazySettings) -> None:
    assert PROVIDERS.keys() == settings.MAIL_PROOFS.keys()


def test_a_provider_may_look_whether_we_are_there(client: Client, launch_data: datetime, provider: str) -> None:
    assert client.head("/mail/events/").status_code == 200 and client.get("/mail/events/").status_code == 405
