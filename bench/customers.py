"""What customers and partners send: found out over HTTP, so that it is valid for the data as loaded."""

from __future__ import annotations

import json
import sys
from dataclasses import dataclass
from html.parser import HTMLParser
from urllib.parse import urlencode

from bench.launchdata import SCARCE_SKU
from bench.wire import NUMBER, ask, write_request

HOT_SKU, HOT_MARKET, HOT_PRODUCT = "S1-BLK", "DE", "glasses-s1"
API = "/api/v1"
SPREAD = 100


@dataclass(frozen=True)
class Offer:
    """A variant that can be reserved in a market, and the consents that it asks for."""

    sku: str
    market: str
    consents: tuple[tuple[str, str], ...]


def find_offers(port: int) -> list[Offer]:
    """Every open combination of SKU and market; each has an allotment of its own in the bench's launch data."""
    products = json.loads(ask(port, f"{API}/products/").expect(200).body)["results"]
    skus = [(product["slug"], variant["sku"]) for product in products for variant in product["variants"]]
    return [offer for slug, sku in skus for offer in _offers(port, slug, sku)]


def _offers(port: int, slug: str, sku: str) -> list[Offer]:
    rows = json.loads(ask(port, f"{API}/products/{slug}/availability/?sku={sku}").expect(200).body)["results"]
    return [
        Offer(sku, row["market"], tuple((each["id"], each["version"]) for each in row["notices"] if each["consent"]))
        for row in rows
        if row["status"] == "open" and not row["varies_in"]
    ]


def hot_offer(offers: list[Offer]) -> Offer:
    return _find(offers, HOT_SKU, HOT_MARKET)


def scarce_offer(offers: list[Offer]) -> Offer:
    return _find(offers, SCARCE_SKU, HOT_MARKET)


def spread_offers(offers: list[Offer]) -> list[Offer]:
    """A hundred of them, the hot one not among them."""
    found = [each for each in offers if each.sku != SCARCE_SKU and each != hot_offer(offers)][:SPREAD]
    if len(found) < SPREAD:
        sys.exit(f"the launch data has {len(found)} open combinations of SKU and market: {SPREAD} are needed")
    return found


def _find(offers: list[Offer], sku: str, market: str) -> Offer:
    return next(each for each in offers if (each.sku, each.market) == (sku, market))


def write_body(offer: Offer, number: str = NUMBER) -> str:
    fields = {
        "market": offer.market,
        "language": "en",
        "email": f"customer-{number}@bench.example",
        "name": f"Ada Lovelace {number}",
        "lines": [{"sku": offer.sku, "quantity": 1}],
        "consents": [{"id": name, "version": version} for name, version in offer.consents],
        "partner_reference": f"order-{number}",
    }
    return json.dumps(fields)


def write_headers(api_key: str, number: str = NUMBER) -> dict[str, str]:
    return {
        "Authorization": f"Bearer {api_key}",
        "Content-Type": "application/json",
        "Idempotency-Key": f"bench-{number}",
    }


def reserve_requests(offers: list[Offer], api_key: str) -> list[bytes]:
    """`POST reservations/` for each offer, each request another customer."""
    return [
        write_request("POST", f"{API}/reservations/", write_headers(api_key), write_body(offer)) for offer in offers
    ]


def parse_request(offer: Offer, api_key: str) -> bytes:
    """The same bytes, for the bare view."""
    return write_request("POST", "/parse/", write_headers(api_key), write_body(offer))


def reserve_once(port: int, offer: Offer, api_key: str, number: str) -> dict[str, str]:
    """One reservation and what the API said of it."""
    headers, body = write_headers(api_key, number), write_body(offer, number)
    made: dict[str, str] = json.loads(ask(port, f"{API}/reservations/", headers, body).expect(201).body)
    return made


class _Fields(HTMLParser):
    """The fields of the one form that posts a reservation, as a browser would send them."""

    def __init__(self) -> None:
        super().__init__()
        self.fields: dict[str, str] = {}

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        name, kind = given.get("name", ""), given.get("type", "")
        if tag != "input" or not name or kind in ("submit", "search") or (kind == "radio" and "checked" not in given):
            return
        self.fields[name] = given.get("value", "")


def form_request(port: int, offer: Offer) -> bytes:
    """The website's form as a browser sends it once its owner has filled it in, CSRF token and cookie included."""
    path = f"/en-{offer.market.lower()}/reserve/{HOT_PRODUCT}/"
    page = ask(port, f"{path}?variant={offer.sku}").expect(200)
    reader = _Fields()
    reader.feed(page.body)
    known = ("csrfmiddlewaretoken", "variant", "quantity", "attempt")
    fields = {name: value for name, value in reader.fields.items() if name in known or name.startswith("consent_")}
    fields |= {"email": f"customer-{NUMBER}@form.example", "name": "Ada Lovelace"}
    fields["attempt"] = fields["attempt"][:-10] + NUMBER
    headers = {"Content-Type": "application/x-www-form-urlencoded", "Cookie": page.headers["cookies"]}
    return write_request("POST", path, headers, urlencode(fields, safe="#"))
