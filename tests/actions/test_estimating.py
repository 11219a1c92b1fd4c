"""A window that gets worse: who is asked, until when, and what silence means."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pytest

from reservations.actions import estimating, inviting, waving
from reservations.models import Event, Message, Reservation, ShipEstimate, Wave
from reservations.queries.books import find_broken
from tests.actions.test_waves import HOUR, NOON, deliver, people, place, release, statuses, wave_of
from tests.money import pay

pytestmark = [pytest.mark.django_db, pytest.mark.both_databases]


def publish(wave: Wave, **window: str) -> None:
    Wave.objects.filter(pk=wave.pk).update(**window)
    estimating.publish(launch=wave.launch, at=NOON, person=people()[0])


def promised_to(row: Reservation) -> date:
    return date.fromisoformat(row.receipt["ships"]["to"])


def delayed(days: int) -> tuple[Reservation, Wave]:
    """A customer in the United States whose window ends so many days later than promised."""
    row = place("ada", market="US", subdivision="US-CA", postcode="94110")
    ends = promised_to(row) + timedelta(days=days)
    wave = Wave.objects.create(launch=row.launch, number=1, ships_from=promised_to(row), ships_to=ends)
    wave.supplies.create(allotment=row.allotment, quantity=5)
    publish(wave)
    return row, wave


def noon_after(day: date, days: int) -> datetime:
    return datetime(day.year, day.month, day.day, 12, tzinfo=UTC) + timedelta(days=days)


def test_silence_is_consent_to_a_first_delay_of_thirty_days(launch_data: datetime) -> None:
    row, _ = delayed(30)
    assert estimating.cancel_unanswered(at=noon_after(promised_to(row), 400)) == 0
    assert statuses(row) == ["confirmed"]


def test_a_longer_first_delay_waits_for_consent_until_thirty_days_after_the_promise(launch_data: datetime) -> None:
    row, _ = delayed(31)
    assert estimating.cancel_unanswered(at=noon_after(promised_to(row), 30)) == 0
    assert estimating.cancel_unanswered(at=noon_after(promised_to(row), 31)) == 1
    assert statuses(row) == ["cancelled"] and find_broken() == []
    assert Message.objects.filter(reservation=row, kind="cancelled").count() == 1


def test_a_further_delay_waits_for_consent_until_the_day_that_was_promised(launch_data: datetime) -> None:
    row, wave = delayed(30)
    later = promised_to(row) + timedelta(days=40)
    publish(wave, ships_to=later.isoformat())
    asked = ShipEstimate.objects.get(reservation=row, must_choose=True)
    assert asked.answer_by == promised_to(row) + timedelta(days=30)


def test_who_would_rather_wait_is_not_cancelled(launch_data: datetime) -> None:
    row, _ = delayed(60)
    assert estimating.accept_delay(reservation=row, at=NOON, actor="customer")
    assert not estimating.accept_delay(reservation=row, at=NOON, actor="customer")
    assert estimating.cancel_unanswered(at=noon_after(promised_to(row), 400)) == 0
    assert Event.objects.filter(action="reservation.delay_accepted").count() == 1


def test_an_order_is_consent(launch_data: datetime) -> None:
    row, wave = delayed(60)
    one, other = people()
    waving.propose(wave=wave, at=NOON, officer=one)
    waving.release(wave=wave, at=NOON, officer=other)
    assert not ShipEstimate.objects.filter(must_choose=True).exists(), "the invitation asks instead"
    pay(row, NOON)
    ShipEstimate.objects.update(must_choose=True)
    assert estimating.cancel_unanswered(at=noon_after(promised_to(row), 400)) == 0
    assert statuses(row) == ["converted"]


def test_a_delay_that_is_taken_back_asks_nothing_any_more(launch_data: datetime) -> None:
    row, wave = delayed(60)
    publish(wave, ships_to=(promised_to(row) + timedelta(days=20)).isoformat())
    assert not ShipEstimate.objects.filter(must_choose=True).exists()
    assert estimating.cancel_unanswered(at=noon_after(promised_to(row), 400)) == 0


def test_a_lapse_does_not_bring_the_question_back(launch_data: datetime) -> None:
    row = place("ada")
    release(wave_of(1))
    deliver(NOON)
    for hour in (0, 36, 72):
        inviting.follow(at=NOON + hour * HOUR)
        deliver(NOON + hour * HOUR)
    assert statuses(row) == ["expired"] and not ShipEstimate.objects.filter(must_choose=True).exists()
