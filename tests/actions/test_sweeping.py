"""A date passes, or a fact moves: decisions, pages, answers and reservations agree after one sweep."""

from __future__ import annotations

import json
from datetime import date, datetime, timedelta
from io import StringIO

import pytest
import time_machine
from django.core import management
from django.test import Client

from reservations.actions.cancelling import cancel
from reservations.actions.reserving import reserve
from reservations.actions.sweeping import Swept, sweep
from reservations.actions.wishes import LaunchPaused, NotAvailableInMarket
from reservations.jobs import letters
from reservations.models import Event, Evidence, Hold, Market, Message, Partner, Reservation, StopSale
from reservations.queries import links
from reservations.queries.availability import availabilities
from reservations.queries.books import find_broken
from tests.world import AT, allotment, wish

pytestmark = [pytest.mark.django_db, pytest.mark.both_databases]
MINUTE = timedelta(minutes=1)


@pytest.fixture(autouse=True)
def swept(launch_data: datetime) -> None:
    sweep(at=AT - MINUTE)


def stages(market: str, at: datetime) -> dict[str, bool]:
    [row] = availabilities(skus=["S1-BLK"], at=at, destinations=[(market, None)])
    return dict(row.decision.stages)


def first_end(market: str) -> tuple[datetime, Evidence]:
    """When the first certificate of the glasses ends that shuts a market, and which it is."""
    at = AT
    while True:
        [row] = availabilities(skus=["S1-BLK"], at=at, destinations=[(market, None)], is_replay=True)
        assert row.decision.stages["ship"] and row.next_change_at, f"{market} stays open"
        at = row.next_change_at
        [after] = availabilities(skus=["S1-BLK"], at=at, destinations=[(market, None)], is_replay=True)
        lapsed = [reason.evidence for reason in after.decision.reasons if reason.evidence]
        if not after.decision.stages["ship"] and lapsed:
            return at, Evidence.objects.get(pk=lapsed[0])


def test_after_the_end_of_a_certificate_everything_agrees_and_the_log_names_it(client: Client) -> None:
    end, paper = first_end("MY")
    row = reserve(wish=wish(market="MY"), at=AT)
    assert sweep(at=end - MINUTE).held == 0 and not Hold.objects.exists()
    found = sweep(at=end)
    assert found.held == 1 and found.decisions
    with time_machine.travel(end + MINUTE, tick=False):
        told = client.get("/api/v1/products/glasses-s1/availability/?market=MY&sku=S1-BLK").json()["results"][0]
        page = client.get("/en-my/products/glasses-s1/").content.decode()
        form = client.get("/en-my/reserve/glasses-s1/?variant=S1-BLK").content.decode()
        own = client.get(links.reservation_path(row)).content.decode()
        with pytest.raises(NotAvailableInMarket):
            reserve(wish=wish(market="MY", email="bob@customers.example", consents={}), at=end + MINUTE)
    assert not told["stages"]["ship"] and told["status"] != "open"
    assert "status-open" not in page and 'name="email"' not in form
    hold = Hold.objects.get()
    assert hold.evidence == paper.pk and "data-hold" in own and hold.title in own
    assert [(each.kind, each.version) for each in row.messages.order_by("id")] == [("confirmed", 1), ("on_hold", 1)]
    logged = Event.objects.filter(action="gate.changed", subject="decision:S1-BLK:MY").latest("id")
    assert paper.pk in logged.reason and paper.identifier in logged.reason
    assert row.events.filter(action="reservation.on_hold", facts__evidence=paper.pk).count() == 1
    row.refresh_from_db()
    assert (row.status, row.place_number, allotment(market="MY").held) == ("confirmed", 1, 1)
    assert sweep(at=end + MINUTE) == Swept() and Message.objects.count() == 2 and not find_broken()


def test_a_stop_sale_holds_what_is_reserved_and_lifting_it_releases_it_once_each() -> None:
    rows = [reserve(wish=wish(email=f"c{n}@customers.example", language="de"), at=AT) for n in range(3)]
    other = reserve(wish=wish(market="AT"), at=AT)
    stop = StopSale.objects.create(market=Market.objects.get(pk="DE"), since=AT + MINUTE, reason="A recall.")
    with pytest.raises(LaunchPaused):
        reserve(wish=wish(email="late@customers.example", consents={}), at=AT + MINUTE)
    assert sweep(at=AT + MINUTE).held == 3
    assert set(Hold.objects.values_list("reservation", flat=True)) == {row.pk for row in rows}
    assert not Hold.objects.filter(reservation=other).exists()
    stop.lifted_at = AT + 2 * MINUTE
    stop.save()
    assert sweep(at=AT + 2 * MINUTE).released == 3 and not Hold.objects.filter(released_at=None).exists()
    stop = StopSale.objects.create(market=Market.objects.get(pk="DE"), since=AT + 3 * MINUTE, reason="Again.")
    assert sweep(at=AT + 3 * MINUTE).held == 3
    told = rows[0].messages.order_by("id").values_list("kind", "version")
    assert list(told) == [("confirmed", 1), ("on_hold", 1), ("released", 1), ("on_hold", 2)]
    assert not find_broken()


def test_letters_say_why_in_the_language_of_the_holder() -> None:
    row = reserve(wish=wish(language="de"), at=AT)
    StopSale.objects.create(market=Market.objects.get(pk="DE"), since=AT + MINUTE, reason="A recall.")
    sweep(at=AT + MINUTE)
    letter = letters.write(row.messages.get(kind="on_hold"), people_ahead=0)
    assert letter.subject.startswith("Angehalten, Ihr Platz bleibt: ")
    for text in (letter.text, letter.html):
        assert "Der Verkauf ist gestoppt" in text and "stornieren" in text and row.reference in text


def test_a_stop_sale_of_a_part_holds_those_who_live_there_alone() -> None:
    there, elsewhere = (
        reserve(wish=wish(market="ES", subdivision=part, email=f"{part.lower()}@customers.example"), at=AT)
        for part in ("ES-CN", "ES-CE")
    )
    StopSale.objects.create(market=Market.objects.get(pk="ES"), subdivision="ES-CN", since=AT + MINUTE, reason="Here.")
    assert sweep(at=AT + MINUTE).held == 1
    assert Hold.objects.filter(reservation=there).exists() and not Hold.objects.filter(reservation=elsewhere).exists()


def test_who_reserved_on_condition_is_not_told_anew_that_it_may_not_ship() -> None:
    part = "US-CA"
    row = reserve(wish=wish(market="US", subdivision=part), at=AT)
    assert not stages("US", AT)["ship"] and not row.receipt["may_ship_at_reserving"]
    Evidence.objects.create(
        id="moves-the-facts", requirement_id="eu-weee-2012-19", products=["ring"], markets=["DE"], identifier="x",
        issuer="x", issued_on=date(2026, 1, 1), status="draft",
    )  # fmt: skip
    assert sweep(at=AT + MINUTE).held == 0 and not Hold.objects.exists()


def test_whoever_cancels_while_on_hold_is_no_longer_on_hold_and_is_not_told_of_a_release() -> None:
    row = reserve(wish=wish(), at=AT)
    stop = StopSale.objects.create(market=Market.objects.get(pk="DE"), since=AT + MINUTE, reason="A recall.")
    sweep(at=AT + MINUTE)
    cancel(reservation=row, at=AT + MINUTE, actor="customer")
    stop.lifted_at = AT + 2 * MINUTE
    stop.save()
    assert sweep(at=AT + 2 * MINUTE).released == 0
    assert set(row.messages.values_list("kind", flat=True)) == {"confirmed", "on_hold", "cancelled"}
    assert not find_broken()


def test_the_sandbox_is_held_too_and_gets_no_mail() -> None:
    row = reserve(wish=wish(is_sandbox=True), at=AT)
    StopSale.objects.create(market=Market.objects.get(pk="DE"), since=AT + MINUTE, reason="A recall.")
    assert sweep(at=AT + MINUTE).held == 1
    assert Hold.objects.filter(reservation=row).exists() and not Message.objects.exists() and not find_broken()


def test_a_sweep_that_finds_nothing_asks_two_things(django_assert_num_queries: object) -> None:
    with django_assert_num_queries(2):  # type: ignore[operator]
        assert sweep(at=AT) == Swept()


def test_two_sweeps_of_one_instant_do_it_once() -> None:
    reserve(wish=wish(), at=AT)
    StopSale.objects.create(market=Market.objects.get(pk="DE"), since=AT + MINUTE, reason="A recall.")
    assert (sweep(at=AT + MINUTE).held, sweep(at=AT + MINUTE)) == (1, Swept())
    assert Message.objects.filter(kind="on_hold").count() == Reservation.objects.count() == 1


def test_a_partner_reads_why_an_order_is_on_hold(client: Client) -> None:
    management.call_command("create_api_key", "Carrier", "--scopes", "reservations:read", stdout=(out := StringIO()))
    row = reserve(wish=wish(**partner()), at=AT)
    StopSale.objects.create(market=Market.objects.get(pk="DE"), since=AT + MINUTE, reason="A recall.")
    sweep(at=AT + MINUTE)
    headers = {"Authorization": f"Bearer {out.getvalue().split()[-1]}"}
    told = json.loads(client.get(f"/api/v1/reservations/{row.pk}/", headers=headers).content)
    assert told["on_hold"] == {"reason": "Stop-sale", "requirement": "stop_sale", "since": "2026-11-25T12:01:00Z"}
    assert told["status"] == "confirmed"


def partner() -> dict[str, object]:
    row = Partner.objects.get(slug="carrier")
    return {"partner_id": row.pk, "partner_slug": row.slug}
