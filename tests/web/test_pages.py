"""Every page in every language; and what answers when there is no such thing."""

from __future__ import annotations

from datetime import timedelta

import pytest
import time_machine
from django.conf import settings
from django.test import Client

from reservations.models import Market
from tests.world import OPENS_AT

pytestmark = pytest.mark.django_db
LANGUAGES = ("en", "de", "zh-hans")
PRIVACY = {"en": "Privacy", "de": "Datenschutz", "zh-hans": "隐私"}
PAGES = (
    "",
    "products/glasses-s1/",
    "products/glasses-g1/",
    "products/ring/",
    "products/earphones/",
    "availability/",
    "reserve/glasses-s1/",
    "reserve/ring/",
    "notify/?product=ring",
    "privacy/",
    "privacy/glasses-s1/",
    "privacy/ring/",
    "privacy/ring/bystanders/",
    "terms/",
    "accessibility/",
)


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("page", PAGES)
def test_each_page_speaks_the_language_of_its_address(client: Client, page: str, language: str) -> None:
    for market in ("de", "us", "ca", "kr"):
        answer = client.get(f"/{language}-{market}/{page}")
        assert answer.status_code == 200
        text = answer.content.decode()
        assert f'<html lang="{language}' in text and PRIVACY[language] in text


def test_the_launch_page_opens_in_every_market(client: Client) -> None:
    for code in Market.objects.values_list("code", flat=True):
        assert client.get(f"/en-{code.lower()}/").status_code == 200


@pytest.mark.parametrize(
    ("path", "code"),
    [
        ("/tlh-de/", "unknown_language"),
        ("/en-zz/", "unknown_market"),
        ("/en-aq/reserve/glasses-s1/", "unknown_market"),
        ("/en-de/products/toaster/", "unknown_product"),
        ("/en-de/reserve/toaster/", "unknown_product"),
        ("/en-de/notify/?product=toaster", "unknown_product"),
        ("/en-de/privacy/toaster/", "unknown_product"),
        ("/en-de/privacy/toaster/bystanders/", "unknown_product"),
        ("/en-de/nothing/", "not_found"),
        ("/nothing", "not_found"),
    ],
)
def test_what_is_not_there_is_a_page_with_a_way_on(client: Client, path: str, code: str) -> None:
    answer = client.get(path)
    assert answer.status_code == 404 and f'data-code="{code}"'.encode() in answer.content
    assert b'href="/"' in answer.content


@pytest.mark.parametrize(
    ("headers", "expected"),
    [
        ({"Accept-Language": "de-AT,de;q=0.9,en;q=0.5"}, "/de-at/"),
        ({"Accept-Language": "zh-CN"}, "/zh-hans-cn/"),
        ({"Accept-Language": "zh-Hans-SG"}, "/zh-hans-sg/"),
        ({"Accept-Language": "fr-FR,fr"}, "/en-fr/"),
        ({"Accept-Language": "ja"}, "/en-jp/"),
    ],
)
def test_the_start_page_suggests_and_every_other_choice_is_there(
    client: Client, headers: dict[str, str], expected: str
) -> None:
    page = client.get("/", headers=headers).content.decode()
    assert f'href="{expected}"' in page
    assert all(f'href="/en-{code.lower()}/"' in page for code in Market.objects.values_list("code", flat=True))


def test_a_choice_is_remembered(client: Client) -> None:
    client.get("/de-ch/reserve/glasses-s1/")
    page = client.get("/", headers={"Accept-Language": "en-GB"}).content.decode()
    assert page.index('href="/de-ch/"') < page.index('href="/en-gb/"')


def test_prices_stand_in_the_markets_currency_with_the_tax_words(client: Client) -> None:
    germany = client.get("/en-de/products/glasses-s1/").content.decode()
    assert "EUR\N{NO-BREAK SPACE}599.00" in germany and "Includes 19 % tax." in germany
    states = client.get("/en-us/products/glasses-s1/").content.decode()
    assert "USD\N{NO-BREAK SPACE}" in states and "Tax is added at your address before you pay." in states


def test_the_table_has_every_market_and_product(client: Client) -> None:
    page = client.get("/en-de/availability/").content.decode()
    assert page.count("<tr") >= 65
    assert all(f'href="/en-{code.lower()}/"' in page for code in Market.objects.values_list("code", flat=True))


def test_the_countdown_carries_the_servers_instants(client: Client) -> None:
    with time_machine.travel(OPENS_AT - timedelta(hours=25), tick=False):
        page = client.get("/en-de/").content.decode()
    assert OPENS_AT.isoformat() in page and "2026-03-01T01:00:00+00:00" in page


def test_robots_sitemap_and_health(client: Client) -> None:
    assert b"Disallow: /admin/" in client.get("/robots.txt").content
    assert f"{settings.SITE_URL}/de-at/products/ring/" in client.get("/sitemap.xml").content.decode()
    assert client.get("/health/live").json() == {"status": "ok"}
    assert client.get("/health/ready").json()["database"] == "ok"


def test_pages_send_a_strict_policy_and_no_inline_script(client: Client) -> None:
    answer = client.get("/en-de/")
    policy = answer["Content-Security-Policy"]
    assert "default-src 'self'" in policy and "unsafe" not in policy and "frame-ancestors 'none'" in policy
    assert answer["X-Content-Type-Options"] == "nosniff"
