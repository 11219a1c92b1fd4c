"""A batch of mails: sent once each, settled under its lease, and settled by the sweep when its worker dies."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from pytest_django import DjangoAssertNumQueries, Settings

from reservations.actions import outbox
from reservations.actions.evidence import warn_of_expiry
from reservations.actions.reserving import reserve
from reservations.gateways.journal import Accepted, Journal
from reservations.jobs import sending
from reservations.models import Message
from tests.jobs.stage import Sink, free_port, last_page, sink
from tests.officers import officer
from tests.world import AT, wish

pytestmark = [pytest.mark.django_db, pytest.mark.both_databases]
LEASE, MANY_LEASES = timedelta(seconds=60), timedelta(seconds=601)


@pytest.fixture
def server(tmp_path: Path, settings: Settings) -> Iterator[Sink]:
    with sink(tmp_path) as made:
        settings.EMAIL_URL = f"smtp://127.0.0.1:{made.port}"
        yield made


@pytest.fixture
def journal(tmp_path: Path) -> Journal:
    return Journal(tmp_path / "journal")


def queued(*emails: str) -> list[int]:
    """Confirmations that the relay has just queued."""
    for email in emails:
        reserve(wish=wish(email=email), at=AT)
    return outbox.queue_due(at=AT)


def send(ids: list[int], journal: Journal, at: datetime = AT) -> None:
    sending.send_batch(ids=ids, journal=journal, clock=lambda: at)


def states() -> list[str]:
    return list(Message.objects.order_by("pk").values_list("state", flat=True))


def recipients(server: Sink) -> list[str]:
    return [address for kept in server.mails for address in kept["to"]]


def test_a_batch_is_sent_and_settled(server: Sink, journal: Journal, launch_data: datetime) -> None:
    send(queued("a@x.example", "b@x.example"), journal)
    assert recipients(server) == ["a@x.example", "b@x.example"] and states() == ["sent", "sent"]
    message = Message.objects.order_by("pk")[1]
    assert (message.recipient, message.sent_at, message.last_error) == ("b@x.example", AT, "")
    assert message.subject == server.mails[1]["subject"] and f"Subject: {message.subject}" in message.raw
    assert not list(journal._folder.glob("*.page"))


def test_a_warning_to_an_officer_travels_with_the_letters_to_customers(
    server: Sink, journal: Journal, launch_data: datetime
) -> None:
    officer("ada", email="ada@staff.example")
    assert warn_of_expiry(at=AT) == 1
    send(queued("a@x.example"), journal)
    assert sorted(recipients(server)) == ["a@x.example", "ada@staff.example"] and set(states()) == {"sent"}
    subjects = [kept["subject"] for kept in server.mails]
    assert any(subject.startswith("Evidence sample-") for subject in subjects)


def test_two_workers_with_the_same_batch_send_it_once(server: Sink, journal: Journal, launch_data: datetime) -> None:
    ids = queued("a@x.example", "b@x.example")
    send(ids[:1], journal)
    send(ids, journal)
    send(ids, journal)
    assert recipients(server) == ["a@x.example", "b@x.example"]


def test_what_is_not_queued_is_not_sent(server: Sink, journal: Journal, launch_data: datetime) -> None:
    ids = queued("a@x.example")
    Message.objects.update(state=Message.OWED)
    send(ids, journal)
    assert states() == ["owed"] and server.mails == []


def test_an_address_that_is_none_stops_nobody_else(server: Sink, journal: Journal, launch_data: datetime) -> None:
    ids = queued("a@x.example", "b@x.example", "c@x.example")
    message = Message.objects.select_related("reservation").get(pk=ids[1])
    assert message.reservation
    message.reservation.email = "a@b, c@d"
    message.reservation.save()
    send(ids, journal)
    assert recipients(server) == ["a@x.example", "c@x.example"] and states() == ["sent", "failed", "sent"]


def test_a_letter_that_cannot_be_written_stops_nobody_else(
    server: Sink, journal: Journal, launch_data: datetime
) -> None:
    ids = queued("a@x.example", "b@x.example")
    Message.objects.filter(pk=ids[0]).update(kind="unheard_of")
    send(ids, journal)
    assert recipients(server) == ["b@x.example"] and states() == ["owed", "sent"]
    broken = Message.objects.get(pk=ids[0])
    assert broken.attempts == 1 and broken.due_at > AT and "KeyError" in broken.last_error


def test_when_no_server_is_there_all_is_owed_again_later(
    settings: Settings, journal: Journal, launch_data: datetime
) -> None:
    settings.EMAIL_URL = f"smtp://127.0.0.1:{free_port()}"
    send(queued("a@x.example", "b@x.example"), journal)
    assert states() == ["owed", "owed"]
    assert {message.attempts for message in Message.objects.all()} == {1}
    assert all(message.due_at > AT and "refused" in message.last_error for message in Message.objects.all())


def die(ids: list[int], journal: Journal, *, handed: int = 0, refused: int = 0, accepted: int = 0) -> None:
    """A worker takes a batch and dies: it had handed over so many, of which some were refused, and some accepted."""
    with last_page(journal, ids) as page:
        outbox.take(ids=ids, journal=journal.name, at=AT)
        for message_id in ids[:handed]:
            page.hand_over(message_id)
        for message_id in ids[:accepted]:
            page.accept(message_id, Accepted(sent_at=AT, recipient="a@x.example", subject="Yours", raw="As sent"))
        for message_id in ids[accepted : accepted + refused]:
            page.refuse(message_id)


def test_a_worker_that_died_in_its_batch_is_settled_for(journal: Journal, launch_data: datetime) -> None:
    ids = queued(*(f"{letter}@x.example" for letter in "abcd"))
    die(ids, journal, handed=3, accepted=1, refused=1)
    sending.sweep(journal=journal, at=AT + LEASE)
    assert states() == ["sent", "owed", "uncertain", "owed"]
    message = Message.objects.get(pk=ids[0])
    assert (message.recipient, message.subject, message.raw) == ("a@x.example", "Yours", "As sent")
    assert message.sent_at == AT and not list(journal._folder.glob("*.page"))


def test_before_the_lease_is_over_nobody_settles_for_a_worker(journal: Journal, launch_data: datetime) -> None:
    die(queued("a@x.example"), journal)
    sending.sweep(journal=journal, at=AT + LEASE / 2)
    assert states() == ["sending"]


def test_a_worker_that_is_slow_keeps_its_batch(journal: Journal, launch_data: datetime) -> None:
    ids = queued("a@x.example")
    with journal.open_page(ids, taken_at=AT) as page:
        outbox.take(ids=ids, journal=journal.name, at=AT)
        sending.sweep(journal=journal, at=AT + MANY_LEASES)
        page.hand_over(ids[0])
        sending.sweep(journal=journal, at=AT + MANY_LEASES)
    assert states() == ["sending"]


def test_another_machine_is_asked_first_and_then_staff(tmp_path: Path, launch_data: datetime) -> None:
    here, there = Journal(tmp_path / "here"), Journal(tmp_path / "there")
    die(queued("a@x.example"), there)
    sending.sweep(journal=here, at=AT + LEASE)
    assert states() == ["sending"]
    sending.sweep(journal=here, at=AT + MANY_LEASES)
    assert states() == ["uncertain"]


def test_a_lease_that_ended_settles_nothing(journal: Journal, launch_data: datetime) -> None:
    (message_id,) = queued("a@x.example")
    (message,) = outbox.take(ids=[message_id], journal=journal.name, at=AT)
    sending.sweep(journal=journal, at=AT + LEASE)
    outbox.queue_due(at=AT + LEASE)
    outbox.take(ids=[message_id], journal=journal.name, at=AT + LEASE)
    outbox.settle([outbox.Failed(message=message, at=AT, error="too late", is_permanent=True)])
    outbox.settle([outbox.Sent(message=message, sent_at=AT, recipient="a@x.example", subject="", raw="")])
    assert states() == ["sending"] and Message.objects.get().last_error == ""


def test_a_batch_costs_the_same_queries_however_long_it_is(
    server: Sink,
    journal: Journal,
    launch_data: datetime,
    django_assert_num_queries: DjangoAssertNumQueries,
) -> None:
    ids = queued(*(f"{number}@x.example" for number in range(12)))
    with django_assert_num_queries(15):
        send(ids[:2], journal)
    with django_assert_num_queries(15):
        send(ids[2:], journal)
    assert len(server.mails) == 12
