"""Lists cost the same for one row and for thirty."""

from __future__ import annotations

import pytest
from django.contrib import admin
from django.db import connection, models
from django.db.models import F
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from reservations.actions.notifying import ask_to_be_told
from reservations.actions.reserving import reserve
from reservations.models import (
    Allotment,
    ApiKey,
    Decision,
    Event,
    Evidence,
    Market,
    Message,
    NotifyRequest,
    Partner,
    Price,
    Product,
    Requirement,
    Reservation,
    ReviewTask,
    StopSale,
    Variant,
)  # fmt: skip
from tests.world import AT, wish

pytestmark = pytest.mark.django_db
LISTS = [
    Allotment, ApiKey, Decision, Event, Evidence, Market, Message, NotifyRequest, Partner, Price, Requirement,
    Reservation, ReviewTask, StopSale,
]  # fmt: skip


@pytest.fixture
def crowded(staff: Client) -> Client:
    """Thirty of everything that tests have few of."""
    ring, germany = Product.objects.get(slug="ring"), Market.objects.get(code="DE")
    requirement = Requirement.objects.all()[0]
    for number in range(30):
        reserve(wish=wish(email=f"c{number}@x.example"), at=AT)
        ask_to_be_told(product=ring, market=germany, email=f"w{number}@x.example", language="en", at=AT)
        partner = Partner.objects.create(slug=f"p{number}", name=f"P{number}")
        ApiKey.objects.create(partner=partner, digest=f"d{number}", created_at=AT)
        StopSale.objects.create(
            product=ring,
            variant=Variant.objects.filter(product=ring)[0],
            market=germany,
            since=AT,
            lifted_at=AT,
            reason="r",
        )
        ReviewTask.objects.create(product=ring, subdivision=f"U-{number}", requirement=requirement, opened_at=AT)
    return staff


def test_no_list_asks_once_a_row(crowded: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    for model in LISTS:
        url = reverse(f"admin:reservations_{model._meta.model_name}_changelist")
        assert _queries(crowded, model, 1, url, monkeypatch) == _queries(crowded, model, 30, url, monkeypatch), model


def _queries(client: Client, model: type[models.Model], rows: int, url: str, monkeypatch: pytest.MonkeyPatch) -> int:
    with monkeypatch.context() as patch:
        patch.setattr(admin.site._registry[model], "list_per_page", rows)
        with CaptureQueriesContext(connection) as asked:
            page = client.get(url)
    assert len(page.context["cl"].result_list) == min(rows, model._default_manager.count()) or model is Allotment
    return len(asked)


def test_the_first_page_costs_the_same_however_much_waits(crowded: Client) -> None:
    with CaptureQueriesContext(connection) as calm:
        crowded.get("/admin/")
    Message.objects.update(state="failed")
    Allotment.objects.filter(held__gt=0).update(capacity=F("held"))
    StopSale.objects.update(lifted_at=None)
    with CaptureQueriesContext(connection) as busy:
        crowded.get("/admin/")
    assert len(busy) == len(calm)
