"""Reserving: what is given, what is refused, and that a refusal leaves nothing behind."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from reservations.actions import reserving, wishes
from reservations.actions.deciding import rebuild_decisions
from reservations.models import CustomerLimit, Event, Launch, Message, Reservation, ReviewTask, StopSale
from reservations.queries.facts import world_of
from reservations.queries.revisions import current_revision
from reservations.rules import lifecycle
from tests.money import ask_for_deposit
from tests.world import AT, OPENS_AT, allotment, consents, wish

pytestmark = [pytest.mark.django_db, pytest.mark.both_databases]
MS = timedelta(milliseconds=1)


@pytest.fixture
def nothing_stored(launch_data: datetime) -> Callable[[], bool]:
    def books() -> tuple[object, ...]:
        pool = allotment()
        return (
            Reservation.objects.count(),
            Message.objects.count(),
            Event.objects.count(),
            list(CustomerLimit.objects.values_list("email_key", "quantity")),
            (pool.held, pool.waiting, pool.last_place),
        )

    before = books()
    return lambda: books() == before


def refused(given: wishes.Wish, at: datetime = AT) -> wishes.Refusal:
    with pytest.raises(wishes.Refusal) as caught:
        reserving.reserve(wish=given, at=at)
    return caught.value


def test_a_reservation_has_a_place_a_receipt_an_event_and_a_message(launch_data: datetime) -> None:
    made = reserving.reserve(wish=wish(quantity=2), at=AT)
    assert (made.status, made.place_number, made.quantity) == (lifecycle.CONFIRMED, 1, 2)
    assert made.receipt["total_minor"] == 2 * made.unit_price_minor == 119800
    assert made.receipt["tax"]["included_minor"] == 19128  # 119800 × 19 / 119, half up
    accepted = {row["id"] for row in made.shown if row["accepted_at"]}
    assert "eu-gdpr-art8-children" in accepted
    assert [event.action for event in made.events.all()] == ["reservation.confirmed"]
    assert [(message.kind, message.state) for message in made.messages.all()] == [("confirmed", "owed")]
    assert allotment().held == 2


def test_facts_are_never_kept_under_the_number_of_older_ones(launch_data: datetime) -> None:
    """A process whose last claim was on facts that it has dropped since, and that changed meanwhile."""
    reserving.reserve(wish=wish(), at=AT)
    before = current_revision()
    for number in range(-world_of.MOST, 0):
        world_of(number)
    assert world_of.known(before) is None
    ask_for_deposit(Launch.objects.get(slug="glasses-2026"), "DE", 500, "EUR")
    made = reserving.reserve(wish=wish(email="b@customers.example"), at=AT)
    assert made.status == lifecycle.AWAITING_PAYMENT
    assert world_of.known(before) is None and current_revision() != before


@pytest.mark.parametrize("product", ["ring", "none"])
def test_a_variant_is_not_reserved_on_the_page_of_another_product(
    nothing_stored: Callable[[], bool], product: str
) -> None:
    assert isinstance(refused(wish(product=product)), wishes.UnknownSku)
    assert nothing_stored()


def test_not_open_a_millisecond_early_and_open_on_the_instant(nothing_stored: Callable[[], bool]) -> None:
    early = refused(wish(consents={}), OPENS_AT - MS)
    assert isinstance(early, wishes.NotOpenYet) and early.opens_at == OPENS_AT
    assert nothing_stored()
    made = reserving.reserve(wish=wish(consents=consents(at=OPENS_AT)), at=OPENS_AT)
    assert made.created_at == OPENS_AT


@pytest.mark.parametrize(
    ("changes", "refusal"),
    [
        ({"sku": "NO-SUCH", "consents": {}}, wishes.UnknownSku),
        ({"market": "AQ", "consents": {}}, wishes.UnknownMarket),
        ({"market": "US"}, wishes.SubdivisionRequired),
        ({"subdivision": "US-CA"}, wishes.UnknownSubdivision),
        ({"market": "CA", "subdivision": "CA-ON"}, wishes.NotAvailableInMarket),
        ({"market": "UA", "subdivision": "UA-43"}, wishes.NotAvailableInMarket),
        ({"market": "UA", "postcode": "95000"}, wishes.NotAvailableInMarket),
        ({"market": "UA", "postcode": "299001"}, wishes.NotAvailableInMarket),
        ({"market": "UA", "subdivision": "UA-30", "postcode": "295000"}, wishes.PostcodeElsewhere),
        ({"market": "UA", "subdivision": "UA-30", "postcode": "12"}, wishes.UnknownPostcode),
        ({"market": "DK", "postcode": "3900"}, wishes.PostcodeElsewhere),
        ({"market": "GB", "subdivision": "GB-NIR", "postcode": "SW1A 1AA"}, wishes.PostcodeElsewhere),
        ({"market": "GP", "subdivision": "FR-972", "consents": {}}, wishes.UnknownSubdivision),
        ({"market": "CN", "subdivision": "CN-HK", "consents": {}}, wishes.UnknownSubdivision),
        ({"market": "NO", "subdivision": "NO-21", "consents": {}}, wishes.UnknownSubdivision),
        ({"market": "GL", "consents": {}}, wishes.UnknownMarket),
        ({"consents": {}}, wishes.ConsentRequired),
        ({"consents": {"eu-gdpr-art8-children": "another"}}, wishes.ConsentRequired),
        ({"quantity": 3}, wishes.LimitReached),
        ({"quantity": 10**9}, wishes.LimitReached),
        ({"sku": "RING-GRA-9", "consents": {}}, wishes.Refusal),
    ],
)
def test_a_refusal_names_its_reason_and_stores_nothing(
    nothing_stored: Callable[[], bool], changes: dict[str, object], refusal: type[wishes.Refusal]
) -> None:
    assert isinstance(refused(wish(**changes)), refusal)
    assert nothing_stored()


def test_a_place_under_review_is_refused_and_gives_staff_one_task(launch_data: datetime) -> None:
    for _ in range(2):
        refusal = refused(wish(market="UA", subdivision="UA-23"))
        assert isinstance(refusal, wishes.NotAvailableInMarket)
    assert [task.subdivision for task in ReviewTask.objects.all()] == ["UA-23"]
    assert not Reservation.objects.exists()


def test_a_postcode_leads_to_the_review_of_its_place(launch_data: datetime) -> None:
    for postcode in ("69000", "269000", "73000"):
        assert isinstance(refused(wish(market="UA", postcode=postcode)), wishes.NotAvailableInMarket)
    assert sorted(task.subdivision for task in ReviewTask.objects.all()) == ["UA-23", "UA-65"]
    assert not Reservation.objects.exists()


def test_a_review_that_is_closed_is_no_yes_and_is_asked_for_again(launch_data: datetime) -> None:
    given = wish(market="UA", subdivision="UA-23")
    refused(given)
    ReviewTask.objects.update(closed_at=AT, note="Held by the other side.")
    assert isinstance(refused(given), wishes.NotAvailableInMarket)
    assert [task.closed_at for task in ReviewTask.objects.order_by("id")] == [AT, None]


@pytest.mark.parametrize(
    ("said", "stored"),
    [
        ({"market": "GP"}, ("FR", "FR-971")),
        ({"market": "FR", "subdivision": "FR-971"}, ("FR", "FR-971")),
        ({"market": "FR", "postcode": "97110"}, ("FR", "FR-971")),
        ({"market": "GB", "postcode": "BT1 5GS"}, ("GB", "GB-NIR")),
        ({"market": "GB", "subdivision": "GB-SCT", "postcode": "EH1 1YZ"}, ("GB", "GB-SCT")),
    ],
)
def test_a_place_is_stored_under_its_one_name(
    launch_data: datetime, said: dict[str, str], stored: tuple[str, str]
) -> None:
    made = reserving.reserve(wish=wish(**said, consents=consents("S1-BLK", *stored)), at=AT)
    assert (made.market_id, made.subdivision) == stored
    shown = {row["id"] for row in made.shown}
    assert ("fr-overseas-departments-tax" in shown) is (stored[0] == "FR")
    assert ("gb-psti-2022" in shown) is (stored[1] == "GB-SCT")


def test_one_customer_stays_within_the_limit_however_the_address_is_written(launch_data: datetime) -> None:
    reserving.reserve(wish=wish(email="Ada@Customers.example", quantity=2), at=AT)
    assert isinstance(refused(wish(email="ada+two@customers.example")), wishes.LimitReached)
    assert Reservation.objects.get().email == "Ada@Customers.example"


def test_the_same_form_sent_twice_is_one_reservation(launch_data: datetime) -> None:
    given = wish(attempt=uuid.uuid4(), quantity=2)
    first = reserving.reserve(wish=given, at=AT)
    again = reserving.reserve(wish=replace(given, quantity=1), at=AT)
    assert again.pk == first.pk and Message.objects.count() == 1 and allotment().held == 2


def test_a_full_allotment_waits_with_a_number_and_nobody_overtakes(launch_data: datetime) -> None:
    pool = allotment()
    pool.capacity = 1
    pool.save()
    assert reserving.reserve(wish=wish(email="a@x.example"), at=AT).status == lifecycle.CONFIRMED
    second = reserving.reserve(wish=wish(email="b@x.example"), at=AT)
    assert (second.status, second.place_number) == (lifecycle.WAITLISTED, 2)
    assert [message.kind for message in second.messages.all()] == ["waitlisted"]
    pool.refresh_from_db()
    pool.capacity = 5
    pool.save()
    assert reserving.reserve(wish=wish(email="c@x.example"), at=AT).status == lifecycle.WAITLISTED


def test_without_a_waiting_list_a_full_allotment_is_sold_out(nothing_stored: Callable[[], bool]) -> None:
    Launch.objects.update(has_waiting_list=False)
    pool = allotment()
    type(pool).objects.filter(pk=pool.pk).update(capacity=0)
    assert isinstance(refused(wish()), wishes.SoldOut)
    assert nothing_stored()


def test_a_paused_launch_and_a_stop_sale_refuse_at_once(nothing_stored: Callable[[], bool]) -> None:
    Launch.objects.update(paused_at=AT)
    assert isinstance(refused(wish()), wishes.LaunchPaused)
    Launch.objects.update(paused_at=None)
    assert nothing_stored()
    given = wish()
    StopSale.objects.create(market_id="DE", since=AT, reason="recall")
    rebuild_decisions(at=AT, cause="stop-sale")
    assert isinstance(refused(given), wishes.LaunchPaused)
    assert not Reservation.objects.exists()


def test_the_sandbox_leaves_live_capacity_and_mail_alone(launch_data: datetime) -> None:
    made = reserving.reserve(wish=wish(is_sandbox=True), at=AT)
    assert made.allotment.is_sandbox and made.allotment.held == 1
    assert allotment().held == 0 and not Message.objects.exists()
