"""Paid orders are told of once, signed; those that are cancelled are not handed over, or told back."""

from __future__ import annotations

import base64
import json
import threading
from collections.abc import Iterator
from datetime import datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
from pytest_django import Settings

from reservations.actions import handing
from reservations.actions.cancelling import cancel
from reservations.actions.reserving import reserve
from reservations.gateways.fulfilment import sign
from reservations.jobs import dispatch
from reservations.models import HandOver, MoneyTask, Reservation
from reservations.queries.books import find_broken
from tests.actions.test_waves import NOON, deliver, people, release, wave_of
from tests.money import pay
from tests.world import AT, wish

pytestmark = [pytest.mark.django_db]
SECRET = base64.b64encode(b"x" * 32).decode()
HOUR = timedelta(hours=1)


class Warehouse(ThreadingHTTPServer):
    """Takes events, unless it is told to answer otherwise."""

    status = 200

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Taker)
        self.told: list[tuple[dict[str, str], bytes]] = []


class _Taker(BaseHTTPRequestHandler):
    server: Warehouse

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.told.append(({name.lower(): value for name, value in self.headers.items()}, body))
        self.send_response(self.server.status)
        self.end_headers()

    def log_message(self, *words: object) -> None:
        """Quietly."""


@pytest.fixture
def warehouse(settings: Settings) -> Iterator[Warehouse]:
    with Warehouse() as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        settings.FULFILMENT_URL, settings.FULFILMENT_SECRET = f"http://127.0.0.1:{server.server_port}/", SECRET
        yield server
        server.shutdown()


@pytest.fixture
def row(launch_data: datetime) -> Reservation:
    """Ordered and paid."""
    made = reserve(wish=wish(), at=AT)
    release(wave_of(1))
    deliver(NOON)
    pay(made, NOON)
    return made


def events(server: Warehouse) -> list[dict[str, Any]]:
    return [json.loads(body) for _, body in server.told]


def test_an_order_is_told_of_once_with_a_signature_of_standard_webhooks(row: Reservation, warehouse: Warehouse) -> None:
    for _ in range(2):
        dispatch.work(at=NOON + HOUR)
    [(headers, body)] = warehouse.told
    told = json.loads(body)
    assert told["type"] == "order.paid" and told["data"]["reference"] == row.reference
    assert told["data"]["total"] == {"amount_minor": 59900, "currency": "EUR"}
    stamp = headers["webhook-timestamp"]
    assert headers["webhook-signature"] == f"v1,{sign(SECRET, headers['webhook-id'], stamp, body)}"
    assert stamp == str(int((NOON + HOUR).timestamp()))


@pytest.mark.parametrize("status", [500, 404, 302])
def test_what_is_not_taken_is_told_again_as_the_same_event(row: Reservation, warehouse: Warehouse, status: int) -> None:
    warehouse.status = status
    dispatch.work(at=NOON + HOUR)
    assert str(status) in HandOver.objects.get().last_error and HandOver.objects.get().sent_at is None
    warehouse.status = 200
    dispatch.work(at=NOON + 2 * HOUR)
    assert len({headers["webhook-id"] for headers, _ in warehouse.told}) == 1 and len(warehouse.told) == 2
    assert HandOver.objects.get().sent_at == NOON + 2 * HOUR and HandOver.objects.get().last_error == ""


def test_an_endpoint_that_is_away_loses_nothing(row: Reservation, settings: Settings) -> None:
    settings.FULFILMENT_URL, settings.FULFILMENT_SECRET = "http://127.0.0.1:9/", SECRET
    dispatch.work(at=NOON + HOUR)
    assert HandOver.objects.get().next_at is not None and HandOver.objects.get().sent_at is None


def test_an_order_that_is_cancelled_before_is_never_handed_over(row: Reservation, warehouse: Warehouse) -> None:
    cancel(reservation=row, at=NOON, actor="customer")
    dispatch.work(at=NOON + HOUR)
    assert handing.export(pks=[HandOver.objects.get().pk], at=NOON, officer=people()[0]) == []
    assert warehouse.told == [] and not MoneyTask.objects.exists() and find_broken() == []


def test_an_order_that_is_cancelled_after_is_told_back_and_a_person_stops_it(
    row: Reservation, warehouse: Warehouse
) -> None:
    dispatch.work(at=NOON)
    cancel(reservation=row, at=NOON + HOUR, actor="customer")
    for _ in range(2):
        dispatch.work(at=NOON + 2 * HOUR)
    assert [event["type"] for event in events(warehouse)] == ["order.paid", "order.cancelled"]
    assert MoneyTask.objects.get().kind == "stop_order"


def test_an_order_that_is_cancelled_on_its_way_is_told_back(row: Reservation, warehouse: Warehouse) -> None:
    on_its_way = HandOver.objects.get()
    cancel(reservation=row, at=NOON, actor="customer")
    handing.note_sent(on_its_way, at=NOON)
    dispatch.work(at=NOON + HOUR)
    assert [event["type"] for event in events(warehouse)] == ["order.cancelled"]
    assert MoneyTask.objects.get().kind == "stop_order"


def test_one_that_was_exported_and_is_cancelled_asks_a_person(row: Reservation) -> None:
    handing.export(pks=[HandOver.objects.get().pk], at=NOON, officer=people()[0])
    cancel(reservation=row, at=NOON + HOUR, actor="customer")
    assert MoneyTask.objects.get().kind == "stop_order"


def test_without_an_endpoint_nothing_is_sent_anywhere(row: Reservation) -> None:
    assert dispatch.work(at=NOON + HOUR) == 0
