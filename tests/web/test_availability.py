"""The map, the table, and other days."""

from __future__ import annotations

import re
from collections import Counter

import pytest
from django.test import Client

from reservations.models import Market
from reservations.queries.availability import availabilities
from storefront.web import world
from tests.world import AT

pytestmark = [pytest.mark.django_db, pytest.mark.both_databases]
PAGE = "/en-de/availability/"


def places(client: Client, url: str = PAGE) -> dict[str, str]:
    """Product page → state, as the map shows it."""
    page = client.get(url).content.decode()
    figure = page[page.index("<svg") : page.index("</svg>")]
    found = re.findall(r'<a href="([^"]+)"\s+data-status="([^"]+)"', figure)
    assert len(found) == len(dict(found))
    return dict(found)


def table(client: Client, url: str = PAGE) -> dict[str, str]:
    page = client.get(url).content.decode()
    body = page[page.index("<tbody>") : page.index("</tbody>")]
    found = re.findall(r'<a class="plain" href="([^"]+)">\s*<span class="state" data-status="([^"]+)"', body)
    return dict(found)


def test_every_market_is_on_the_map_once_and_opens_its_explanation(client: Client) -> None:
    shown = places(client)
    assert set(shown) == {
        f"/en-{code.lower()}/products/glasses-s1/" for code in Market.objects.values_list("pk", flat=True)
    }
    states = Counter(row.status for row in availabilities(skus=["S1-BLK"], at=AT))
    assert Counter(shown.values()) == states and {"open", "notify_only", "blocked"} <= set(states)
    assert client.get(next(iter(shown))).status_code == 200


@pytest.mark.parametrize("day", ["2026-02-01", "2026-11-25", "2027-02-18"])
def test_the_table_says_the_same_as_the_map_on_any_day(client: Client, day: str) -> None:
    url = f"{PAGE}glasses-s1/{day}/"
    shown, written = places(client, url), table(client, url)
    assert shown.items() <= written.items() and len(written) == 4 * len(shown)


def test_the_days_differ_as_law_and_evidence_say(client: Client) -> None:
    before, now, later = (
        places(client, f"{PAGE}glasses-s1/{day}/") for day in ("2026-02-01", "2026-11-25", "2027-02-18")
    )
    germany, malaysia = "/en-de/products/glasses-s1/", "/en-my/products/glasses-s1/"
    assert before[germany] != "open" == now[germany] == later[germany]
    assert now[malaysia] == "open" and later[malaysia] != "open"


def test_another_product_has_a_map_of_its_own_at_an_address_of_its_own(client: Client) -> None:
    answer = client.get(f"{PAGE[:-1]}-choice/?product=ring&on=2027-02-18")
    assert (answer.status_code, answer["Location"]) == (303, f"{PAGE}ring/2027-02-18/")
    assert client.get(f"{PAGE[:-1]}-choice/?product=ring")["Location"] == f"{PAGE}ring/"
    assert "/en-de/products/ring/" in places(client, f"{PAGE}ring/2027-02-18/")


@pytest.mark.parametrize("day", ["soon", "0001-01-01", "9999-12-31", "2027-02-30", "2027-2-18", "20270218T00"])
def test_a_day_that_is_none_is_refused_with_the_remedy_in_the_readers_language(client: Client, day: str) -> None:
    page = client.get(f"/de-de/availability/glasses-s1/{day}/")
    assert page.status_code == 404 and "Möglich ist jeder Tag" in page.content.decode()
    asked = client.get("/de-de/availability-choice/", {"product": "glasses-s1", "on": day})
    assert asked.status_code == 422 and 'data-code="unknown_day"' in asked.content.decode()


def test_an_unknown_product_is_refused(client: Client) -> None:
    for url in (f"{PAGE}watch/", "/en-de/availability-choice/?product=watch"):
        assert client.get(url).status_code == 404


def test_each_market_has_a_shape_and_other_land_has_none_of_them(launch_data: object) -> None:
    codes = list(Market.objects.values_list("pk", flat=True))
    assert all(world.shape(code) for code in codes) and world.shape("XX") == {}
    assert world.shape("DE")["path"] not in world.other_land(codes)
