"""What the database itself refuses, whoever asks."""

from __future__ import annotations

from datetime import datetime

import pytest
from django.db import DatabaseError, IntegrityError, transaction

from reservations.actions.reserving import reserve
from reservations.models import Allotment, Event, Message, Reservation
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
    with pytest.raises(DatabaseError, match="do not mix"), transaction.atomic():
        made.save(force_insert=True)
    assert Reservation.objects.count() == 1


def test_more_than_the_capacity_cannot_be_held(launch_data: datetime) -> None:
    pool = allotment()
    with pytest.raises(IntegrityError), transaction.atomic():
        Allotment.objects.filter(pk=pool.pk).update(held=pool.capacity + 1)


def test_a_pool_has_one_direct_allotment_of_a_variant(launch_data: datetime) -> None:
    pool = allotment()
    pool.pk = None
    with pytest.raises(IntegrityError), transaction.atomic():
        pool.save(force_insert=True)
