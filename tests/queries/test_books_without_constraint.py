"""What only PostgreSQL lets a test break: SQLite cannot let go of a UNIQUE constraint."""

from __future__ import annotations

import pytest

from reservations.models import Reservation
from reservations.queries.books import Broken, find_broken
from tests.queries.test_books import unguarded
from tests.world import allotment

pytestmark = pytest.mark.django_db


def test_a_place_held_twice_is_named(line: list[Reservation]) -> None:
    unguarded("UPDATE reservations_reservation SET place_number = 3 WHERE place_number = 4")
    assert Broken("place_held_once", f"allotment:{allotment().pk}", "Place 3 was given 2 times.") in find_broken()
