"""Products, their variants and their prices, from `products.yaml`."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from typing import Any

from babel.numbers import is_currency

from reservations.launchdata.files import Fields, Row, once
from reservations.rules import gate
from reservations.rules.sizes import LATER, SIZE

KINDS = ("glasses", "ring", "earphones")


def read_products(file: Row, conditions: frozenset[Any]) -> tuple[list[Fields], list[Fields]]:
    file.allow("meta", "products", "illustrative_prices", "illustrative_deposits")
    sources = {row.get("id", str): row.get("title", str) for row in file.row("meta").rows("sources")}
    seen: set[str] = set()
    skus: set[str] = set()
    products, variants = [], []
    for position, row in enumerate(file.rows("products")):
        row.allow(
            "slug",
            "kind",
            "name",
            "tagline",
            "capabilities",
            "conditions",
            "reported",
            "illustrative",
            "status",
            "variants",
        )
        slug = once(row, "slug", seen)
        given = row.row("conditions")
        for condition in given.values:
            if condition not in conditions:
                raise given.fail(str(condition), "is not among the conditions of requirements.yaml")
            given.get(str(condition), bool, None)
        products.append(
            {
                "slug": slug,
                "kind": row.word("kind", KINDS.__contains__, f"one of {', '.join(KINDS)}"),
                "name": dict(row.row("name").values),
                "tagline": dict(row.row("tagline").values),
                "capabilities": row.words("capabilities", gate.CAPABILITIES.__contains__, "a known capability"),
                "conditions": dict(given.values),
                "specs": {
                    str(name): {**spec, "source": _source_titles(spec, sources)}
                    for name, spec in row.row("reported", None).values.items()
                    if name != "price" and isinstance(spec, dict)
                },
                "position": position,
            }
        )
        variants += [
            {"product": slug, "position": place, **variant} for place, variant in enumerate(_variants(row, skus))
        ]
    return products, variants


def _source_titles(spec: Fields, sources: dict[str, str]) -> str:
    """Where a fact was read, in words."""
    return "; ".join(sources.get(word.strip(), word.strip()) for word in str(spec.get("source", "")).split(",") if word)


def _variants(product: Row, seen: set[str]) -> Iterator[Fields]:
    """Listed variants, or every combination of options with a SKU by pattern."""
    given = product.get("variants", (list, dict))
    if isinstance(given, list):
        for row in product.rows("variants"):
            row.allow("sku", "options", "without_capabilities")
            yield {
                "sku": once(row, "sku", seen),
                "options": {str(key): str(value) for key, value in row.row("options").values.items()},
                "without_capabilities": row.words(
                    "without_capabilities", gate.CAPABILITIES.__contains__, "a known capability", []
                ),
            }
        return
    row = product.row("variants")
    row.allow("options", "sku_pattern")
    choices = dict(row.row("options").values)
    if SIZE in choices and product.row("illustrative", None).get("size_later", bool, False):
        choices[SIZE] = [LATER, *choices[SIZE]]
    names, pattern = list(choices), row.get("sku_pattern", str)
    for values in itertools.product(*choices.values()):
        options = {str(name): str(value) for name, value in zip(names, values, strict=True)}
        sku = pattern
        for name, value in options.items():
            letters = "ANY" if value == LATER else value
            sku = sku.replace(f"{{{name}:3}}", letters[:3].upper()).replace(f"{{{name}}}", letters)
        if "{" in sku:
            raise row.fail("sku_pattern", f"{pattern!r} names an option that is not there")
        if sku in seen:
            raise row.fail("sku_pattern", f"{sku!r} is given twice")
        seen.add(sku)
        yield {"sku": sku, "options": options, "without_capabilities": []}


def read_prices(file: Row, markets: dict[str, Fields], variants: list[Fields]) -> Iterator[Fields]:
    """Illustrative prices by product and market ("EUR" stands for all euro markets); a reported price goes before."""
    skus: dict[str, list[str]] = {}
    for variant in variants:
        skus.setdefault(variant["product"], []).append(variant["sku"])
    found: dict[tuple[str, str], Fields] = {}
    for slug, price in [*_illustrative_prices(file, markets, set(skus)), *_reported_prices(file, markets)]:
        found |= {(sku, price["market"]): {"variant": sku, **price} for sku in skus[slug]}
    yield from found.values()


def _illustrative_prices(file: Row, markets: dict[str, Fields], slugs: set[str]) -> Iterator[tuple[str, Fields]]:
    table = file.row("illustrative_prices")
    for slug in map(str, table.values):
        if slug not in slugs:
            raise table.fail(slug, "is not a product of this file")
        row = table.row(slug)
        for key in map(str, row.values):
            amount, currency = read_amount(row, key)
            for code in [code for code in markets if markets[code]["currency"] == "EUR"] if key == "EUR" else [key]:
                if code not in markets:
                    raise row.fail(key, "is not a market")
                if markets[code]["currency"] != currency:
                    raise row.fail(key, f"{currency} is not the currency of {code}")
                yield slug, _price(code, amount, currency, is_illustrative=True)


def _reported_prices(file: Row, markets: dict[str, Fields]) -> Iterator[tuple[str, Fields]]:
    for product in file.rows("products"):
        prices = product.row("reported", None).row("price", None)
        for code in map(str, prices.values):
            row = prices.row(code)
            if code not in markets or markets[code]["currency"] != row.get("currency", str):
                raise row.fail("currency", f"is not the currency of {code}")
            amount, currency = row.get("amount_minor", int), row.get("currency", str)
            yield product.get("slug", str), _price(code, amount, currency, is_illustrative=False)


def _price(market: str, amount_minor: int, currency: str, *, is_illustrative: bool) -> Fields:
    return {"market": market, "amount_minor": amount_minor, "currency": currency, "is_illustrative": is_illustrative}


def read_amount(row: Row, key: str) -> tuple[int, str]:
    """Minor units and currency, as in \"500 EUR\"."""
    amount, _, currency = str(row.values[key]).partition(" ")
    if not amount.isdecimal() or int(amount) == 0 or not is_currency(currency):
        raise row.fail(key, f"{row.values[key]!r} is not an amount in minor units and an ISO 4217 currency")
    return int(amount), currency
