"""Staff at work in the admin."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import time_machine
from django.contrib import admin
from django.contrib.auth.models import User
from django.db import DatabaseError, connection, models, transaction
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from reservations.actions.reserving import reserve
from reservations.models import (
    Allotment,
    ApiKey,
    Event,
    Market,
    Message,
    Partner,
    Reservation,
    StopSale,
)
from reservations.queries.availability import availabilities
from tests.world import AT, allotment, wish

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize("model", list(admin.site._registry), ids=lambda model: model.__name__)
def test_every_list_and_page_opens(staff: Client, model: type[models.Model]) -> None:
    names = f"admin:{model._meta.app_label}_{model._meta.model_name}"
    assert staff.get(reverse(f"{names}_changelist")).status_code == 200
    row = model._default_manager.first()
    if row is not None and model is not ApiKey:
        assert staff.get(reverse(f"{names}_change", args=[row.pk])).status_code == 200
    if admin.site._registry[model].has_add_permission(_request(staff)):
        assert staff.get(reverse(f"{names}_add")).status_code == 200


def _request(staff: Client) -> Any:
    request = staff.get("/admin/").wsgi_request
    request.user = User.objects.get(username="grace")
    return request


def test_the_first_page_shows_what_waits(staff: Client) -> None:
    Message.objects.update(state="failed", last_error="550 no such user")
    page = staff.get("/admin/").content.decode()
    assert "glasses-2026" in page and "550 no such user" in page


@pytest.mark.parametrize("how", ["reference", "email", "name"])
def test_a_reservation_is_found_by_reference_email_or_name(staff: Client, how: str) -> None:
    row = Reservation.objects.get()
    asked = row.reference.lower().replace("-", " ") if how == "reference" else getattr(row, how)
    page = staff.get("/admin/reservations/reservation/", {"q": asked}).content.decode()
    assert row.reference in page
    assert row.reference not in staff.get("/admin/reservations/reservation/", {"q": "QW-0000-0000"}).content.decode()


def test_a_reservation_shows_its_receipt_messages_and_history(staff: Client) -> None:
    row = Reservation.objects.get()
    page = staff.get(f"/admin/reservations/reservation/{row.pk}/change/").content.decode()
    assert "<td>reservation.confirmed</td>" in page and "&lt;td" not in page
    assert "eu-gdpr-art8-children" in page and "owed" in page


def test_cancelling_needs_a_reason_and_logs_it(staff: Client) -> None:
    row = Reservation.objects.get()
    url = reverse("admin:reservation_act", args=[row.pk, "cancel"])
    staff.post(url, {"reason": " "})
    assert Reservation.objects.get().status == "confirmed"
    staff.post(url, {"reason": "asked by phone"})
    assert Reservation.objects.get().status == "cancelled"
    event = row.events.order_by("-id").first()
    assert event is not None and (event.actor, event.reason) == ("staff:grace", "asked by phone")


def test_a_change_is_logged_with_before_and_after(staff: Client) -> None:
    market = Market.objects.get(code="DE")
    fields = {field.name: getattr(market, field.name) for field in market._meta.fields}
    posted = {
        name: json.dumps(value) if isinstance(value, list) else "" if value is None else value
        for name, value in fields.items()
    }
    answer = staff.post("/admin/reservations/market/DE/change/", posted | {"withdrawal_days": 30})
    assert answer.status_code == 302
    event = Event.objects.get(subject="market:DE")
    assert (event.actor, event.facts) == ("staff:grace", {"withdrawal_days": [14, 30]})


def test_a_stop_sale_acts_at_once_and_is_logged(staff: Client) -> None:
    posted = {"market": "DE", "since_0": "2026-11-25", "since_1": "11:00:00", "reason": "recall"}
    assert staff.post("/admin/reservations/stopsale/add/", posted).status_code == 302
    assert StopSale.objects.get().opened_by is not None
    (row,) = availabilities(skus=["S1-BLK"], at=AT, destinations=[("DE", None)])
    assert row.status == "paused"
    assert Event.objects.filter(action="stopsale.added", actor="staff:grace").exists()
    assert Event.objects.filter(action="gate.changed", subject="decision:S1-BLK:DE").exists()


def test_capacity_never_goes_below_what_is_held_and_a_raise_promotes(staff: Client) -> None:
    pool = allotment()
    Allotment.objects.filter(pk=pool.pk).update(capacity=1)
    waiting = reserve(wish=wish(email="next@x.example"), at=AT)
    url = f"/admin/reservations/allotment/{pool.pk}/change/"
    markets = list(pool.allotmentmarket_set.all())
    inline = {"allotmentmarket_set-TOTAL_FORMS": len(markets), "allotmentmarket_set-INITIAL_FORMS": len(markets)}
    for number, row in enumerate(markets):
        inline |= {
            f"allotmentmarket_set-{number}-id": row.pk,
            f"allotmentmarket_set-{number}-allotment": pool.pk,
            f"allotmentmarket_set-{number}-market": row.market_id,
        }
    posted = {
        "launch": pool.launch_id,
        "variant": pool.variant_id,
        "pool": pool.pool,
        "capacity": 0,
        "held_back": 0,
        **inline,
    }
    refused = staff.post(url, posted)
    assert "1 units are held" in refused.content.decode()
    assert (
        "1 units are held and 2 kept back" in staff.post(url, posted | {"capacity": 2, "held_back": 2}).content.decode()
    )
    assert staff.post(url, posted | {"capacity": 2}).status_code == 302
    assert Reservation.objects.get(pk=waiting.pk).status == "confirmed"


def test_an_api_key_is_shown_once_and_works_until_revoked(staff: Client) -> None:
    partner = Partner.objects.create(slug="shop", name="Shop")
    posted = {"partner": partner.pk, "scopes": ["reservations:read"]}
    page = staff.post("/admin/reservations/apikey/add/", posted, follow=True).content.decode()
    secret = next(word for word in page.replace("<", " ").split() if word.startswith("rsv_live_") and len(word) > 40)
    key = ApiKey.objects.get()
    assert secret not in (key.digest, key.prefix)
    call = {"HTTP_AUTHORIZATION": f"Bearer {secret}"}
    assert Client().get("/api/v1/reservations/", **call).status_code == 200
    staff.post("/admin/reservations/apikey/", {"action": "revoke", "_selected_action": [key.pk]})
    with time_machine.travel(datetime.now(UTC) + timedelta(seconds=1)):  # a process remembers a key for that long
        assert Client().get("/api/v1/reservations/", **call).status_code == 401


def test_a_failed_message_can_be_owed_again(staff: Client) -> None:
    message = Message.objects.filter(reservation__isnull=False).get()
    Message.objects.update(state="failed", last_error="550")
    staff.post("/admin/reservations/message/", {"action": "send_again", "_selected_action": [message.pk]})
    message.refresh_from_db()
    assert message.state == "owed" and Event.objects.filter(action="message.owed_again").exists()


@pytest.mark.both_databases
@pytest.mark.parametrize("change", ["update", "delete"])
def test_the_log_only_grows(launch_data: datetime, change: str) -> None:
    with pytest.raises(DatabaseError, match="append-only"), transaction.atomic():
        Event.objects.update(actor="nobody") if change == "update" else Event.objects.all()._raw_delete("default")


def test_the_list_of_reservations_costs_the_same_queries_for_one_row_and_thirty(staff: Client) -> None:
    url = "/admin/reservations/reservation/"
    staff.get(url)
    with CaptureQueriesContext(connection) as one:
        staff.get(url)
    for number in range(29):
        reserve(wish=wish(email=f"c{number}@x.example"), at=AT)
    with CaptureQueriesContext(connection) as thirty:
        staff.get(url)
    assert len(thirty) == len(one)
