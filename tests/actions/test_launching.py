"""Units go from pool to pool, a launch closes and is copied; all of it logged, nothing oversold."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest

from reservations.actions import launching, wishes
from reservations.actions.reserving import reserve
from reservations.models import Allotment, Event, Launch, Reservation
from reservations.queries.books import find_broken
from tests.world import AT, allotment, wish

pytestmark = [pytest.mark.django_db, pytest.mark.both_databases]


def carry(units: int, source: Allotment, target: Allotment) -> None:
    launching.move_units(source=source, target=target, units=units, at=AT, actor="staff:grace", reason="more orders")


def test_units_go_to_another_pool_and_there_to_who_waits(launch_data: datetime) -> None:
    europe, japan = allotment(), allotment(market="JP")
    Allotment.objects.filter(pk=europe.pk).update(capacity=1)
    reserve(wish=wish(email="a@x.example"), at=AT)
    waiting = reserve(wish=wish(email="b@x.example"), at=AT)
    assert waiting.status == "waitlisted"
    carry(3, japan, europe)
    waiting.refresh_from_db()
    kept = {row.pk: row.capacity for row in Allotment.objects.filter(pk__in=[europe.pk, japan.pk])}
    assert (waiting.status, kept) == ("confirmed", {europe.pk: 4, japan.pk: japan.capacity - 3})
    logged = Event.objects.filter(action="allotment.units_moved").order_by("id")
    assert [event.facts["capacity"] for event in logged] == [japan.capacity - 3, 4]
    assert find_broken() == []


@pytest.mark.parametrize("units", [0, -1, 2, 10**9])
def test_a_pool_gives_away_only_what_nobody_holds(launch_data: datetime, units: int) -> None:
    europe, japan = allotment(), allotment(market="JP")
    Allotment.objects.filter(pk=europe.pk).update(capacity=3, held_back=1)
    reserve(wish=wish(email="a@x.example"), at=AT)
    with pytest.raises(launching.TooFew) as refused:
        carry(units, europe, japan)
    assert refused.value.free == 1 and Allotment.objects.get(pk=europe.pk).capacity == 3
    assert not Event.objects.filter(action="allotment.units_moved").exists()


def test_units_of_one_variant_do_not_become_those_of_another(launch_data: datetime) -> None:
    other = Allotment.objects.exclude(variant=allotment().variant).filter(launch=allotment().launch).first()
    assert other
    for target in (allotment(), other):
        with pytest.raises(launching.NotTheSame):
            carry(1, allotment(), target)


def test_a_closed_launch_takes_no_reservations_and_keeps_those_it_has(launch_data: datetime) -> None:
    row = reserve(wish=wish(email="a@x.example"), at=AT)
    launch = row.launch
    shut_at = AT + timedelta(hours=1)
    assert launching.close(launch=launch, at=shut_at, actor="staff:grace") > 0
    with pytest.raises(wishes.Refusal):
        reserve(wish=wish(email="b@x.example"), at=shut_at)
    assert list(Reservation.objects.values_list("pk", "status")) == [(row.pk, "confirmed")]
    assert launching.close(launch=launch, at=shut_at + timedelta(hours=1), actor="staff:grace") == 0
    assert Event.objects.filter(action="launch.closed").count() == 1


def test_a_copy_of_a_launch_opens_on_its_own_day_and_holds_nothing(launch_data: datetime) -> None:
    launch = Launch.objects.get(products__slug="glasses-s1")
    reserve(wish=wish(), at=AT)
    opens_at = AT + timedelta(days=100)
    made = launching.clone(launch=launch, slug="glasses-again", opens_at=opens_at, at=AT, actor="staff:grace")
    assert made.paused_at == AT and list(made.products.all()) == list(launch.products.all())
    windows = list(made.windows.order_by("opens_at"))
    assert windows[0].opens_at == opens_at and len(windows) == launch.windows.count()
    pools = launch.allotments.filter(is_sandbox=False)
    assert sum(made.allotments.values_list("capacity", flat=True)) == sum(pools.values_list("capacity", flat=True))
    assert not any(made.allotments.values_list("held", flat=True))
    assert set(made.allotments.values_list("markets", flat=True)) == set(pools.values_list("markets", flat=True))
    assert reserve(wish=wish(email="b@x.example"), at=AT).launch_id == launch.pk
    assert find_broken() == []
