"""Each duty that the registry says this site meets can be seen on a page."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from django.test import Client

from reservations.actions.reserving import reserve
from reservations.models import Market
from reservations.queries import links
from reservations.rules.site_features import SITE_FEATURES
from tests.world import AT, wish

pytestmark = pytest.mark.django_db


def cancel_button(client: Client) -> bool:
    row = reserve(wish=wish(), at=AT)
    page = client.get(links.reservation_path(row) + "&cancel=1").content.decode()
    return f"/r/{row.reference}/cancel/" in page and "<button" in page


def order_button(client: Client) -> bool:
    return "Reserve – nothing is charged today" in client.get("/en-de/reserve/glasses-s1/").content.decode()


def tax_words(client: Client) -> bool:
    return "Includes 19 % tax." in client.get("/en-de/products/glasses-s1/").content.decode()


def any_market(client: Client) -> bool:
    page = client.get("/", headers={"Accept-Language": "de-DE"}).content.decode()
    codes = Market.objects.values_list("code", flat=True)
    return all(f'href="/de-{code.lower()}/"' in page for code in codes)


def terms_say(*words: str) -> Callable[[Client], bool]:
    def found(client: Client) -> bool:
        page = " ".join(client.get("/en-de/terms/").content.decode().split())
        return all(word in page for word in words)

    return found


def accessibility(client: Client) -> bool:
    return "WCAG" in client.get("/en-de/accessibility/").content.decode()


SEEN: dict[str, Callable[[Client], bool]] = {
    "eu-crd-withdrawal-function": cancel_button,
    "eu-crd-order-button": order_button,
    "eu-price-vat-inclusive": tax_words,
    "eu-empco-2024-825": terms_say("legal guarantee"),
    "eu-geo-blocking-2018-302": any_market,
    "eu-eaa-2019-882": accessibility,
    "us-ftc-mail-order-435": terms_say("delivery date", "cancel"),
    "ar-boton-arrepentimiento": cancel_button,
    "jp-sctl": terms_say("Qianwen Launch Shop", "Sample Street"),
}


def test_every_registered_duty_is_looked_for() -> None:
    assert SEEN.keys() == SITE_FEATURES.keys()


@pytest.mark.parametrize("requirement", sorted(SITE_FEATURES))
def test_the_duty_is_met_on_the_page(client: Client, requirement: str) -> None:
    assert SEEN[requirement](client)
