"""The world in memory."""

from __future__ import annotations

import pytest

from reservations.queries.facts import read_world
from reservations.rules import gate
from tests.world import AT

pytestmark = pytest.mark.django_db


def test_twins_are_decided_alike_and_are_not_of_two_products(launch_data: object) -> None:
    world = read_world()
    assert len(set(world.twins.values())) < len(world.twins)
    for sku, twin in world.twins.items():
        assert world.subjects[sku].product == world.subjects[twin].product
        for country, subdivision in (("DE", None), ("US", "US-CA"), ("CN", None), ("KR", None), ("EG", None)):
            own = gate.decide(
                subject=world.subjects[sku],
                destination=world.destination(country, subdivision),
                facts=world.facts,
                at=AT,
            )
            assert world.decide(sku, country, subdivision, AT).decision == own
