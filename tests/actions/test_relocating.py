"""Another variant, another market, fewer units: the instant is kept, and with it the rank."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from reservations.actions import relocating, wishes
from reservations.actions.cancelling import cancel
from reservations.actions.lines import CannotMove
from reservations.actions.relocating import Change, relocate, terms_of
from reservations.actions.reserving import reserve
from reservations.jobs import letters
from reservations.models import Allotment, CustomerLimit, Event, Hold, Message, Reservation, VacatedPlace
from reservations.queries.books import find_broken
from reservations.queries.places import people_ahead
from tests.money import ask_for_deposit, back, pay
from tests.world import AT, allotment, wish

pytestmark = [pytest.mark.django_db, pytest.mark.both_databases]
LATER = AT + timedelta(minutes=1)


def minute(number: int) -> datetime:
    return LATER + timedelta(minutes=number)


def place(who: str, number: int, **changes: object) -> Reservation:
    return reserve(wish=wish(email=f"{who}@x.example", **changes), at=minute(number))


def shift(row: Reservation, at: datetime, **change: object) -> Reservation:
    """Accept exactly what was shown."""
    asked = Change(**change)  # type: ignore[arg-type]
    terms = terms_of(reservation=row, change=asked, at=at, language="en")
    given = {notice.id: notice.version for notice in terms.consents}
    return relocate(
        reservation=row, change=asked, given=given, shown_digest=terms.digest, at=at, actor="customer", language="en"
    )


def ahead(*rows: Reservation) -> list[int]:
    return [people_ahead(Reservation.objects.get(pk=row.pk)) for row in rows]


def test_who_moves_to_another_market_stands_there_by_the_original_instant(launch_data: datetime) -> None:
    first, moving, second = place("a", 0, market="JP"), place("b", 1), place("c", 2, market="JP")
    moved = shift(moving, minute(9), market="JP")
    assert (moved.status, moved.market_id, moved.place_number, moved.created_at) == ("confirmed", "JP", 3, minute(1))
    assert ahead(first, moved, second) == [0, 1, 2]
    assert (allotment().held, allotment(market="JP").held) == (0, 3)
    assert find_broken() == []


def test_the_receipt_is_that_of_the_new_market_and_the_log_keeps_the_old_one(launch_data: datetime) -> None:
    moving = place("b", 1)
    moved = shift(moving, minute(9), market="JP")
    assert (moved.currency, moved.unit_price_minor) == ("JPY", 89800)
    assert moved.receipt["unit_price_minor"] == 89800
    event = Event.objects.get(action="reservation.moved")
    assert event.facts["from"] == {
        "sku": "S1-BLK", "market": "DE", "subdivision": None, "quantity": 1,
        "unit_price_minor": 59900, "currency": "EUR", "place": 1,
    }  # fmt: skip
    assert [message.kind for message in moved.messages.order_by("id")] == ["confirmed", "moved"]


def test_within_one_pool_the_number_stays(launch_data: datetime) -> None:
    rows = [place(who, number) for number, who in enumerate("abc")]
    moved = shift(rows[1], minute(9), market="AT")
    assert (moved.place_number, moved.market_id, moved.status) == (2, "AT", "confirmed")
    assert not VacatedPlace.objects.exists() and find_broken() == []


def test_a_move_frees_the_unit_for_who_waits_first(launch_data: datetime) -> None:
    Allotment.objects.filter(pk=allotment().pk).update(capacity=1)
    held, waiting = place("a", 0), place("b", 1)
    shift(held, minute(9), sku="S1-TRT")
    waiting.refresh_from_db()
    assert (waiting.status, ahead(waiting)) == ("confirmed", [0])
    assert find_broken() == []


def test_into_a_full_line_the_rank_holds_among_those_who_wait(launch_data: datetime) -> None:
    Allotment.objects.filter(pk=allotment(market="JP").pk).update(capacity=1)
    holds, moving, waits = place("a", 0, market="JP"), place("b", 1), place("c", 2, market="JP")
    terms = terms_of(reservation=moving, change=Change(market="JP"), at=minute(9), language="en")
    assert (terms.is_confirmed, terms.ahead) == (False, 0)
    moved = shift(moving, minute(9), market="JP")
    assert (moved.status, moved.confirmed_at) == ("waitlisted", None)
    assert ahead(moved, waits) == [0, 1] and find_broken() == []
    cancel(reservation=holds, at=minute(10), actor="customer")
    moved.refresh_from_db()
    assert moved.status == "confirmed" and find_broken() == []


def test_nobody_is_overtaken_by_one_who_moves_in_behind_them(launch_data: datetime) -> None:
    pool = Allotment.objects.filter(pk=allotment(market="JP").pk)
    pool.update(capacity=1)
    place("a", 0, market="JP")
    waits, moving = place("c", 1, market="JP", quantity=2), place("b", 2)
    pool.update(capacity=2)  # one unit is free, too few for who waits first
    moved = shift(moving, minute(9), market="JP")
    assert moved.status == "waitlisted" and ahead(waits, moved) == [0, 1]
    assert find_broken() == []


def test_forth_and_back_leaves_the_books_right_and_the_rank_as_it_was(launch_data: datetime) -> None:
    before, moving, after = place("a", 0), place("b", 1), place("c", 2)
    for number, market in enumerate(["JP", "DE", "JP", "DE"]):
        moving = shift(moving, minute(9 + number), market=market)
        assert find_broken() == []
    assert ahead(before, moving, after) == [0, 1, 2]


def test_fewer_units_cost_what_was_promised_and_free_the_rest(launch_data: datetime) -> None:
    Allotment.objects.filter(pk=allotment().pk).update(capacity=2)
    large, waiting = place("a", 0, quantity=2), place("b", 1)
    Reservation.objects.filter(pk=large.pk).update(unit_price_minor=11100)
    large.refresh_from_db()
    kept = shift(large, minute(9), quantity=1)
    assert (kept.quantity, kept.place_number, kept.receipt["total_minor"]) == (1, 1, 11100)
    assert CustomerLimit.objects.get(email_key="a@x.example").quantity == 1
    waiting.refresh_from_db()
    assert waiting.status == "confirmed" and find_broken() == []


@pytest.mark.parametrize(
    ("change", "refusal"),
    [
        ({"quantity": 2}, relocating.MoreUnits),
        ({"sku": "G1-BLK"}, relocating.OtherProduct),
        ({"sku": "RING-GRA-99"}, wishes.UnknownSku),
        ({"market": "IN"}, wishes.NotAvailableInMarket),
        ({"market": "ZZ"}, wishes.UnknownMarket),
        ({"market": "DE"}, relocating.NothingChanges),
        ({"market": "JP", "subdivision": "DE-BY"}, wishes.UnknownSubdivision),
    ],
)
def test_what_cannot_be_is_refused_and_changes_nothing(
    launch_data: datetime, change: dict[str, object], refusal: type[Exception]
) -> None:
    row = place("a", 0)
    before = (Event.objects.count(), Message.objects.count(), Reservation.objects.values().get())
    with pytest.raises(refusal):
        relocate(
            reservation=row, change=Change(**change), given={}, shown_digest=None,  # type: ignore[arg-type]
            at=minute(1), actor="customer", language="en",
        )  # fmt: skip
    assert (Event.objects.count(), Message.objects.count(), Reservation.objects.values().get()) == before


def test_a_market_that_shuts_between_showing_and_accepting_is_not_moved_to(launch_data: datetime) -> None:
    row, change = place("a", 0), Change(market="JP")
    shown = terms_of(reservation=row, change=change, at=minute(1), language="en")
    Allotment.objects.filter(pk=allotment(market="JP").pk).update(capacity=0)
    with pytest.raises(relocating.ShownOtherwise):
        relocate(
            reservation=row, change=change, given={}, shown_digest=shown.digest,
            at=minute(2), actor="customer", language="en",
        )  # fmt: skip
    row.refresh_from_db()
    assert (row.market_id, row.status) == ("DE", "confirmed")


def test_consents_of_the_new_market_are_asked_for(launch_data: datetime) -> None:
    row, change = place("a", 0), Change(market="US", subdivision="US-NY")
    terms = terms_of(reservation=row, change=change, at=minute(1), language="en")
    assert terms.consents
    with pytest.raises(wishes.ConsentRequired):
        relocate(
            reservation=row, change=change, given={}, shown_digest=terms.digest,
            at=minute(2), actor="customer", language="en",
        )  # fmt: skip
    moved = shift(row, minute(3), market="US", subdivision="US-NY")
    assert moved.subdivision == "US-NY" and moved.acceptances.count() == 1


def test_after_the_invitation_or_the_end_nothing_is_changed(launch_data: datetime) -> None:
    row = place("a", 0)
    cancel(reservation=row, at=minute(1), actor="customer")
    row.refresh_from_db()
    with pytest.raises(CannotMove):
        terms_of(reservation=row, change=Change(market="JP"), at=minute(2), language="en")


def test_a_second_tab_finds_that_the_first_was_faster(launch_data: datetime) -> None:
    row = place("a", 0)
    stale = replace(Change(market="JP"))
    shown = terms_of(reservation=row, change=stale, at=minute(1), language="en")
    shift(row, minute(2), sku="S1-TRT")
    with pytest.raises(relocating.ShownOtherwise):
        relocate(
            reservation=row, change=stale, given={}, shown_digest=shown.digest,
            at=minute(3), actor="customer", language="en",
        )  # fmt: skip


def test_a_move_ends_the_hold_of_what_it_leaves(launch_data: datetime) -> None:
    """The gate has said yes to where it is now."""
    moving = place("b", 1)
    Hold.objects.create(
        reservation=moving, number=1, requirement="stop_sale", title="Stopped", code="x", since=minute(2)
    )
    moved = shift(moving, minute(9), market="JP")
    assert Hold.objects.get(reservation=moved).released_at == minute(9)


def test_what_the_bank_asks_is_not_settled_by_a_move(launch_data: datetime) -> None:
    moving = place("b", 1)
    Hold.objects.create(
        reservation=moving, number=1, requirement="bank", title="The bank asks", code="bank", since=minute(2)
    )
    shift(moving, minute(9), market="JP")
    assert Hold.objects.get().released_at is None


def test_a_deposit_goes_along_as_far_as_one_is_asked_there(launch_data: datetime) -> None:
    launch = allotment().launch
    for market, amount in (("DE", 500), ("AT", 300)):
        ask_for_deposit(launch, market, amount, "EUR")
    moving = place("b", 1, quantity=2)
    pay(moving, minute(2))
    moving.refresh_from_db()
    moved = shift(moving, minute(9), market="AT")
    assert (moved.receipt["deposit_minor"], back(moved)) == (600, [(400, "moved")])
    fewer = shift(moved, minute(10), quantity=1)
    assert (fewer.receipt["deposit_minor"], back(fewer)) == (300, [(400, "moved"), (300, "fewer")])
    abroad = shift(fewer, minute(11), market="JP")
    assert (abroad.status, abroad.receipt["deposit_minor"]) == ("confirmed", 0)
    assert back(abroad) == [(400, "moved"), (300, "fewer"), (300, "moved")] and find_broken() == []


def test_who_waits_and_moves_to_a_free_place_is_asked_for_its_deposit_there(launch_data: datetime) -> None:
    ask_for_deposit(allotment().launch, "JP", 800, "JPY")
    Allotment.objects.filter(pk=allotment().pk).update(capacity=1)
    place("a", 0)
    moved = shift(place("b", 1), minute(9), market="JP")
    assert (moved.status, moved.expires_at) == ("awaiting_payment", minute(9) + timedelta(hours=48))
    letter = letters.write(moved.messages.get(kind="moved"), people_ahead=0)
    assert letter.subject.startswith("Please pay the deposit by") and "JPY 800" in letter.text.replace("\u00a0", " ")
    pay(moved, minute(10))
    assert Reservation.objects.get(pk=moved.pk).status == "confirmed" and find_broken() == []
