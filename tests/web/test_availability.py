"""The map, the table, and other days."""

from __future__ import annotations

import re
from collections import Counter

import pytest
from django.test import Client

from reservations.models import Market, StopSale, Variant
from reservations.queries.availability import availabilities
from storefront.web import world
from tests.world import AT

pytestmark = [pytest.mark.django_db, pytest.mark.both_databases]
PAGE = "/en-de/availability/"


def places(client: Client, url: str = PAGE) -> dict[str, str]:
    """Page of the explanation → state, as the map shows it."""
    page = client.get(url).content.decode()
    figure = page[page.index("<svg") : page.index("</svg>")]
    found = re.findall(r'<a href="([^"]+)"\s+data-status="([^"]+)"(?! data-dim)', figure)
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
        f"/en-{code.lower()}/availability/glasses-s1/now/here/" for code in Market.objects.values_list("pk", flat=True)
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
    states = {
        day: {url[4:6]: state for url, state in found.items()}
        for day, found in (("before", before), ("now", now), ("later", later))
    }
    assert states["before"]["de"] != "open" == states["now"]["de"] == states["later"]["de"]
    assert states["now"]["my"] == "open" and states["later"]["my"] != "open"


@pytest.mark.parametrize("day", ["2026-11-25", "2027-02-18"])
def test_each_cell_opens_an_explanation_that_says_the_same_of_that_day(client: Client, day: str) -> None:
    shown = places(client, f"{PAGE}glasses-s1/{day}/")
    wanted = [f"/en-{code}/availability/glasses-s1/{day}/here/" for code in ("de", "my", "in", "ua", "us")]
    for url in wanted:
        page = client.get(url).content.decode()
        assert f'data-status="{shown[url]}"' in page[page.index("<h1") :]
        assert ("What stands in the way" in page) or shown[url] == "open"
    later = client.get("/en-my/availability/glasses-s1/2027-02-18/here/").content.decode()
    assert "my-sirim-mcmc" in later and "18 February 2027" in later
    assert client.get("/en-de/availability/watch/now/here/").status_code == 404
    assert client.get("/en-de/availability/glasses-s1/soon/here/").status_code == 404


def test_variants_that_differ_are_explained_one_by_one(client: Client) -> None:
    StopSale.objects.create(variant=Variant.objects.get(sku="S1-TRT"), since=AT, reason="A recall.")
    page = client.get("/en-de/availability/glasses-s1/2026-11-26/here/").content.decode()
    assert page.count('data-status="open"') == 1 and page.count('data-status="paused"') == 1 and "Tortoise" in page


@pytest.mark.parametrize("state", ["open", "notify_only", "blocked"])
def test_one_state_alone_is_a_page_of_its_own_and_the_legend_leads_there(client: Client, state: str) -> None:
    everything = places(client)
    url = f"{PAGE}glasses-s1/now/only/{state}/"
    assert f'href="{url}"' in client.get(PAGE).content.decode()
    assert places(client, url) == {path: found for path, found in everything.items() if found == state}
    rows = {path for path in table(client, url) if "/glasses-s1/" in path}
    assert rows == set(places(client, url))
    page = client.get(url).content.decode()
    assert f'href="{PAGE}glasses-s1/"' in page and page.count("data-dim") == len(everything) - len(rows)
    asked = client.get("/en-de/availability-choice/", {"product": "ring", "on": "2027-02-18", "only": state})
    assert asked["Location"] == f"{PAGE}ring/2027-02-18/only/{state}/"


def test_a_state_that_is_none_is_refused(client: Client) -> None:
    assert client.get(f"{PAGE}glasses-s1/now/only/maybe/").status_code == 404
    asked = client.get("/en-de/availability-choice/", {"product": "ring", "only": "maybe"})
    assert asked.status_code == 422 and 'data-code="unknown_state"' in asked.content.decode()


def test_another_product_has_a_map_of_its_own_at_an_address_of_its_own(client: Client) -> None:
    answer = client.get(f"{PAGE[:-1]}-choice/?product=ring&on=2027-02-18")
    assert (answer.status_code, answer["Location"]) == (303, f"{PAGE}ring/2027-02-18/")
    assert client.get(f"{PAGE[:-1]}-choice/?product=ring")["Location"] == f"{PAGE}ring/"
    assert "/en-de/availability/ring/2027-02-18/here/" in places(client, f"{PAGE}ring/2027-02-18/")


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
