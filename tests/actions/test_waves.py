"""Waves reach those who stand first; invitations run only from their delivery; a lapse frees the unit once."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest
from django.contrib.auth.models import User
from django.db import DatabaseError, transaction

from reservations.actions import amending, estimating, four_eyes, inviting, waving
from reservations.actions.cancelling import cancel
from reservations.actions.lines import CannotMove
from reservations.actions.reserving import reserve
from reservations.actions.wishes import LimitReached
from reservations.models import (
    Allotment,
    Event,
    Invitation,
    Launch,
    Message,
    Reservation,
    ShipEstimate,
    Wave,
    WaveSupply,
)
from reservations.queries.books import find_broken
from tests.money import pay
from tests.world import AT, allotment, wish

pytestmark = [pytest.mark.django_db, pytest.mark.both_databases]
HOUR = timedelta(hours=1)
NOON = AT + timedelta(minutes=10)


def people() -> tuple[User, User]:
    """Two who may do everything."""
    found = [User.objects.get_or_create(username=name, is_superuser=True)[0] for name in ("grace", "linus")]
    return found[0], found[1]


def place(who: str, **changes: object) -> Reservation:
    return reserve(wish=wish(email=f"{who}@x.example", **changes), at=AT + timedelta(minutes=1))


def wave_of(quantity: int, number: int = 1, *, ships: str = "2027-03-01", until: str = "2027-03-31") -> Wave:
    pool = allotment()
    wave = Wave.objects.create(launch=pool.launch, number=number, ships_from=ships, ships_to=until)
    WaveSupply.objects.create(wave=wave, allotment=pool, quantity=quantity)
    return wave


def release(wave: Wave, at: datetime = NOON) -> int:
    one, other = people()
    waving.propose(wave=wave, at=at, officer=one)
    return waving.release(wave=wave, at=at, officer=other)


def deliver(at: datetime) -> None:
    """A server has taken everything that is owed."""
    Message.objects.filter(state=Message.OWED).update(state=Message.SENT, sent_at=at)


def statuses(*rows: Reservation) -> list[str]:
    return [Reservation.objects.get(pk=row.pk).status for row in rows]


def kinds(row: Reservation) -> list[str]:
    return [message.kind for message in row.messages.order_by("id")]


def test_a_wave_invites_in_the_order_of_the_line(launch_data: datetime) -> None:
    rows = [place(who) for who in "abcd"]
    assert release(wave_of(2)) == 2
    assert statuses(*rows) == ["invited", "invited", "confirmed", "confirmed"]
    assert kinds(rows[0]) == ["confirmed", "invited"]
    assert find_broken() == []


def test_a_small_late_request_never_overtakes_a_large_early_one(launch_data: datetime) -> None:
    first, large, small = place("a"), place("b", quantity=2), place("c")
    assert release(wave_of(2)) == 1
    assert statuses(first, large, small) == ["invited", "confirmed", "confirmed"]


def test_a_pair_is_invited_together_or_not_at_all(launch_data: datetime) -> None:
    first, second, third = (place(who) for who in "abc")
    amending.pair(reservation=first, other=third, at=NOON, actor="customer")
    assert waving.dry_run(wave_of(2)).parted == 2
    assert release(Wave.objects.get()) == 1
    assert statuses(first, second, third) == ["confirmed", "invited", "confirmed"]
    assert release(wave_of(2, 2)) == 2
    assert statuses(first, third) == ["invited", "invited"]
    assert find_broken() == []


def test_a_dry_run_says_who_how_many_where_and_what_is_left_and_changes_nothing(launch_data: datetime) -> None:
    rows = [place("a"), place("b", market="AT")]
    before = Event.objects.count()
    run = waving.dry_run(wave_of(5))
    assert [row.pk for row in run.first] == [row.pk for row in rows]
    assert (run.by_market, run.left) == ({"DE": 1, "AT": 1}, {allotment().pk: 3})
    assert Event.objects.count() == before and set(statuses(*rows)) == {"confirmed"}


def test_who_pauses_or_is_on_hold_is_passed_over_and_keeps_the_rank(launch_data: datetime) -> None:
    first, second = place("a"), place("b")
    inviting.set_aside(reservation=first, at=NOON, actor="customer")
    assert release(wave_of(1)) == 1
    assert statuses(first, second) == ["confirmed", "invited"]
    inviting.set_aside(reservation=first, at=NOON, actor="customer", is_paused=False)
    assert release(wave_of(1, 2)) == 1
    assert statuses(first) == ["invited"]


def test_a_second_person_releases(launch_data: datetime) -> None:
    place("a")
    wave, (one, other) = wave_of(1), people()
    with pytest.raises(four_eyes.AlreadyMoved):
        waving.release(wave=wave, at=NOON, officer=other)
    waving.propose(wave=wave, at=NOON, officer=one)
    with pytest.raises(four_eyes.OwnWork):
        waving.release(wave=wave, at=NOON, officer=one)
    assert waving.release(wave=wave, at=NOON, officer=other) == 1
    with pytest.raises(four_eyes.AlreadyMoved):
        waving.release(wave=wave, at=NOON, officer=other)
    assert [event.action for event in Event.objects.filter(subject=f"wave:{wave.pk}").order_by("id")] == [
        "wave.proposed",
        "wave.released",
    ]


def test_waves_come_in_their_order_and_none_comes_for_nobody(launch_data: datetime) -> None:
    one, _ = people()
    empty, later = wave_of(1), wave_of(1, 2)
    with pytest.raises(waving.NothingToGive):
        waving.propose(wave=empty, at=NOON, officer=one)
    place("a")
    with pytest.raises(waving.OutOfOrder):
        waving.propose(wave=later, at=NOON, officer=one)
    waving.drop(wave=empty, at=NOON, officer=one, reason="it will not come")
    assert release(later) == 1


def test_the_clock_runs_from_the_delivery_and_not_before(launch_data: datetime) -> None:
    row = place("a")
    release(wave_of(1))
    inviting.follow(at=NOON + 100 * HOUR)
    assert Invitation.objects.get().ends_at is None and statuses(row) == ["invited"]
    deliver(NOON + 100 * HOUR)
    inviting.follow(at=NOON + 100 * HOUR)
    row.refresh_from_db()
    assert row.expires_at == NOON + 172 * HOUR and find_broken() == []


def test_two_reminders_then_the_lapse_and_the_next_is_promoted(launch_data: datetime) -> None:
    Allotment.objects.filter(pk=allotment().pk).update(capacity=1)
    row, waiting = place("a"), place("b")
    release(wave_of(1))
    deliver(NOON)
    for hour in range(0, 80, 4):
        inviting.follow(at=NOON + hour * HOUR)
        deliver(NOON + hour * HOUR)
    assert kinds(row) == ["confirmed", "invited", "reminder", "reminder", "expired"]
    assert statuses(row, waiting) == ["expired", "confirmed"]
    assert [message.due_at for message in row.messages.filter(kind="reminder").order_by("id")] == [
        NOON + 36 * HOUR,
        NOON + 48 * HOUR,
    ]
    assert Invitation.objects.get().outcome == "lapsed" and find_broken() == []


def test_nothing_lapses_without_a_delivered_reminder(launch_data: datetime) -> None:
    row = place("a")
    release(wave_of(1))
    deliver(NOON)
    for hour in (0, 36, 48, 72, 200):
        inviting.follow(at=NOON + hour * HOUR)
    assert statuses(row) == ["invited"]
    deliver(NOON + 200 * HOUR)
    for hour in (201, 223):
        inviting.follow(at=NOON + hour * HOUR)
        assert statuses(row) == ["invited"]  # a day from the reminder that came late
    inviting.follow(at=NOON + 224 * HOUR)
    assert statuses(row) == ["expired"]


def test_a_bounce_stops_the_clock_and_another_address_starts_it_anew(launch_data: datetime) -> None:
    row = place("a")
    release(wave_of(1))
    deliver(NOON)
    inviting.follow(at=NOON)
    assert inviting.bounce(message=row.messages.get(kind="invited"), at=NOON + HOUR)
    inviting.follow(at=NOON + 500 * HOUR)
    row.refresh_from_db()
    assert (row.status, row.expires_at) == ("invited", None)
    change = amending.ask_for_address(reservation=row, email="new@x.example", at=NOON + 500 * HOUR, actor="customer")
    assert change
    amending.confirm_address(change=change, at=NOON + 501 * HOUR)
    deliver(NOON + 502 * HOUR)
    inviting.follow(at=NOON + 502 * HOUR)
    row.refresh_from_db()
    assert (row.email, row.expires_at) == ("new@x.example", NOON + 574 * HOUR)
    assert kinds(row) == ["confirmed", "invited", "confirm_address", "invited"] and find_broken() == []


def test_who_orders_in_time_has_ordered_once(launch_data: datetime) -> None:
    row = place("a")
    release(wave_of(1))
    deliver(NOON)
    inviting.follow(at=NOON)
    with pytest.raises(DatabaseError, match="captured money"), transaction.atomic():
        inviting.order(reservation=row, at=NOON + HOUR, actor="customer")
    pay(row, NOON + HOUR)
    assert inviting.order(reservation=row, at=NOON + HOUR, actor="customer").status == "converted"
    assert kinds(row) == ["confirmed", "invited", "ordered"]
    inviting.follow(at=NOON + 500 * HOUR)
    assert statuses(row) == ["converted"] and find_broken() == []


def test_after_the_deadline_nothing_is_ordered(launch_data: datetime) -> None:
    row = place("a")
    release(wave_of(1))
    deliver(NOON)
    inviting.follow(at=NOON)
    with pytest.raises(inviting.DeadlineHasPassed):
        inviting.order(reservation=row, at=NOON + 72 * HOUR, actor="customer")
    assert statuses(row) == ["invited"]
    with pytest.raises(CannotMove):
        inviting.order(reservation=place("b"), at=NOON, actor="customer")


def test_whoever_cancels_is_reminded_of_nothing(launch_data: datetime) -> None:
    row = place("a")
    release(wave_of(1))
    deliver(NOON)
    inviting.follow(at=NOON)
    inviting.follow(at=NOON + 36 * HOUR)
    cancel(reservation=row, at=NOON + 37 * HOUR, actor="customer")
    for hour in (40, 80, 300):
        inviting.follow(at=NOON + hour * HOUR)
    states = dict(row.messages.values_list("kind", "state"))
    assert states == {"confirmed": "sent", "invited": "sent", "reminder": "withdrawn", "cancelled": "owed"}


def test_who_skips_the_wave_keeps_the_rank_for_the_next(launch_data: datetime) -> None:
    first, second = place("a"), place("b")
    release(wave_of(1))
    inviting.set_aside(reservation=first, at=NOON, actor="customer")
    inviting.set_aside(reservation=first, at=NOON, actor="customer", is_paused=False)
    assert release(wave_of(1, 2)) == 1
    assert statuses(first, second) == ["invited", "confirmed"]
    assert first.invitations.count() == 2 and find_broken() == []


def lapsed(who: str = "a") -> tuple[Reservation, datetime]:
    row = place(who)
    release(wave_of(1))
    deliver(NOON)
    for hour in (0, 36, 72):
        inviting.follow(at=NOON + hour * HOUR)
        deliver(NOON + hour * HOUR)
    return row, NOON + 72 * HOUR


def test_a_lapse_is_put_back_at_the_head_of_the_next_wave(launch_data: datetime) -> None:
    row, at = lapsed()
    other = place("b")
    assert statuses(row) == ["expired"]
    put = inviting.put_back(reservation=row, at=at + 24 * HOUR, actor="staff:grace", reason="was in hospital")
    assert (put.status, put.place_number) == ("confirmed", 1)
    assert release(wave_of(1, 2), at + 25 * HOUR) == 1
    assert statuses(row, other) == ["invited", "confirmed"] and find_broken() == []


def test_a_lapse_is_put_back_only_for_fourteen_days(launch_data: datetime) -> None:
    row, at = lapsed()
    with pytest.raises(inviting.TooLate):
        inviting.put_back(reservation=row, at=at + timedelta(days=14), actor="staff:grace", reason="late")
    assert statuses(row) == ["expired"]


def test_the_reserve_for_support_gives_a_unit_where_none_is_free(launch_data: datetime) -> None:
    pool = Allotment.objects.filter(pk=allotment().pk)
    pool.update(capacity=2, held_back=1)
    row, at = lapsed()
    place("b")
    waits = inviting.put_back(reservation=row, at=at, actor="staff:grace", reason="ill", from_reserve=True)
    assert waits.status == "confirmed" and pool.get().held_back == 0 and find_broken() == []


def test_published_windows_are_kept_and_told_only_where_they_change(launch_data: datetime) -> None:
    first, second = place("a"), place("b")
    launch, person = Launch.objects.get(products__slug="glasses-s1"), people()[0]
    Reservation.objects.filter(pk=first.pk).update(receipt=first.receipt | {"ships": {"from": None, "to": None}})
    wave_of(1, 1, ships="2027-03-01", until="2027-03-14")
    wave_of(1, 2, ships="2027-06-01", until="2027-06-14")
    assert estimating.publish(launch=launch, at=NOON, person=person) == estimating.Promised(1, 1)
    assert (kinds(first)[-1], kinds(second)[-1]) == ("window", "delay")
    assert estimating.publish(launch=launch, at=NOON, person=person) == estimating.Promised()
    Wave.objects.filter(number=1).update(ships_to="2027-03-10")
    estimating.publish(launch=launch, at=NOON + HOUR, person=person)
    assert [str(row.ships_to) for row in ShipEstimate.objects.filter(reservation=first).order_by("number")] == [
        "2027-03-14",
        "2027-03-10",
    ]


def test_an_old_link_is_dead_once_another_address_is_confirmed(launch_data: datetime) -> None:
    row = place("a")
    first = amending.ask_for_address(reservation=row, email="one@x.example", at=NOON, actor="customer")
    second = amending.ask_for_address(reservation=row, email="two@x.example", at=NOON, actor="customer")
    assert first and second
    with pytest.raises(amending.Unusable):
        amending.confirm_address(change=first, at=NOON)
    assert amending.confirm_address(change=second, at=NOON).email == "two@x.example"
    with pytest.raises(amending.Unusable):
        amending.confirm_address(change=second, at=NOON)
    assert find_broken() == []


def test_an_address_that_holds_as_much_as_one_may_takes_no_more(launch_data: datetime) -> None:
    row = place("a")
    place("b", quantity=2)
    with pytest.raises(LimitReached):
        amending.ask_for_address(reservation=row, email="b@x.example", at=NOON, actor="customer")
    assert kinds(row) == ["confirmed"]


def test_a_lost_link_is_mailed_once_and_nobody_learns_who_is_known(launch_data: datetime) -> None:
    row = place("a")
    assert amending.send_links(email="a@x.example", at=NOON) == 1
    assert amending.send_links(email="a@x.example", at=NOON) == 0
    assert amending.send_links(email="nobody@x.example", at=NOON) == 0
    assert kinds(row) == ["confirmed", "new_link"]
