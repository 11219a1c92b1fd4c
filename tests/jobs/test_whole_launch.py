"""A whole launch, from opening to order, as the mail server sees it: each letter once, in order, in its language."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from datetime import date, datetime, timedelta
from pathlib import Path

import pytest
import time_machine
from django.conf import settings
from django.contrib.auth.models import User
from pytest_django import Settings

from reservations.actions import amending, estimating, inviting, outbox, waving
from reservations.actions.cancelling import cancel
from reservations.actions.reserving import reserve
from reservations.gateways.journal import Journal
from reservations.jobs import sending
from reservations.models import Allotment, Message, Reservation, Wave, WaveSupply
from reservations.queries.books import find_broken
from storefront import clock
from tests.jobs.stage import Sink, sink
from tests.money import pay
from tests.world import OPENS_AT, allotment, consents, wish

pytestmark = [pytest.mark.django_db, pytest.mark.both_databases]
HOUR, DAY = timedelta(hours=1), timedelta(days=1)


@pytest.fixture
def server(tmp_path: Path, settings: Settings) -> Iterator[Sink]:
    with sink(tmp_path) as made:
        settings.EMAIL_URL = f"smtp://127.0.0.1:{made.port}"
        yield made


class Shop:
    """The jobs of a shop, on the clock of the test."""

    def __init__(self, journal: Journal, moment: time_machine.Traveller) -> None:
        self.journal, self.moment = journal, moment
        self.staff = [User.objects.create(username=name, is_superuser=True) for name in ("one", "other")]
        self.waves = 0

    def work(self) -> None:
        """What beat starts every few seconds."""
        self.follow()
        estimating.cancel_unanswered(at=clock.now())
        while ids := outbox.queue_due(at=clock.now()):
            sending.send_batch(ids=ids, journal=self.journal, clock=clock.now)
        self.follow()

    def follow(self) -> None:
        inviting.follow(at=clock.now(), can_text=bool(settings.SMS_MAIL_DOMAIN))

    def go_on(self, until: timedelta) -> None:
        """Hour by hour."""
        end = clock.now() + until
        while clock.now() < end:
            self.moment.shift(HOUR)
            self.work()

    def plan(self, units: int, ships: date) -> Wave:
        self.waves += 1
        pool = allotment()
        wave = Wave.objects.create(
            launch=pool.launch, number=self.waves, ships_from=ships, ships_to=ships + timedelta(days=13)
        )
        WaveSupply.objects.create(wave=wave, allotment=pool, quantity=units)
        return wave

    def release(self, wave: Wave) -> None:
        waving.propose(wave=wave, at=clock.now(), officer=self.staff[0])
        waving.release(wave=wave, at=clock.now(), officer=self.staff[1])


@pytest.fixture
def shop(launch_data: datetime, tmp_path: Path) -> Iterator[Shop]:
    with time_machine.travel(OPENS_AT + HOUR, tick=False) as moment:
        yield Shop(Journal(tmp_path / "journal"), moment)


def place(who: str, language: str) -> Reservation:
    asked = wish(email=f"{who}@x.example", language=language, consents=consents(at=clock.now()))
    return reserve(wish=asked, at=clock.now())


def subjects(server: Sink, who: str) -> list[str]:
    return [mail["subject"] for mail in server.mails if mail["to"] == [f"{who}@x.example"]]


NAME = "Qianwen AI Glasses S1"
CHINESE = "千问AI眼镜 S1"


def test_each_letter_of_a_launch_arrives_once_in_order_and_in_its_language(shop: Shop, server: Sink) -> None:
    Allotment.objects.filter(pk=allotment().pk).update(capacity=3)
    ada, bea, cyn = place("ada", "en"), place("bea", "de"), place("cyn", "en")
    _, eve = place("dao", "zh-hans"), place("eve", "en")
    shop.work()

    first, second = shop.plan(1, date(2027, 3, 1)), shop.plan(2, date(2027, 7, 1))
    estimating.publish(launch=allotment().launch, at=clock.now(), person=shop.staff[0])
    shop.go_on(2 * HOUR)
    cancel(reservation=eve, at=clock.now(), actor="customer")

    shop.release(first)  # ada does not answer
    shop.go_on(5 * DAY)
    assert Reservation.objects.get(pk=ada.pk).status == "expired"
    inviting.put_back(reservation=ada, at=clock.now(), actor="staff:one", reason="was in hospital")
    shop.work()

    shop.release(second)  # bea orders, cyn cancels after the first reminder
    shop.go_on(40 * HOUR)
    cancel(reservation=cyn, at=clock.now(), actor="customer")
    contact = amending.Contact(name="Bea", address={"street": "Lindenweg 4", "city": "Köln"})
    amending.amend_contact(reservation=bea, contact=contact, at=clock.now(), actor="customer")
    pay(bea, clock.now())
    shop.go_on(10 * DAY)

    assert subjects(server, "ada") == [
        f"Your place 1 is reserved: {NAME}",
        f"Your delivery window, nothing to do: {NAME}",
        f"Order now, within 72 hours: {NAME}",
        f"Please order by 5 March 2026, 07:00 UTC+1: {NAME}",
        f"Please order by 5 March 2026, 07:00 UTC+1: {NAME}",
        f"Your invitation has ended: {NAME}",
        f"You are back in line, nothing to do: {NAME}",
        f"A place was freed, and it is yours: {NAME}",
    ]
    assert subjects(server, "bea") == [
        f"Ihr Platz 2 ist reserviert: {NAME}",
        f"Später als gesagt, warten oder stornieren: {NAME}",
        f"Jetzt bestellen, binnen 72 Stunden: {NAME}",
        f"Bitte bis 10. März 2026, 07:00 UTC+1 bestellen: {NAME}",
        f"Sie haben bestellt: {NAME}",
    ]
    assert subjects(server, "cyn") == [
        f"Your place 3 is reserved: {NAME}",
        f"Later than we said, wait or cancel: {NAME}",
        f"Order now, within 72 hours: {NAME}",
        f"Please order by 10 March 2026, 07:00 UTC+1: {NAME}",
        f"Your reservation is cancelled: {NAME}",
    ]
    assert subjects(server, "dao") == [f"您在候补名单上排第4位：{CHINESE}", f"有排位空出，现已归您：{CHINESE}"]
    assert subjects(server, "eve") == [
        f"You are number 5 on the waiting list: {NAME}",
        f"Your reservation is cancelled: {NAME}",
    ]
    statuses = Reservation.objects.order_by("place_number").values_list("status", flat=True)
    assert list(statuses) == ["confirmed", "converted", "cancelled", "confirmed", "cancelled"]
    assert max(Counter((str(mail["to"]), mail["headers"]["Message-ID"]) for mail in server.mails).values()) == 1
    assert Counter(Message.objects.values_list("state", flat=True)).keys() <= {"sent", "withdrawn"}
    assert len(server.mails) == Message.objects.filter(state="sent").count() and find_broken() == []


def test_who_gave_a_number_is_texted_too_until_there_is_nothing_to_do(
    shop: Shop, server: Sink, settings: Settings
) -> None:
    settings.SMS_MAIL_DOMAIN = "sms.example"
    ada, bea, cyn = place("ada", "en"), place("bea", "de"), place("cyn", "en")
    for row, phone in ((ada, "+49 171 2345678"), (bea, "0171 99"), (cyn, "+33 6 12 34 56 78")):
        contact = amending.Contact(name="A", phone=phone, address={})
        amending.amend_contact(reservation=row, contact=contact, at=clock.now(), actor="customer")
    shop.release(shop.plan(3, date(2027, 3, 1)))
    shop.go_on(30 * HOUR)
    cancel(reservation=cyn, at=clock.now(), actor="customer")
    shop.go_on(5 * DAY)
    texts = [mail for mail in server.mails if mail["to"][0].endswith("@sms.example")]
    assert [mail["to"][0].partition("@")[0] for mail in texts] == ["491712345678", "491712345678"]
    for mail in texts:
        assert mail["text"].startswith("Qianwen: please order by 5 March 2026") and "/r/" in mail["text"]
        assert not mail["has_html"] and len(mail["text"].split("http")[0]) < 160
    assert len([subject for subject in subjects(server, "bea") if "Bitte bis" in subject]) == 2
    states = Message.objects.filter(kind="texted").values_list("reservation__email", "state")
    assert sorted(states) == [("ada@x.example", "sent")] * 2
