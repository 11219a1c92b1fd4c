"""What the database itself refuses, whoever asks."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from datetime import datetime

import pytest
from django.db import DatabaseError, IntegrityError, connection, transaction

from reservations.actions.cancelling import cancel
from reservations.actions.reserving import reserve
from reservations.models import (
    Allotment,
    AllotmentMarket,
    Decision,
    Deposit,
    Event,
    Evidence,
    Launch,
    LaunchMarket,
    Market,
    Message,
    Passport,
    Price,
    Product,
    Requirement,
    Reservation,
    StopSale,
    Variant,
    Wording,
)
from reservations.models.guards import WATCHED, put_guards
from reservations.queries.revisions import current_revision
from tests.world import AT, allotment, wish

pytestmark = [pytest.mark.django_db, pytest.mark.both_databases]


def test_the_log_is_append_only(launch_data: datetime) -> None:
    reserve(wish=wish(), at=AT)
    for spoil in (lambda: Event.objects.update(actor="nobody"), lambda: Event.objects.all().delete()):
        with pytest.raises(DatabaseError, match="append-only"), transaction.atomic():
            spoil()
    assert Event.objects.filter(actor="customer").exists()


def test_a_sandbox_reservation_owes_no_mail(launch_data: datetime) -> None:
    made = reserve(wish=wish(is_sandbox=True), at=AT)
    with pytest.raises(DatabaseError, match="sends no mail"), transaction.atomic():
        Message.objects.create(reservation=made, kind="confirmed", due_at=AT)


def test_sandbox_and_live_do_not_mix(launch_data: datetime) -> None:
    made = reserve(wish=wish(is_sandbox=True), at=AT)
    made.pk, made.reference, made.attempt, made.allotment = None, "QW-0000-0000", None, allotment()
    with pytest.raises(DatabaseError, match="world of its allotment"), transaction.atomic():
        made.save(force_insert=True)
    assert Reservation.objects.count() == 1


def test_events_and_mails_are_of_reservations_that_are_there(launch_data: datetime) -> None:
    nobody = uuid.uuid4()
    with pytest.raises(DatabaseError, match="of a reservation that is there"), transaction.atomic():
        Event.objects.create(reservation_id=nobody, at=AT, actor="customer", action="a", subject="b")
    with pytest.raises(DatabaseError, match="sends no mail"), transaction.atomic():
        Message.objects.create(reservation_id=nobody, kind="confirmed", due_at=AT)
    assert not Message.objects.exists()


def test_a_mail_stays_with_its_reservation(launch_data: datetime) -> None:
    one, other = (reserve(wish=wish(email=f"{name}@example.com"), at=AT) for name in ("ada", "bob"))
    with pytest.raises(DatabaseError, match="stays with its reservation"), transaction.atomic():
        Message.objects.filter(reservation=one).update(reservation=other, kind="moved")
    assert Message.objects.filter(reservation=one, kind="confirmed").count() == 1


def test_a_reservation_shows_what_is_kept_and_keeps_it(launch_data: datetime) -> None:
    made = reserve(wish=wish(), at=AT)
    Wording.objects.create(digest="f" * 64, notices=[])
    with pytest.raises(DatabaseError, match="stay"), transaction.atomic():
        Reservation.objects.update(wording_id="f" * 64)
    copy = Reservation.objects.get()
    copy.pk, copy.reference, copy.place_number, copy.wording_id = uuid.uuid4(), "QW-0000-0000", 2, "0" * 64
    with pytest.raises(DatabaseError, match="a kept wording"), transaction.atomic():
        copy.save(force_insert=True)
    assert Reservation.objects.get().wording_id == made.wording_id


def test_nobody_loses_a_reservation_or_the_line_it_stands_in(launch_data: datetime) -> None:
    pool = allotment()
    reserve(wish=wish(), at=AT)
    for table, pk in (("reservation", "reference <> ''"), ("allotment", f"id = {pool.pk}")):
        with pytest.raises(DatabaseError, match=r"never deleted|hold places"), transaction.atomic():
            execute(f"DELETE FROM reservations_{table} WHERE {pk}")
    assert Reservation.objects.count() == 1


def test_an_allotment_without_reservations_goes(launch_data: datetime) -> None:
    pool = allotment()
    pool.delete()
    assert not Allotment.objects.filter(pk=pool.pk).exists()


def execute(sql: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute(sql)


def test_more_than_the_capacity_cannot_be_held(launch_data: datetime) -> None:
    pool = allotment()
    with pytest.raises(IntegrityError), transaction.atomic():
        Allotment.objects.filter(pk=pool.pk).update(held=pool.capacity + 1)


def test_a_pool_has_one_direct_allotment_of_a_variant(launch_data: datetime) -> None:
    pool = allotment()
    pool.pk = None
    with pytest.raises(IntegrityError), transaction.atomic():
        pool.save(force_insert=True)


CHANGES: dict[str, Callable[[], object]] = {
    "reservations_requirement": lambda: Requirement.objects.update(notes="other"),
    "reservations_evidence": lambda: Evidence.objects.update(status="withdrawn", withdrawn_at=AT),
    "reservations_stopsale": lambda: StopSale.objects.create(since=AT, reason="recall"),
    "reservations_passport": lambda: Passport.objects.update(version="2"),
    "reservations_market": lambda: Market.objects.filter(code="DE").update(withdrawal_days=15),
    "reservations_product": lambda: Product.objects.update(tagline={}),
    "reservations_variant": lambda: Variant.objects.filter(sku="S1-BLK").update(position=9),
    "reservations_price": lambda: Price.objects.filter(market="DE").delete(),
    "reservations_launch": lambda: Launch.objects.update(paused_at=AT),
    "reservations_launch_products": lambda: Launch.products.through.objects.all().delete(),
    "reservations_deposit": lambda: Deposit.objects.update(amount_minor=1),
    "reservations_launchmarket": lambda: LaunchMarket.objects.filter(market="DE").update(closes_at=None),
    "reservations_decision": lambda: Decision.objects.filter(market="DE").delete(),
    "reservations_allotmentmarket": lambda: AllotmentMarket.objects.filter(market="DE").delete(),
    "reservations_allotment": lambda: Allotment.objects.update(capacity=9999),
}


@pytest.mark.parametrize("table", WATCHED)
def test_a_change_of_what_processes_keep_moves_the_revision(launch_data: datetime, table: str) -> None:
    before = current_revision()
    CHANGES[table]()
    assert current_revision() > before


def test_a_reservation_does_not_move_the_revision(launch_data: datetime) -> None:
    before = current_revision()
    cancel(reservation=reserve(wish=wish(), at=AT), at=AT, actor="customer")
    assert current_revision() == before


def test_what_an_earlier_version_put_is_gone_after_the_next_migrate(launch_data: datetime) -> None:
    is_postgresql = connection.vendor == "postgresql"
    before = triggers()
    with connection.cursor() as cursor:
        if is_postgresql:
            cursor.execute("CREATE TRIGGER old AFTER INSERT ON reservations_event EXECUTE FUNCTION move_revision()")
        else:
            cursor.execute("CREATE TRIGGER old AFTER INSERT ON reservations_event BEGIN SELECT 1; END")
    assert triggers() == before | {"old"}
    put_guards("default")
    assert triggers() == before


def triggers() -> set[str]:
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            cursor.execute("SELECT tgname FROM pg_trigger WHERE NOT tgisinternal")
        else:
            cursor.execute("SELECT name FROM sqlite_master WHERE type = 'trigger'")
        return {name for (name,) in cursor.fetchall()}
