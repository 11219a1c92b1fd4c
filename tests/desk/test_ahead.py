"""Staff look at the shop as it will be at an instant in a market, and change nothing by it."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest
import time_machine
from django.test import Client
from django.urls import reverse

from reservations.models import Event, Launch, LaunchMarket
from tests.desk.test_waves import client_of
from tests.world import AT

pytestmark = pytest.mark.django_db
OPENS_AT = AT + timedelta(days=3)
FORM, LAUNCH = "reserve/glasses-s1/", ""


@pytest.fixture
def viewer(launch_data: datetime) -> Client:
    LaunchMarket.objects.filter(market="CH").update(opens_at=OPENS_AT)
    return client_of("vera", "view_launch")


def asked(at: datetime, page: str, **changes: str) -> dict[str, str]:
    return {
        "at_0": f"{at:%Y-%m-%d}", "at_1": f"{at:%H:%M:%S}", "market": "CH", "language": "de", "page": page, **changes
    }  # fmt: skip


def look(viewer: Client, at: datetime, page: str = FORM) -> str:
    with time_machine.travel(AT, tick=False):
        return viewer.get(reverse("admin:launch_ahead_frame"), asked(at, page)).content.decode()


def test_a_second_before_the_opening_there_is_a_countdown_and_at_the_opening_the_form(viewer: Client) -> None:
    events = Event.objects.count()
    before, after = look(viewer, OPENS_AT - timedelta(seconds=1)), look(viewer, OPENS_AT)
    assert "data-countdown" in before and 'name="email"' not in before
    assert 'name="email"' in after and "data-countdown" not in after
    assert '<html lang="de"' in after and '<base target="_blank">' in after
    assert 'data-phase="announced"' in look(viewer, AT, LAUNCH) or "data-countdown" in look(viewer, AT, LAUNCH)
    assert Event.objects.count() == events and "attempt" not in viewer.cookies
    assert "data-countdown" in viewer.get("/de-ch/reserve/glasses-s1/").content.decode()  # for customers it is now


def test_the_page_frames_what_was_asked_for_and_starts_at_the_next_opening(viewer: Client) -> None:
    page = reverse("admin:launch_ahead", args=[Launch.objects.get().pk])
    with time_machine.travel(AT, tick=False):
        first = viewer.get(page)
        assert first.context["form"].initial["at"] == OPENS_AT and b"<iframe" not in first.content
        framed = viewer.get(page, asked(OPENS_AT, FORM, width="390"))
    assert b'width="390"' in framed.content and b"market=CH" in framed.content
    frame = viewer.get(reverse("admin:launch_ahead_frame"), asked(OPENS_AT, FORM))
    assert frame["X-Frame-Options"] == "SAMEORIGIN" and "script-src 'none'" in frame["Content-Security-Policy"]


@pytest.mark.parametrize(
    "changes", [{"market": "XX"}, {"language": "tlh"}, {"page": "../../admin/"}, {"at_0": "soon"}, {"at_1": ""}]
)
def test_what_cannot_be_shown_is_named_and_not_framed(viewer: Client, changes: dict[str, str]) -> None:
    given = asked(OPENS_AT, FORM) | changes
    assert viewer.get(reverse("admin:launch_ahead_frame"), given).status_code == 404
    page = viewer.get(reverse("admin:launch_ahead", args=[Launch.objects.get().pk]), given)
    assert page.context["form"].errors and b"<iframe" not in page.content


def test_only_who_may_see_launches_may_look_ahead(viewer: Client) -> None:
    other = client_of("otto", "view_message")
    assert other.get(reverse("admin:launch_ahead_frame"), asked(OPENS_AT, FORM)).status_code == 403
    assert other.get(reverse("admin:launch_ahead", args=[Launch.objects.get().pk])).status_code == 403
