"""The database is away or too busy: a page that says so, and a form that can be sent again as it is."""

from __future__ import annotations

import re
from collections.abc import Iterator

import psycopg
import pytest
from django.db import connection
from django.test import Client

from reservations.models import Message, Reservation
from tests.web.test_reserving import FORM, filled
from tests.world import allotment

pytestmark = pytest.mark.django_db


@pytest.fixture
def impatience(launch_data: object) -> Iterator[None]:
    """Whoever waits for a lock gives up at once."""
    with connection.cursor() as cursor:
        cursor.execute("SET lock_timeout = '50ms'")
    yield
    with connection.cursor() as cursor:
        cursor.execute("RESET lock_timeout")


@pytest.fixture
def locked(impatience: None) -> Iterator[psycopg.Connection]:
    """Somebody else keeps the line of glasses to himself."""
    given = connection.get_connection_params()
    names = ("host", "port", "user", "password", "dbname")
    with psycopg.connect(**{name: given[name] for name in names if name in given}) as other:
        other.execute("SELECT 1 FROM reservations_allotment WHERE id = %s FOR UPDATE", [allotment().pk])
        yield other


def test_a_form_that_met_busy_books_can_be_sent_again_and_counts_once(
    client: Client, locked: psycopg.Connection
) -> None:
    busy = client.post(FORM, filled(client))
    page = busy.content.decode()
    assert busy.status_code == 503 and busy["Retry-After"] and 'data-code="try_again"' in page
    assert not Reservation.objects.exists() and not Message.objects.exists()
    locked.rollback()
    again = dict(re.findall(r'<input type="hidden" name="([^"]+)" value="([^"]*)"', page))
    assert again["email"] == "ada@customers.example"
    first, second = client.post(FORM, again), client.post(FORM, again)
    assert first.status_code == second.status_code == 303
    assert Reservation.objects.count() == Message.objects.count() == 1


def test_it_says_so_in_the_language_of_the_page(client: Client, locked: psycopg.Connection) -> None:
    form = filled(client)
    page = client.post(FORM.replace("/en-de/", "/de-de/"), form).content.decode()
    assert "Noch einmal senden" in page and '<html lang="de"' in page
