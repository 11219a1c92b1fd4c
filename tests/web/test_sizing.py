"""A ring is reserved without a size; the size is chosen later, and the place stays what it is."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest
import time_machine
from django.test import Client

from reservations.actions import amending, inviting, waving
from reservations.actions.cancelling import cancel
from reservations.actions.reserving import reserve
from reservations.models import (
    Event,
    Reservation,
    Variant,
    Wave,
    WaveSupply,
)
from reservations.queries import links
from reservations.queries.books import find_broken
from reservations.rules import sizes
from tests.actions.test_waves import deliver, people
from tests.money import pay
from tests.world import AT, open_rings, wish

pytestmark = [pytest.mark.django_db, pytest.mark.both_databases]
NOON = AT + timedelta(minutes=10)


@pytest.fixture(autouse=True)
def now() -> object:
    with time_machine.travel(NOON, tick=False):
        yield


@pytest.fixture
def row(launch_data: datetime) -> Reservation:
    open_rings(AT)
    return reserve(wish=wish(sku="RING-GRA-ANY"), at=NOON)


def path(row: Reservation, step: str = "") -> str:
    page, _, key = links.reservation_path(row).partition("?")
    return f"{page}{step}?{key}"


def kept(row: Reservation) -> Reservation:
    return Reservation.objects.select_related("settled_variant", "variant", "launch").get(pk=row.pk)


def test_each_colour_can_be_had_without_a_size(launch_data: datetime) -> None:
    open_ones = [each for each in Variant.objects.filter(product__slug="ring") if sizes.is_open(each.options)]
    assert [each.sku for each in open_ones] == ["RING-GRA-ANY", "RING-SIL-ANY"]


def test_the_size_is_chosen_and_chosen_again_with_no_loss_of_place(client: Client, row: Reservation) -> None:
    page = client.get(path(row)).content.decode()
    assert "Choose your size when you know it" in page and "size to be chosen" in page
    for sku in ("RING-GRA-8", "RING-GRA-9", "RING-GRA-9"):
        assert client.post(path(row, "size/"), {"sku": sku}).status_code == 303
    now = kept(row)
    assert now.settled_variant and now.settled_variant.sku == "RING-GRA-9"
    assert (now.place_number, now.status, now.variant.sku) == (1, "confirmed", "RING-GRA-ANY")
    assert Event.objects.filter(action="reservation.size_chosen").count() == 2 and find_broken() == []


@pytest.mark.parametrize("sku", ["RING-GRA-99", "RING-SIL-8", "S1-BLK", "RING-GRA-ANY", ""])
def test_a_size_that_is_not_made_is_refused_and_stores_nothing(client: Client, row: Reservation, sku: str) -> None:
    assert client.post(path(row, "size/"), {"sku": sku}).status_code == 422
    assert kept(row).settled_variant is None and Event.objects.filter(reservation=row).count() == 1


def test_a_sizing_kit_is_asked_for_once_and_needs_an_address(client: Client, row: Reservation) -> None:
    assert client.post(path(row, "kit/"))["Location"] == path(row, "contact/")
    contact = amending.Contact(name="Ada", address={"street": "Lindenweg 4", "city": "Köln"})
    amending.amend_contact(reservation=row, contact=contact, at=NOON, actor="customer")
    for _ in range(2):
        assert client.post(path(row, "kit/")).status_code == 303
    assert "Your sizing kit comes to the address you gave." in client.get(path(row)).content.decode()
    assert row.messages.filter(kind="size_asked").count() == 1 and find_broken() == []


def test_nothing_is_ordered_without_a_size(client: Client, row: Reservation) -> None:
    wave = Wave.objects.create(launch=row.launch, number=1, ships_from="2027-03-01", ships_to="2027-03-31")
    WaveSupply.objects.create(wave=wave, allotment_id=row.allotment_id, quantity=1)
    one, other = people()
    waving.propose(wave=wave, at=NOON, officer=one)
    waving.release(wave=wave, at=NOON, officer=other)
    deliver(NOON)
    inviting.follow(at=NOON)
    Reservation.objects.update(address={"street": "Lindenweg 4"})
    assert client.post(path(row, "pay/"))["Location"].endswith("#size")
    assert kept(row).status == "invited"
    client.post(path(row, "size/"), {"sku": "RING-GRA-8"})
    pay(Reservation.objects.get(pk=row.pk), NOON)
    assert kept(row).status == "converted"


def test_after_the_end_no_size_is_chosen(client: Client, row: Reservation) -> None:
    cancel(reservation=row, at=NOON, actor="customer")
    assert client.post(path(row, "size/"), {"sku": "RING-GRA-8"}).status_code == 409
    assert client.post(path(row, "kit/")).status_code == 409


def test_what_has_a_size_offers_none(client: Client, launch_data: datetime) -> None:
    glasses = reserve(wish=wish(), at=NOON)
    assert "Choose your size" not in client.get(path(glasses)).content.decode()
    assert client.post(path(glasses, "size/"), {"sku": "RING-GRA-8"}).status_code == 409


def test_all_that_one_address_holds_is_on_one_page(client: Client, row: Reservation) -> None:
    glasses = reserve(wish=wish(), at=NOON)
    page = client.get(path(row)).content.decode()
    assert "Also reserved under this address" in page and glasses.reference in page
    reserve(wish=wish(email="other@x.example"), at=NOON)
    assert client.get(path(row)).content.decode().count("Place 1 ·") == 1
