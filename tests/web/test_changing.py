"""What a customer changes on the page of the reservation, as a browser sends and sees it."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest
import time_machine
from django.test import Client

from reservations.actions import amending, inviting
from reservations.actions.cancelling import cancel
from reservations.actions.reserving import reserve
from reservations.models import AddressChange, Allotment, Event, Message, Reservation
from reservations.queries import links
from reservations.queries.books import find_broken
from tests.actions.test_waves import HOUR, NOON, deliver, release, wave_of
from tests.money import pay
from tests.pages import fill_in
from tests.world import AT, allotment, wish

pytestmark = [pytest.mark.django_db, pytest.mark.both_databases]


@pytest.fixture
def row(launch_data: datetime) -> Reservation:
    return reserve(wish=wish(), at=AT)


@pytest.fixture(autouse=True)
def now() -> object:
    with time_machine.travel(NOON, tick=False) as moment:
        yield moment


def path(row: Reservation, step: str = "") -> str:
    page, _, key = links.reservation_path(Reservation.objects.get(pk=row.pk)).partition("?")
    return f"{page}{step}?{key}"


def compare(client: Client, row: Reservation, **asked: str) -> Any:
    given = {"variant": "S1-BLK", "market": "DE", "quantity": "1", **asked}
    return client.get(path(row, "change/"), {"key": links.reservation_key(row), **given})


def accept(client: Client, row: Reservation, page: Any, **asked: str) -> Any:
    terms = page.context["terms"]
    ticks = {tick.html_name: tick.field.version for tick in page.context["ticks"]}
    given = {"variant": "S1-BLK", "market": "DE", "quantity": "1", **asked, **ticks, "shown": terms["digest"]}
    return client.post(path(row, "change/"), given)


def test_a_move_shows_price_tax_and_rank_first_and_then_happens(client: Client, row: Reservation) -> None:
    page = compare(client, row, market="JP")
    words = page.content.decode()
    assert "€599.00" in words or "599" in words
    assert "89,800" in words and "Japan" in words and "Confirmed" in words
    assert Reservation.objects.get().market_id == "DE"
    assert accept(client, row, page, market="JP").status_code == 303
    moved = Reservation.objects.get()
    assert (moved.market_id, moved.currency, moved.created_at) == ("JP", "JPY", row.created_at)
    after = client.get(path(moved)).content.decode()
    assert "Changed; the rank is kept" in after and find_broken() == []


def test_a_colour_is_changed_with_the_place_kept(client: Client, row: Reservation) -> None:
    page = compare(client, row, variant="S1-TRT")
    assert accept(client, row, page, variant="S1-TRT").status_code == 303
    assert Reservation.objects.get().variant.sku == "S1-TRT"


def test_a_market_that_is_not_open_explains_itself_and_changes_nothing(client: Client, row: Reservation) -> None:
    page = compare(client, row, market="IN")
    assert page.status_code == 451 and "Your reservation stays as it is." in page.content.decode()
    assert Event.objects.filter(reservation=row).count() == 1


def test_a_country_of_several_rules_asks_for_the_region(client: Client, row: Reservation) -> None:
    page = compare(client, row, market="US")
    assert page.status_code == 422 and "subdivision" in page.content.decode()
    shown = compare(client, row, market="US", subdivision="US-NY")
    assert shown.status_code == 200 and shown.context["ticks"]
    unticked = client.post(
        path(row, "change/"),
        {
            "variant": "S1-BLK",
            "market": "US",
            "subdivision": "US-NY",
            "quantity": "1",
            "shown": shown.context["terms"]["digest"],
        },
    )
    assert unticked.status_code == 422 and Reservation.objects.get().market_id == "DE"
    assert accept(client, row, shown, market="US", subdivision="US-NY").status_code == 303


def test_what_changed_while_it_was_read_is_shown_again(client: Client, row: Reservation) -> None:
    page = compare(client, row, market="JP")
    Allotment.objects.filter(pk=allotment(market="JP").pk).update(capacity=0)
    stale = accept(client, row, page, market="JP")
    assert stale.status_code == 409 and "waiting list" in stale.content.decode()
    assert Reservation.objects.get().market_id == "DE"
    assert accept(client, row, stale, market="JP").status_code == 303
    assert Reservation.objects.get().status == "waitlisted"


@pytest.mark.parametrize("quantity", ["-1", "0", "2", "many"])
def test_a_quantity_that_cannot_be_names_the_field(client: Client, row: Reservation, quantity: str) -> None:
    page = compare(client, row, quantity=quantity)
    assert page.status_code == 422 and "Quantity" in page.content.decode()
    assert Reservation.objects.get().quantity == 1


def test_name_and_address_are_stored_and_not_logged(client: Client, row: Reservation) -> None:
    form = fill_in(client, path(row, "contact/"))
    form |= {"name": ["Ada B."], "street": ["Lindenweg 4"], "city": ["Köln"], "postcode": ["50667"]}
    assert client.post(path(row, "contact/"), form).status_code == 303
    kept = Reservation.objects.get()
    assert (kept.name, kept.address) == ("Ada B.", {"street": "Lindenweg 4", "postcode": "50667", "city": "Köln"})
    event = Event.objects.get(action="reservation.amended")
    assert event.facts["fields"] == ["name", "address"] and "Köln" not in str(event.facts)


@pytest.mark.parametrize(
    ("field", "value"),
    [("name", "\u202e\x00"), ("email", "nobody"), ("street", ""), ("city", "a\nb" * 99), ("phone", "x" * 41)],
)
def test_a_wrong_address_names_the_field_and_stores_nothing(
    client: Client, row: Reservation, field: str, value: str
) -> None:
    form = fill_in(client, path(row, "contact/"))
    form |= {"street": ["Lindenweg 4"], "city": ["Köln"], field: [value]}
    page = client.post(path(row, "contact/"), form)
    assert page.status_code == 422 and page.context["form"].errors.keys() == {field}
    assert Reservation.objects.get().address is None


def test_a_new_e_mail_counts_once_its_owner_presses_and_the_old_link_is_dead(client: Client, row: Reservation) -> None:
    old = path(row)
    form = fill_in(client, path(row, "contact/"))
    form |= {"street": ["Lindenweg 4"], "city": ["Köln"], "email": ["new@x.example"]}
    sent = client.post(path(row, "contact/"), form, follow=True)
    assert "new@x.example" in sent.content.decode()
    link = links.address_path(AddressChange.objects.get())
    assert client.get(link).status_code == 200 and Reservation.objects.get().email == "ada@customers.example"
    key = link.partition("key=")[2]
    assert client.post(link, {"key": key}).status_code == 303
    assert Reservation.objects.get().email == "new@x.example"
    assert client.get(old).status_code == 404 and "lost-link" in client.get(old).content.decode()
    assert client.post(link, {"key": key}).status_code == 409
    assert client.get(path(row)).status_code == 200


def test_a_lost_link_gets_the_same_answer_for_everybody(client: Client, row: Reservation) -> None:
    known = client.post("/en-de/lost-link/", {"email": "ada@customers.example"})
    unknown = client.post("/en-de/lost-link/", {"email": "nobody@x.example"})
    assert known.content == unknown.content and known.status_code == 200
    assert Message.objects.filter(kind="new_link").count() == 1


def invited(row: Reservation) -> None:
    release(wave_of(1))
    deliver(NOON)
    inviting.follow(at=NOON)


def test_an_invited_customer_gives_the_address_and_orders(client: Client, row: Reservation) -> None:
    invited(row)
    page = client.get(path(row)).content.decode()
    assert "Order by 28 November 2026, 13:10 UTC+1" in page and "Give the delivery address" in page
    assert client.post(path(row, "pay/"))["Location"] == path(row, "contact/")
    assert Reservation.objects.get().status == "invited"
    amending.amend_contact(
        reservation=row,
        contact=amending.Contact(name="Ada", address={"street": "Lindenweg 4", "city": "Köln"}),
        at=NOON,
        actor="customer",
    )
    assert "Order with obligation to pay" in client.get(path(row)).content.decode()
    pay(row, NOON)
    assert Reservation.objects.get().status == "converted"
    assert client.post(path(row, "pay/")).status_code == 303  # a second tab
    assert Message.objects.filter(kind="ordered").count() == 1
    assert "Thank you for your order" in client.get(path(row)).content.decode()


def test_too_late_an_order_is_none(client: Client, row: Reservation, now: time_machine.Traveller) -> None:
    invited(row)
    Reservation.objects.update(address={"street": "Lindenweg 4"})
    now.move_to(NOON + 73 * HOUR)
    late = client.post(path(row, "pay/"))
    assert late.status_code == 409 and "The time has passed." in late.content.decode()
    assert not Message.objects.filter(kind="ordered").exists()


def test_skipping_a_wave_keeps_the_rank_and_can_be_taken_back(client: Client, row: Reservation) -> None:
    invited(row)
    client.post(path(row, "pause/"))
    page = client.get(path(row)).content.decode()
    assert "I am ready for the next wave" in page and Reservation.objects.get().status == "confirmed"
    client.post(path(row, "pause/"), {"ready": "1"})
    assert not Reservation.objects.get().is_paused and find_broken() == []


def test_the_deadline_is_a_calendar_file(client: Client, row: Reservation) -> None:
    assert client.get(path(row, "deadline.ics")).status_code == 409
    invited(row)
    file = client.get(path(row, "deadline.ics"))
    assert file["Content-Type"].startswith("text/calendar")
    assert b"DTEND:20261128T121000Z" in file.content and b"TRIGGER:-P1D" in file.content


def test_two_are_paired_by_the_link_of_the_other(client: Client, row: Reservation) -> None:
    other = reserve(wish=wish(email="b@x.example"), at=AT)
    for wrong in ("", "nonsense", path(row), path(other).replace("key=", "key=x")):
        assert client.post(path(row, "pair/"), {"link": wrong}).status_code == 422
    assert not Reservation.objects.exclude(pair=None).exists()
    assert client.post(path(row, "pair/"), {"link": f"https://shop.example{path(other)}"}).status_code == 303
    assert Reservation.objects.filter(pair=Reservation.objects.get(pk=row.pk).pair).count() == 2
    client.post(path(other, "pair/"), {"part": "1"})
    assert not Reservation.objects.exclude(pair=None).exists()


def test_who_waits_reads_why(client: Client, row: Reservation) -> None:
    Allotment.objects.filter(pk=allotment().pk).update(capacity=1)
    waits, later = (reserve(wish=wish(email=f"{who}@x.example"), at=AT) for who in "bc")
    invited(row)
    first = client.get(path(waits)).content.decode()
    assert "You are the first on the waiting list." in first and "1 unit is held by an invitation that runs." in first
    assert "1 entry on the waiting list is ahead of you." in client.get(path(later)).content.decode()


@pytest.mark.parametrize(
    "step", ["change/", "contact/", "pay/", "pause/", "wait/", "pair/", "cancel/", "size/", "kit/"]
)
def test_nothing_opens_without_the_key(client: Client, row: Reservation, step: str) -> None:
    page, before = path(row, step).partition("?")[0], Event.objects.count()
    assert client.get(page).status_code in (404, 405)
    assert client.post(page).status_code == 404 and Event.objects.count() == before


@pytest.mark.parametrize("step", ["change/", "pause/", "pay/"])
def test_a_second_tab_after_the_end_is_told_so(client: Client, row: Reservation, step: str) -> None:
    cancel(reservation=row, at=NOON, actor="customer")
    Reservation.objects.update(address={"street": "x"})
    answer = client.post(path(row, step), {"variant": "S1-TRT", "market": "DE", "quantity": "1"})
    assert answer.status_code == 409 and "has changed meanwhile" in answer.content.decode()


def test_every_window_that_was_said_stays_to_be_read(client: Client, row: Reservation) -> None:
    release(wave_of(1, ships="2027-06-01", until="2027-06-30"))
    page = client.get(path(row)).content.decode()
    assert "1 June 2027" in page and "It became later." in page and "1 March 2027" in page


def test_a_press_after_the_night_goes_on(client: Client, row: Reservation, now: time_machine.Traveller) -> None:
    invited(row)
    now.shift(timedelta(hours=20))
    assert client.get(path(row)).status_code == 200
