"""What a change in the admin does: log rows, decisions at once, and clear refusals."""

from __future__ import annotations

import json

import pytest
from django.contrib import admin
from django.contrib.auth.models import Group, Permission, User
from django.db import models
from django.test import Client
from django.urls import reverse

from reservations.actions.reserving import reserve
from reservations.models import (
    Allotment,
    ApiKey,
    Event,
    Launch,
    Market,
    Message,
    Partner,
    Price,
    Product,
    Requirement,
    Reservation,
    ReviewTask,
    StopSale,
    Variant,
)
from reservations.queries.availability import availabilities
from storefront.desk.logged import Logged
from tests.officers import officer
from tests.pages import complaints, fill_in
from tests.world import AT, allotment, wish

pytestmark = pytest.mark.django_db
EDITED = [Market, Product, Variant, Price, Requirement, Launch, Allotment, User]


def page(row: models.Model) -> str:
    return reverse(f"admin:{row._meta.app_label}_{row._meta.model_name}_change", args=[row.pk])


def everything(model: type[models.Model]) -> list[models.Model]:
    """A few rows of a model, alike in nothing but their kind."""
    rows = list(model._default_manager.order_by("pk"))
    return rows[:: max(1, len(rows) // 4)]


@pytest.mark.parametrize("model", EDITED, ids=lambda model: model.__name__)
def test_a_page_saved_as_it_was_opened_is_taken_and_logs_nothing(staff: Client, model: type[models.Model]) -> None:
    for row in everything(model):
        logged = Event.objects.count()
        answer = staff.post(page(row), fill_in(staff, page(row)))
        assert answer.status_code == 302, (row, complaints(answer))
        assert Event.objects.count() == logged, Event.objects.order_by("-id").values().first()


def test_every_page_that_edits_is_logged() -> None:
    for model, page_of in admin.site._registry.items():
        assert isinstance(page_of, Logged) or not page_of.has_change_permission(None), model


def test_an_inline_change_is_logged_for_the_row_it_changes(staff: Client) -> None:
    launch = Launch.objects.get(slug="glasses-2026")
    window = launch.windows.get(market="DE")
    sent = fill_in(staff, page(launch))
    prefix = next(name[:-3] for name, value in sent.items() if name.endswith("-id") and value == [str(window.pk)])
    answer = staff.post(
        page(launch), sent | {f"{prefix}-closes_at_0": "2030-01-01", f"{prefix}-closes_at_1": "00:00:00"}
    )
    assert answer.status_code == 302, complaints(answer)
    event = Event.objects.get(subject=f"launchmarket:{window.pk}")
    assert event.action == "launchmarket.changed" and event.facts["closes_at"][1] == "2030-01-01 00:00:00+00:00"


def test_links_to_many_are_logged_with_the_row(staff: Client) -> None:
    launch = Launch.objects.get(slug="glasses-2026")
    kept = launch.products.order_by("pk").first()
    assert kept is not None
    staff.post(page(launch), fill_in(staff, page(launch)) | {"products": [kept.pk]})
    (before, after) = Event.objects.get(subject=f"launch:{launch.pk}").facts["products"]
    assert len(before) == 2 and after == [str(kept.pk)]


def test_what_falls_with_a_deleted_row_is_logged_too(staff: Client) -> None:
    variant = Variant.objects.get(sku="S1-BLK")
    fresh = Variant.objects.create(sku="S1-NEW", product=variant.product)
    price = Price.objects.create(variant=fresh, market_id="DE", amount_minor=100, currency="EUR")
    chosen = {"action": "delete_selected", "_selected_action": [fresh.pk], "post": "yes"}
    staff.post("/admin/reservations/variant/", chosen)
    assert not Variant.objects.filter(sku="S1-NEW").exists()
    deleted = Event.objects.filter(action__endswith=".deleted").values_list("subject", flat=True)
    assert set(deleted) == {f"variant:{fresh.pk}", f"price:{price.pk}"}


def test_what_a_reservation_cites_is_not_deleted_and_the_page_says_so(staff: Client) -> None:
    row = Variant.objects.get(sku="S1-BLK")
    url = reverse("admin:reservations_variant_delete", args=[row.pk])
    assert "Cannot delete" in staff.get(url).content.decode()
    staff.post(url, {"post": "yes"})
    assert Variant.objects.filter(pk=row.pk).exists()


def test_no_password_and_no_personal_value_of_staff_enters_the_log(staff: Client) -> None:
    sent = {"username": "lin", "password1": "plum-tree-17-x", "password2": "plum-tree-17-x", "usable_password": "true"}
    answer = staff.post("/admin/auth/user/add/", sent)
    assert answer.status_code == 302, complaints(answer)
    lin = User.objects.get(username="lin")
    group = Group.objects.create(name="desk")
    staff.post(page(lin), fill_in(staff, page(lin)) | {"email": "lin@staff.example", "groups": [group.pk]})
    staff.post(
        f"/admin/auth/user/{lin.pk}/password/", {**sent, "password1": "pear-tree-18-y", "password2": "pear-tree-18-y"}
    )
    rows = list(Event.objects.filter(subject=f"user:{lin.pk}").order_by("id"))
    assert [row.action for row in rows] == ["user.added", "user.changed", "user.password_changed"]
    assert rows[1].facts["groups"] == [[], [str(group.pk)]]
    kept = json.dumps([row.facts for row in rows])
    assert "lin@staff.example" not in kept and "password" not in kept


def test_a_stop_sale_is_lifted_by_two_and_never_deleted(staff: Client) -> None:
    staff.post(
        "/admin/reservations/stopsale/add/",
        {"market": "DE", "since_0": "2026-11-25", "since_1": "11:00:00", "reason": "recall"},
    )
    stop = StopSale.objects.get()
    act = f"/admin/reservations/stopsale/{stop.pk}/act/"
    assert status_now() == "paused"
    assert "Say why" in staff.post(f"{act}propose/").content.decode()
    staff.post(f"{act}propose/", {"reason": "repaired"})
    told = staff.post(f"{act}confirm/", follow=True).content.decode()
    assert "a second person has to decide" in told and status_now() == "paused"
    other = Client()
    other.force_login(officer("lin"))
    page = other.get(f"{act}confirm/").content.decode()
    assert "repaired" in page and "grace" in page
    other.post(f"{act}confirm/")
    assert status_now() == "open"
    assert "Too late" in other.post(f"{act}confirm/", follow=True).content.decode()
    rows = Event.objects.filter(subject=f"stopsale:{stop.pk}").order_by("id").values_list("actor", "action")
    assert list(rows) == [
        ("staff:grace", "stopsale.added"),
        ("staff:grace", "stopsale.lift_proposed"),
        ("staff:lin", "stopsale.lifted"),
    ]
    assert staff.post(reverse("admin:reservations_stopsale_delete", args=[stop.pk]), {"post": "yes"}).status_code == 403


def test_a_proposal_to_lift_is_turned_down_with_a_reason(staff: Client) -> None:
    stop = StopSale.objects.create(market_id="DE", since=AT, reason="recall")
    act = f"/admin/reservations/stopsale/{stop.pk}/act/"
    staff.post(f"{act}propose/", {"reason": "repaired"})
    other = Client()
    other.force_login(officer("lin"))
    other.post(f"{act}keep/", {"reason": "not all of them"})
    stop.refresh_from_db()
    assert stop.lift_proposed_by is None and stop.lifted_at is None
    assert Event.objects.get(action="stopsale.lift_rejected").reason == "not all of them"


def status_now() -> str:
    return availabilities(skus=["S1-BLK"], at=AT, destinations=[("DE", None)])[0].status


@pytest.mark.parametrize(
    ("sent", "error"),
    [
        ({"subdivision": "ZZ-99"}, "Unknown subdivision: ZZ-99"),
        ({"market": "DE", "subdivision": "US-CA"}, "US-CA is not in DE"),
    ],
)
def test_a_stop_sale_that_makes_no_sense_is_refused_by_the_form(staff: Client, sent: dict, error: str) -> None:
    whole = {"since_0": "2026-11-25", "since_1": "11:00:00", "reason": "recall"} | sent
    assert error in staff.post("/admin/reservations/stopsale/add/", whole).content.decode()
    assert not StopSale.objects.exists()


@pytest.mark.parametrize(
    ("model", "key", "sent", "error"),
    [
        (Requirement, "kr-kc-radio", {"applies_to": '["wlan"]'}, "Unknown capability: wlan. Known: audio_output"),
        (Requirement, "kr-kc-radio", {"applies_to": "[]"}, "Name at least one."),
        (Requirement, "kr-kc-radio", {"jurisdiction": '["KX"]'}, "Unknown country: KX."),
        (Requirement, "kr-kc-radio", {"jurisdiction": '"KR"'}, "Write a JSON list"),
        (Requirement, "kr-kc-radio", {"evidence_validity": "2 years"}, "P2Y"),
        (Market, "DE", {"currency": "EUX"}, "EUX is no ISO 4217 currency"),
        (Market, "DE", {"timezone": "Berlin"}, "no IANA time zone"),
    ],
)
def test_a_wrong_word_is_refused_with_its_remedy(staff: Client, model, key: str, sent: dict, error: str) -> None:
    row = model._default_manager.get(pk=key)
    answer = staff.post(page(row), fill_in(staff, page(row)) | sent)
    assert answer.status_code == 200
    text = answer.content.decode()
    assert error in text
    assert not Event.objects.filter(actor="staff:grace").exists()


def test_a_price_stays_in_the_currency_of_its_market(staff: Client) -> None:
    row = Price.objects.filter(market="DE").first()
    assert row is not None
    assert (
        "DE is priced in EUR" in staff.post(page(row), fill_in(staff, page(row)) | {"currency": "USD"}).content.decode()
    )


def test_sample_evidence_carries_a_plain_mark(staff: Client) -> None:
    assert "SAMPLE" in staff.get("/admin/reservations/evidence/").content.decode()


def test_a_second_allotment_of_one_pool_is_refused_by_the_form(staff: Client) -> None:
    pool = allotment()
    sent = fill_in(staff, "/admin/reservations/allotment/add/") | {
        "launch": pool.launch_id, "variant": pool.variant_id, "pool": pool.pool, "capacity": 5,
    }  # fmt: skip
    assert (
        "has an allotment of this variant already"
        in staff.post("/admin/reservations/allotment/add/", sent).content.decode()
    )


def test_a_market_in_another_pool_is_refused_by_the_form(staff: Client) -> None:
    pool = allotment()
    sent = fill_in(staff, "/admin/reservations/allotment/add/") | {
        "launch": pool.launch_id, "variant": pool.variant_id, "pool": "second", "capacity": 5,
        "allotmentmarket_set-TOTAL_FORMS": 1, "allotmentmarket_set-0-market": "DE",
    }  # fmt: skip
    assert f"DE ({pool.pool})" in staff.post("/admin/reservations/allotment/add/", sent).content.decode()


def test_cancelling_frees_the_place_for_who_waits(staff: Client) -> None:
    pool = allotment()
    Allotment.objects.filter(pk=pool.pk).update(capacity=1)
    waiting = reserve(wish=wish(email="next@x.example"), at=AT)
    first = Reservation.objects.get(place_number=1)
    staff.post(reverse("admin:reservation_act", args=[first.pk, "cancel"]), {"reason": "asked by phone"})
    assert Reservation.objects.get(pk=waiting.pk).status == "confirmed"
    again = staff.get(reverse("admin:reservation_act", args=[first.pk, "cancel"]))
    assert "this cannot be done" in again.content.decode()


@pytest.fixture
def onlooker(staff: Client) -> Client:
    """Somebody who may look at everything and change nothing."""
    user = User.objects.create_user("olga", password="a-long-password", is_staff=True)
    user.user_permissions.set(Permission.objects.filter(codename__startswith="view_"))
    client = Client()
    client.force_login(user)
    return client


def test_who_may_only_look_neither_cancels_nor_sends_nor_revokes(onlooker: Client) -> None:
    row = Reservation.objects.get()
    onlooker.post(reverse("admin:reservation_act", args=[row.pk, "cancel"]), {"reason": "no"})
    assert Reservation.objects.get().status == "confirmed"
    Message.objects.update(state="failed")
    message = row.messages.get()
    onlooker.post("/admin/reservations/message/", {"action": "send_again", "_selected_action": [message.pk]})
    onlooker.post(reverse("admin:message_send_again", args=[message.pk]))
    message.refresh_from_db()
    assert message.state == "failed"
    key = ApiKey.objects.create(partner=Partner.objects.create(slug="s", name="S"), digest="d", created_at=AT)
    onlooker.post("/admin/reservations/apikey/", {"action": "revoke", "_selected_action": [key.pk]})
    assert ApiKey.objects.get().revoked_at is None


def test_a_mail_is_shown_in_a_frame_that_runs_nothing(staff: Client) -> None:
    raw = (
        "MIME-Version: 1.0\nContent-Type: text/html; charset=utf-8\n\n<p style='color:red'>Hello</p><script>1</script>"
    )
    message = Message.objects.filter(reservation__isnull=False).get()
    Message.objects.update(state="sent", sent_at=AT, raw=raw)
    whole = staff.get(page(message)).content.decode()
    assert "sandbox" in whole and "&lt;script&gt;" in whole
    answer = staff.get(reverse("admin:message_html", args=[message.pk]))
    assert answer.content.startswith(b"<p style") and answer["X-Frame-Options"] == "SAMEORIGIN"
    assert "default-src 'none'" in answer["Content-Security-Policy"] and "sandbox" in answer["Content-Security-Policy"]
    assert Client().get(reverse("admin:message_html", args=[message.pk])).status_code == 302


def test_a_review_task_is_closed_with_a_note_and_logged(staff: Client) -> None:
    task = ReviewTask.objects.create(
        product=Product.objects.get(slug="ring"),
        subdivision="US-CA",
        requirement=Requirement.objects.all()[0],
        opened_at=AT,
    )
    url, close = "/admin/reservations/reviewtask/", {"action": "close", "_selected_action": [task.pk]}
    assert list(staff.get("/admin/").context["reviews"]) == [task]
    answer = staff.post(url, close, follow=True)
    task.refresh_from_db()
    assert "write in the note what was found" in answer.content.decode()
    assert task.closed_at is None and not Event.objects.filter(subject=f"reviewtask:{task.pk}").exists()

    staff.post(f"{url}{task.pk}/change/", {"note": "Settlement is under Ukraine's control."})
    staff.post(url, close, follow=True)
    task.refresh_from_db()
    assert task.closed_at == AT
    changes = [event.facts for event in Event.objects.filter(subject=f"reviewtask:{task.pk}").order_by("id")]
    assert [list(facts) for facts in changes] == [["note"], ["closed_at"]]
    assert not staff.get("/admin/").context["reviews"]
