"""The reservation form and the reservation page, as a browser sends and sees them."""

from __future__ import annotations

import uuid
from datetime import timedelta
from typing import Any

import pytest
import time_machine
from django.test import Client

from reservations.models import CustomerLimit, Event, Launch, Message, Reservation
from reservations.queries import links
from reservations.rules import lifecycle
from tests.jobs.stage import free_port
from tests.pages import fill_in
from tests.world import AT, OPENS_AT, allotment

pytestmark = [pytest.mark.django_db, pytest.mark.both_databases]
FORM = "/en-de/reserve/glasses-s1/"
MS = timedelta(milliseconds=1)


def filled(client: Client, url: str = FORM, **changes: Any) -> dict[str, Any]:
    """The form of the page with every consent ticked."""
    page = client.get(url)
    form: dict[str, Any] = fill_in(client, url)
    form |= {tick.name: tick.field.version for tick in page.context["form"].ticks}
    form |= {"email": "ada@customers.example", "name": "Ada L.", "variant": "S1-BLK", **changes}
    return {name: value for name, value in form.items() if value is not ...}


def books() -> tuple[object, ...]:
    pool = allotment()
    rows = (Reservation, Message, CustomerLimit, Event)
    return (*(model.objects.count() for model in rows), pool.held, pool.waiting, pool.last_place)


def reserved(client: Client, **changes: Any) -> Reservation:
    answer = client.post(FORM, filled(client, **changes))
    assert answer.status_code == 303, answer.context["form"].errors
    return Reservation.objects.get(reference=answer["Location"].split("/")[3])


def test_reserving_shows_reference_and_place_at_once_and_owes_a_mail(client: Client) -> None:
    answer = client.post(FORM, filled(client, quantity="2"), follow=True)
    row = Reservation.objects.get()
    assert (row.status, row.place_number, row.quantity, row.language) == (lifecycle.CONFIRMED, 1, 2, "en")
    page = answer.content.decode()
    assert row.reference in page and "<title>" in page and "Confirmed" in page
    assert [(message.kind, message.state) for message in row.messages.all()] == [("confirmed", "owed")]


def test_a_millisecond_early_nothing_is_stored_and_on_the_instant_a_place_is_given(client: Client) -> None:
    with time_machine.travel(OPENS_AT, tick=False):
        form = filled(client)
    before = books()
    with time_machine.travel(OPENS_AT - MS, tick=False):
        page = client.get(FORM)
        early = client.post(FORM, form)
    assert b"data-countdown" in page.content and b'name="email"' not in page.content
    assert early.status_code == 409 and b'data-code="not_open_yet"' in early.content
    assert books() == before
    with time_machine.travel(OPENS_AT, tick=False):
        assert client.post(FORM, form).status_code == 303
    assert Reservation.objects.get().created_at == OPENS_AT


def test_a_clock_that_jumps_back_over_the_opening_gives_nothing_more(client: Client) -> None:
    reserved(client)
    form = filled(client, attempt=uuid.uuid4(), email="b@customers.example")
    with time_machine.travel(OPENS_AT - MS, tick=False):
        assert client.post(FORM, form).status_code == 409
    assert Reservation.objects.count() == 1


@pytest.mark.parametrize(
    ("changes", "status", "named"),
    [
        ({"variant": "NO-SUCH"}, 422, "id_variant_0"),
        ({"variant": ...}, 422, "id_variant_0"),
        ({"quantity": "0"}, 422, "id_quantity"),
        ({"quantity": "-1"}, 422, "id_quantity"),
        ({"quantity": str(10**9)}, 422, "id_quantity"),
        ({"quantity": "one"}, 422, "id_quantity"),
        ({"email": "a@b.example\nBcc: c@d.example"}, 422, "id_email"),
        ({"email": "nobody"}, 422, "id_email"),
        ({"email": ""}, 422, "id_email"),
        ({"name": "x" * 10_000}, 422, "id_name"),
        ({"name": "😀😀"}, 422, "id_name"),
        ({"name": "A\x00da"}, 422, "id_name"),
        ({"consent_eu-gdpr-art8-children": ...}, 422, "id_consent_eu-gdpr-art8-children"),
        ({"consent_eu-gdpr-art8-children": "old"}, 422, "id_consent_eu-gdpr-art8-children"),
    ],
)
def test_bad_input_names_the_field_and_stores_nothing(
    client: Client, changes: dict[str, Any], status: int, named: str
) -> None:
    before = books()
    answer = client.post(FORM, filled(client, **changes))
    assert answer.status_code == status
    assert f'href="#{named}"' in answer.content.decode() or f'data-code="{named}"' in answer.content.decode()
    assert books() == before


def test_what_was_typed_is_there_again_after_an_error(client: Client) -> None:
    page = client.post(FORM, filled(client, quantity="0", name="Ada <Lovelace>")).content.decode()
    assert 'value="Ada &lt;Lovelace&gt;"' in page and 'value="ada@customers.example"' in page


def test_a_double_click_and_two_tabs_are_one_reservation(client: Client) -> None:
    first, second = filled(client), filled(client)
    assert first["attempt"] == second["attempt"]
    pages = [client.post(FORM, form) for form in (first, first, second)]
    assert {page["Location"] for page in pages} == {pages[0]["Location"]}
    assert Reservation.objects.count() == Message.objects.count() == 1 and allotment().held == 1


@pytest.mark.parametrize("attempt", [..., "", "no-uuid"])
def test_a_form_without_its_attempt_counts_by_the_cookie(client: Client, attempt: Any) -> None:
    form = filled(client, attempt=attempt)
    assert client.post(FORM, form).status_code == 303 and Reservation.objects.count() == 1


def test_a_consent_that_changed_is_read_again_and_can_then_be_given(client: Client) -> None:
    answer = client.post(FORM, filled(client, **{"consent_eu-gdpr-art8-children": "old"}))
    fresh = {tick.name: tick.field.version for tick in answer.context["form"].ticks}
    assert client.post(FORM, filled(client, **fresh)).status_code == 303


def test_a_new_form_after_a_reservation_is_a_new_reservation(client: Client) -> None:
    first = reserved(client)
    second = reserved(client)
    assert first.pk != second.pk and allotment().held == 2


def test_over_the_limit_the_page_says_how_many(client: Client) -> None:
    reserved(client, quantity="2")
    before = books()
    answer = client.post(FORM, filled(client, email="ADA+more@customers.example"))
    assert answer.status_code == 409 and b'data-code="limit_reached"' in answer.content
    assert "at most 2" in answer.content.decode()
    assert books() == before


def test_sold_out_without_a_waiting_list_offers_to_tell(client: Client) -> None:
    form = filled(client)
    Launch.objects.update(has_waiting_list=False)
    pool = allotment()
    type(pool).objects.filter(pk=pool.pk).update(capacity=0)
    before = books()
    answer = client.post(FORM, form)
    assert answer.status_code == 409 and b'data-code="sold_out"' in answer.content
    assert b"/en-de/notify/?product=glasses-s1" in answer.content
    assert books() == before


def test_the_waiting_list_gives_a_number(client: Client) -> None:
    pool = allotment()
    type(pool).objects.filter(pk=pool.pk).update(capacity=0)
    row = reserved(client)
    assert (row.status, row.place_number) == (lifecycle.WAITLISTED, 1)


def test_where_the_gate_says_no_the_page_says_why_and_takes_nothing(client: Client) -> None:
    page = client.get("/en-ca/reserve/glasses-s1/").content.decode()
    assert 'name="email"' not in page and "/en-ca/notify/?product=glasses-s1" in page
    assert "ISED" in page or "radio" in page.lower()
    before = books()
    form = filled(client) | {"subdivision": "CA-ON"}
    answer = client.post("/en-ca/reserve/glasses-s1/", form)
    assert answer.status_code >= 400 and books() == before


def test_the_united_states_ask_for_the_state(client: Client) -> None:
    url = "/en-us/reserve/glasses-s1/"
    form = filled(client, url)
    before = books()
    answer = client.post(url, form)
    assert answer.status_code == 422 and 'href="#id_subdivision"' in answer.content.decode()
    assert books() == before
    form = filled(client, f"{url}?subdivision=US-IL", subdivision="US-IL")
    assert client.post(url, form).status_code == 303
    row = Reservation.objects.get()
    assert row.subdivision == "US-IL" and row.receipt["may_ship_at_reserving"] is False


@pytest.mark.parametrize(("market", "asks"), [("ua", True), ("gb", True), ("dk", True), ("de", False), ("us", False)])
def test_the_postcode_is_asked_where_it_tells_a_place(client: Client, market: str, asks: bool) -> None:
    page = client.get(f"/en-{market}/reserve/glasses-s1/").content.decode()
    assert ('name="postcode"' in page) is asks


@pytest.mark.parametrize(
    ("market", "part", "postcode", "remedy"),
    [
        ("ua", "UA-30", "95000", "This postcode is in Avtonomna Respublika Krym"),
        ("ua", "UA-30", "299001", "This postcode is in Sevastopol"),
        ("ua", "UA-30", "1", "such as 01001"),
        ("gb", "GB-NIR", "SW1A 1AA", "not in the region you chose"),
        ("dk", ..., "3900", "This postcode is in Greenland"),
    ],
)
def test_a_postcode_that_contradicts_is_named_and_stores_nothing(
    client: Client, market: str, part: Any, postcode: str, remedy: str
) -> None:
    url = f"/en-{market}/reserve/glasses-s1/"
    shown = url if part is ... else f"{url}?subdivision={part}"
    before = books()
    answer = client.post(url, filled(client, shown, subdivision=part, postcode=postcode))
    page = answer.content.decode()
    assert answer.status_code == 422 and 'href="#id_postcode"' in page and remedy in page
    assert books() == before


def test_a_postcode_that_agrees_is_taken_and_not_kept(client: Client) -> None:
    url = "/en-gb/reserve/glasses-s1/"
    form = filled(client, f"{url}?subdivision=GB-NIR", subdivision="GB-NIR", postcode="BT1 5GS")
    assert client.post(url, form).status_code == 303
    row = Reservation.objects.get()
    assert row.subdivision == "GB-NIR" and "BT1" not in str(vars(row))


def test_notices_and_consents_follow_the_chosen_variant(client: Client) -> None:
    plain = client.get(f"{FORM}?variant=S1-BLK").content.decode()
    lenses = client.get(f"{FORM}?variant=S1-BLK-RX").content.decode()
    assert "eu-gdpr-art9-lenses" not in plain and "eu-gdpr-art9-lenses" in lenses
    before = books()
    answer = client.post(FORM, filled(client, variant="S1-BLK-RX"))  # the form was shown for the other variant
    assert answer.status_code == 422 and "eu-gdpr-art9-lenses" in answer.content.decode()
    assert books() == before


def test_a_variant_that_the_law_bars_says_so_beside_those_that_are_open(client: Client) -> None:
    url = "/en-kr/reserve/glasses-s1/"
    page = client.get(f"{url}?variant=S1-BLK-RX").content.decode()
    assert "data-variant-closed" in page and 'name="email"' not in page
    shown = client.post(url, {"variant": "S1-BLK", "show": "variant"})
    assert (shown.status_code, shown["Location"]) == (303, f"{url}?variant=S1-BLK&subdivision=")
    assert 'name="email"' in client.get(shown["Location"]).content.decode()


def test_the_link_opens_the_reservation_and_cancels_it_once(client: Client) -> None:
    row = reserved(client, quantity="2")
    page = client.get(links.reservation_path(row))
    assert page.status_code == 200 and page["Referrer-Policy"] == "same-origin" and page["X-Robots-Tag"] == "noindex"
    url = f"/en-de/r/{row.reference}/cancel/"
    for _ in range(2):
        answer = client.post(url, {"key": links.reservation_key(row)})
        assert answer.status_code == 303
    row.refresh_from_db()
    assert row.status == lifecycle.CANCELLED and allotment().held == 0
    assert [event.action for event in row.events.order_by("id")] == ["reservation.confirmed", "reservation.cancelled"]
    assert [message.kind for message in row.messages.order_by("id")] == ["confirmed", "cancelled"]


def test_staff_who_cancel_on_the_customers_page_are_named_in_the_log(client: Client, admin_client: Client) -> None:
    row = reserved(client)
    admin_client.post(f"/en-de/r/{row.reference}/cancel/", {"key": links.reservation_key(row)})
    assert row.events.get(action="reservation.cancelled").actor == "staff:admin"


@pytest.mark.parametrize("key", ["", "x", "wrong" * 6])
def test_a_tampered_link_opens_and_cancels_nothing(client: Client, key: str) -> None:
    row = reserved(client)
    before = books()
    page = f"/en-de/r/{row.reference}/"
    for answer in (client.get(f"{page}?key={key}"), client.post(f"{page}cancel/", {"key": key})):
        assert answer.status_code == 404 and b'data-code="unknown_link"' in answer.content
        assert row.email not in answer.content.decode()
    assert books() == before


def test_the_link_of_another_reservation_is_a_stranger(client: Client) -> None:
    first = reserved(client)
    second = reserved(client, email="b@customers.example")
    key = links.reservation_key(second)
    foreign = client.get(f"/en-de/r/{first.reference}/?key={key}")
    unknown = client.get(f"/en-de/r/QW-0000-0000/?key={key}")
    assert foreign.status_code == unknown.status_code == 404
    assert client.get(f"/en-de/r/{second.reference.lower()}/?key={key}").status_code == 200


def test_a_broker_that_is_down_stops_nobody(client: Client, settings: Any) -> None:
    settings.CACHES = {"default": {**settings.CACHES["default"], "LOCATION": f"redis://127.0.0.1:{free_port()}/0"}}
    row = reserved(client)
    assert [message.state for message in row.messages.all()] == ["owed"]


def test_a_form_without_its_cookie_is_refused_in_words(launch_data: object) -> None:
    client = Client(enforce_csrf_checks=True)
    form = filled(client)
    before = books()
    client.cookies.clear()
    answer = client.post(FORM, form)
    assert answer.status_code == 403 and b'data-code="form_expired"' in answer.content
    assert books() == before


def test_ten_megabytes_are_refused_before_they_are_read(client: Client) -> None:
    before = books()
    answer = client.post(FORM, {"name": "x" * 10_000_000})
    assert answer.status_code == 413 and b'data-code="too_large"' in answer.content
    assert books() == before


def test_the_form_as_sent_at_noon_keeps_what_was_shown(client: Client) -> None:
    row = reserved(client)
    shown = {notice["id"]: notice for notice in row.shown}
    consent = shown["eu-gdpr-art8-children"]
    assert consent["accepted_at"] == AT.isoformat() and consent["language"] == "en" and len(consent["sha256"]) == 64
