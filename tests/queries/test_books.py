"""The books are right after everything customers do, and each way to break them is named."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from io import StringIO

import pytest
import time_machine
from django.contrib.auth.models import User
from django.core.management import call_command
from django.db import connection
from django.db.models import F, QuerySet
from django.test import Client
from pytest_django import DjangoAssertNumQueries

from reservations.actions.cancelling import cancel
from reservations.actions.checking import note_check
from reservations.actions.reserving import reserve
from reservations.jobs import tasks
from reservations.models import (
    Allotment,
    CustomerLimit,
    Event,
    HandOver,
    Hold,
    Launch,
    Message,
    NotifyRequest,
    Partner,
    Payment,
    Refund,
    Reservation,
    Variant,
    Wave,
)
from reservations.queries.books import INVARIANTS, find_broken, last_check
from tests.queries.conftest import LATER
from tests.world import AT, allotment, wish

pytestmark = [pytest.mark.django_db, pytest.mark.both_databases]


def names() -> set[str]:
    return {each.invariant for each in find_broken()}


def rows(row: Reservation) -> QuerySet[Reservation]:
    return Reservation.objects.filter(pk=row.pk)


def unguarded(statement: str) -> None:
    """Run a statement that a constraint or a guard would refuse."""
    is_sqlite, guard = connection.vendor == "sqlite", "mail_keeps_its_reservation"
    with connection.cursor() as cursor:
        cursor.execute(f"DROP TRIGGER {guard}" if is_sqlite else f"DROP TRIGGER {guard} ON reservations_message")
        if is_sqlite:
            cursor.execute("PRAGMA ignore_check_constraints = ON")
            cursor.execute(statement)
            cursor.execute("PRAGMA ignore_check_constraints = OFF")
            return
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")  # else the tables cannot be altered in this transaction
        for table, constraint in [
            ("reservations_allotment", "allotment_never_oversold"),
            ("reservations_message", "message_has_one_cause"),
            ("reservations_reservation", "a_place_is_held_once"),
        ]:
            cursor.execute(f"ALTER TABLE {table} DROP CONSTRAINT {constraint}")
        cursor.execute(statement)


def test_reserving_waiting_cancelling_and_promoting_keep_the_books_right(line: list[Reservation]) -> None:
    assert [row.status for row in line] == ["confirmed", "waitlisted", "waitlisted"]
    assert find_broken() == []
    for row in line:
        cancel(reservation=row, at=LATER, actor="customer")
        assert find_broken() == []


def test_nothing_reserved_is_right_too(launch_data: datetime) -> None:
    assert find_broken() == []


def swap_places(line: list[Reservation]) -> None:
    first, second = (row.place_number for row in line[:2])
    rows(line[0]).update(place_number=99)
    rows(line[1]).update(place_number=first)
    rows(line[0]).update(place_number=second)


def unwatched(change: Callable[[], object], guard: str = "moved_reservation_fits_its_allotment") -> None:
    """Make a change that a trigger would refuse."""
    with connection.cursor() as cursor:
        on = " ON reservations_reservation" if connection.vendor == "postgresql" else ""
        cursor.execute(f"DROP TRIGGER {guard}{on}")
    change()


def release_wave(line: list[Reservation]) -> Wave:
    """A released wave that brings nothing."""
    one, other = User.objects.create(username="one"), User.objects.create(username="other")
    return Wave.objects.create(
        launch=line[0].launch,
        number=1,
        ships_from=AT.date(),
        ships_to=AT.date(),
        state=Wave.RELEASED,
        proposed_by=one,
        released_by=other,
        released_at=AT,
    )


SPOILED: list[tuple[str, Callable[[list[Reservation]], object], set[str]]] = [
    ("one unit too many is held", lambda line: Allotment.objects.filter(held=1).update(held=0), {"held_units"}),
    (
        "more is held than there is",
        lambda line: unguarded("UPDATE reservations_allotment SET capacity = 0 WHERE waiting > 0"),
        {"held_units"},
    ),
    ("nobody is counted as waiting", lambda line: Allotment.objects.update(waiting=0), {"line_counts"}),
    (
        "a place was given and is gone",
        lambda line: Allotment.objects.filter(held=1, is_sandbox=False).update(last_place=F("last_place") + 1),
        {"every_place"},
    ),
    ("a place is past the last", lambda line: rows(line[2]).update(place_number=99), {"every_place"}),
    ("a place is none", lambda line: rows(line[0]).update(place_number=0), {"every_place"}),
    ("a later place was served first", swap_places, {"nobody_overtaken"}),
    (
        "a later place was served first and cancelled",
        lambda line: (
            rows(line[2]).update(status="confirmed", confirmed_at=LATER, quantity=1)
            and Event.objects.create(
                at=LATER, action="reservation.promoted", reservation=line[2], facts={"to": "confirmed"}
            )
        ),
        {"nobody_overtaken", "line_counts", "held_units", "told_once"},
    ),
    (
        "it is for another variant than its allotment",
        lambda line: unwatched(
            lambda: rows(line[0]).update(
                variant=Variant.objects.filter(product__slug="glasses-s1").exclude(sku="S1-BLK")[0]
            )
        ),
        {"own_allotment"},
    ),
    (
        "it sits in a partner's allotment",
        lambda line: Allotment.objects.filter(held=1).update(partner=Partner.objects.create(slug="shop", name="Shop")),
        {"own_allotment"},
    ),
    (
        "it moved to the sandbox",
        lambda line: unwatched(lambda: rows(line[0]).update(is_sandbox=True)),
        {"one_world", "limit_counts", "confirmations", "told_once"},
    ),
    ("a limit counts too much", lambda line: CustomerLimit.objects.update(quantity=2), {"limit_counts"}),
    ("a limit is gone", lambda line: CustomerLimit.objects.all().delete(), {"limit_counts"}),
    ("a confirmation is missing", lambda line: Message.objects.filter(kind="confirmed").delete(), {"confirmations"}),
    (
        "a confirmation is owed twice",
        lambda line: Message.objects.create(reservation=line[2], kind="confirmed", due_at=AT),
        {"confirmations"},
    ),
    (
        "nobody was told of the promotion",
        lambda line: Message.objects.filter(kind="promoted").delete(),
        {"told_once"},
    ),
    (
        "a message went to the sandbox",
        lambda line: unguarded(
            "UPDATE reservations_message SET reservation_id = (SELECT id FROM reservations_reservation "
            "WHERE is_sandbox) WHERE kind = 'cancelled'"
        ),
        {"told_once"},
    ),
    (
        "a message has no cause",
        lambda line: unguarded(
            "UPDATE reservations_message SET notify_request_id = NULL WHERE notify_request_id IS NOT NULL"
        ),
        {"message_cause"},
    ),
    (
        "a message has two causes",
        lambda line: unguarded(
            "UPDATE reservations_message SET notify_request_id = (SELECT id FROM reservations_notifyrequest)"
            " WHERE kind = 'promoted'"
        ),
        {"message_cause"},
    ),
    (
        "the log tells of a cancelling that was none",
        lambda line: Event.objects.create(
            at=AT, action="reservation.cancelled", reservation=line[0], facts={"to": "cancelled"}
        ),
        {"log", "told_once"},
    ),
    (
        "the log tells the beginning twice",
        lambda line: Event.objects.create(at=AT, action="reservation.waitlisted", reservation=line[0]),
        {"log"},
    ),
    (
        "it was cancelled behind everybody's back",
        lambda line: rows(line[2]).update(status="cancelled", ended_at=AT),
        {"line_counts", "limit_counts", "log"},
    ),
    (
        "nobody was told of a hold",
        lambda line: Hold.objects.create(
            reservation=line[0], number=1, requirement="stop_sale", title="Stop-sale", code="stop_sale", since=LATER
        ),
        {"holds"},
    ),
    (
        "an instant was turned back",
        lambda line: rows(line[2]).update(created_at=AT - timedelta(days=1)),
        {"line_in_order", "nobody_overtaken"},
    ),
    (
        "it is invited without an invitation, to a wave that brings nothing",
        lambda line: (
            rows(line[0]).update(status="invited", wave=release_wave(line))
            and Event.objects.create(at=AT, action="reservation.invited", reservation=line[0], facts={"to": "invited"})
        ),
        {"invitations", "wave_supply"},
    ),
    (
        "money is held of one that has not to pay anything",
        lambda line: Payment.objects.create(
            reservation=line[0], purpose="deposit", attempt=1, amount_minor=500, currency="EUR", state="captured",
            intent_id="pi_1", began_at=AT, captured_at=AT,
        ),
        {"money_held"},
    ),
    (
        "more went back than was paid",
        lambda line: Refund.objects.create(
            payment=Payment.objects.create(
                reservation=line[0], purpose="deposit", attempt=1, amount_minor=500, currency="EUR", state="captured",
                intent_id="pi_1", began_at=AT, captured_at=AT,
            ),
            number=1, amount_minor=501, reason="late", owed_at=AT,
        ),
        {"money_held"},
    ),
    (
        "what was never ordered is handed over",
        lambda line: HandOver.objects.create(reservation=line[0], made_at=AT, order={}),
        {"orders_handed_over"},
    ),
]  # fmt: skip


@pytest.mark.parametrize(("spoil", "broken"), [case[1:] for case in SPOILED], ids=[case[0] for case in SPOILED])
def test_what_is_broken_is_named(
    line: list[Reservation], spoil: Callable[[list[Reservation]], object], broken: set[str]
) -> None:
    spoil(line)
    assert names() == broken


def test_more_than_the_limit_is_named_unless_the_limit_was_lowered_since(launch_data: datetime) -> None:
    reserve(wish=wish(quantity=2), at=LATER)
    Launch.objects.update(per_customer_limit=1)
    assert [each.sentence for each in find_broken()] == ["It counts 2 units; the launch allows 1."]
    launch = Launch.objects.get(products__slug="glasses-s1")
    Event.objects.create(at=LATER, actor="staff:grace", action="launch.changed", subject=f"launch:{launch.pk}")
    assert find_broken() == []


def test_every_invariant_has_been_broken_here() -> None:
    seen = {name for _, _, broken in SPOILED for name in broken} | {"place_held_once", "limit_kept"}
    assert seen == {invariant.name for invariant in INVARIANTS}


def test_a_finding_says_which_row_and_what_is_wrong(line: list[Reservation]) -> None:
    Allotment.objects.filter(pk=allotment().pk).update(waiting=7)
    assert [str(each) for each in find_broken()] == [
        f"line_counts: allotment:{allotment().pk}: It counts 7 that wait and 1 gone; there are 2 and 1."
    ]


def test_no_finding_tells_who_the_customer_is(line: list[Reservation]) -> None:
    CustomerLimit.objects.all().delete()
    Message.objects.all().delete()
    NotifyRequest.objects.all().delete()
    assert find_broken() and not [each for each in find_broken() if "@" in str(each) or "Ada" in str(each)]


def test_of_each_invariant_only_so_many_findings_are_shown(line: list[Reservation]) -> None:
    Message.objects.all().delete()
    Allotment.objects.update(waiting=3)
    found = [each.invariant for each in find_broken(most=2)]
    assert found == ["line_counts"] * 2 + ["confirmations"] * 2 + ["told_once"] * 2


@pytest.mark.parametrize("count", [1, 30])
def test_the_check_costs_the_same_queries_for_one_row_and_for_thirty(
    launch_data: datetime, django_assert_num_queries: DjangoAssertNumQueries, count: int
) -> None:
    for number in range(count):
        reserve(wish=wish(email=f"c{number}@x.example"), at=LATER)
    with django_assert_num_queries(len(INVARIANTS)):
        assert find_broken() == []


def test_the_command_says_that_the_books_are_right(line: list[Reservation]) -> None:
    said = StringIO()
    call_command("check_invariants", stdout=said)
    assert said.getvalue().startswith(
        f"The books are right: 5 reservations in {Allotment.objects.count()} allotments, "
    )
    assert said.getvalue().count("\n") == 1


def test_the_command_prints_what_is_broken_and_ends_with_status_1(line: list[Reservation]) -> None:
    Allotment.objects.filter(pk=allotment().pk).update(held=0)
    said = StringIO()
    with pytest.raises(SystemExit) as ended:
        call_command("check_invariants", stdout=said)
    assert ended.value.code == 1
    assert said.getvalue() == (
        f"held_units: allotment:{allotment().pk}: It holds 0 of 1 units; its reservations have 1.\n"
    )


def test_a_finding_is_logged_once_and_again_only_after_it_was_mended(line: list[Reservation]) -> None:
    pool = Allotment.objects.filter(pk=allotment().pk)
    pool.update(held=0)
    for _ in range(2):
        note_check(broken=find_broken(), at=AT)
    (event,) = Event.objects.filter(action="books.broken")
    assert event.subject == f"allotment:{allotment().pk}" and event.facts["invariant"] == "held_units"
    for held in (1, 0):
        pool.update(held=held)
        note_check(broken=find_broken(), at=AT)
    assert Event.objects.filter(action="books.broken").count() == 2
    assert Event.objects.filter(action="books.checked").count() == 4


def test_the_hourly_check_calls_out_what_is_broken(line: list[Reservation], caplog: pytest.LogCaptureFixture) -> None:
    tasks.check_invariants()
    assert not caplog.records
    check = last_check()
    assert check is not None and check.broken == ()
    Allotment.objects.filter(pk=allotment().pk).update(held=0)
    tasks.check_invariants()
    assert [record.levelname for record in caplog.records] == ["ERROR"]
    assert "held_units" in caplog.text
    check = last_check()
    assert check is not None and [each.invariant for each in check.broken] == ["held_units"]


@pytest.fixture
def today(client: Client) -> Callable[[datetime], str]:
    """What staff read about the books on their first page at an instant."""
    client.force_login(User.objects.create_superuser("grace", password="a-long-password"))

    def read(at: datetime) -> str:
        with time_machine.travel(at, tick=False):
            page = client.get("/admin/").content.decode()
        return " ".join(page.partition("<h2>The books</h2>")[2].partition("</table>")[0].split())

    return read


def test_staff_see_when_the_books_were_found_right(line: list[Reservation], today: Callable[[datetime], str]) -> None:
    assert "Not checked yet" in today(LATER)
    note_check(broken=find_broken(), at=LATER)
    assert "Right, checked at 2026-11-25 12:01:00 UTC </td>" in today(LATER)
    assert "no check for more than two hours" in today(LATER + timedelta(hours=3))


def test_staff_see_what_is_broken(line: list[Reservation], today: Callable[[datetime], str]) -> None:
    Allotment.objects.update(waiting=3)
    note_check(broken=find_broken(most=12), at=LATER)
    page = today(LATER)
    assert page.count("<td>It counts 3 that wait and ") == 10 and "2 more in the log" in page
    assert "Broken, checked at 2026-11-25 12:01:00 UTC" in page
