"""The world and what is left in a market, in one look."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest
from django.db import connection, transaction
from pytest_django import DjangoAssertNumQueries

from reservations.actions.reserving import reserve
from reservations.models import Allotment, AllotmentMarket
from reservations.queries.availability import availabilities, present_in
from reservations.queries.counters import current_lines
from tests.world import AT, OPENS_AT, allotment, wish

pytestmark = [pytest.mark.django_db, pytest.mark.both_databases]


def test_where_no_fact_has_changed_it_is_one_round_trip(
    launch_data: datetime, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    present_in("DE")
    reserve(wish=wish(), at=AT)
    with django_assert_num_queries(1 if connection.vendor == "postgresql" else 2):
        world, lines = present_in("DE")
    assert lines[allotment().pk].held == 1
    assert lines == current_lines(world.pools["DE"])


def test_other_facts_are_read_with_their_own_lines(launch_data: datetime) -> None:
    _, before = present_in("DE")
    gone = allotment()
    AllotmentMarket.objects.filter(market="DE", allotment=gone).delete()
    world, lines = present_in("DE")
    assert gone.pk not in world.pools["DE"]
    assert lines.keys() == before.keys() - {gone.pk}


def test_what_is_present_again_is_looked_at_in_one_round_trip(
    launch_data: datetime, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    present_in("DE")
    with transaction.atomic():
        AllotmentMarket.objects.filter(market="DE").delete()
        assert present_in("DE")[1] == {}
        transaction.set_rollback(True)
    present_in("DE")
    with django_assert_num_queries(1 if connection.vendor == "postgresql" else 2):
        _, lines = present_in("DE")
    assert allotment().pk in lines


def test_a_market_that_we_do_not_serve_has_nothing(launch_data: datetime) -> None:
    world, lines = present_in("XX")
    assert "XX" not in world.markets and lines == {}


def test_what_was_settled_holds_until_an_instant_passes_and_never_hides_what_is_left(launch_data: datetime) -> None:
    def said(at: datetime) -> tuple[str, int | None]:
        [row] = availabilities(skus=["S1-BLK"], at=at, destinations=[("DE", None)])
        return row.status, row.left

    before = OPENS_AT - timedelta(milliseconds=1)
    capacity = allotment().capacity
    assert said(before) == ("announced", capacity)
    assert said(OPENS_AT) == ("open", capacity) and said(before) == ("announced", capacity)
    reserve(wish=wish(quantity=2), at=AT)
    assert said(AT) == ("open", capacity - 2)
    Allotment.objects.filter(pk=allotment().pk).update(held=capacity)
    assert said(AT) == ("waitlist", 0)
