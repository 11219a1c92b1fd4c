"""From the files of `data/` to rows of the tables, checked against each other."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any
from zoneinfo import available_timezones

import pycountry
from babel.numbers import is_currency

from reservations.launchdata.files import BadLaunchData, Fields, Row, is_country, is_duration, once, read_rows
from reservations.launchdata.passports import read_passports
from reservations.launchdata.products import KINDS, read_amount, read_prices, read_products
from reservations.rules import consistency, destinations, gate
from reservations.rules.money import Money, to_stripe

_SUBDIVISIONS = {row.code: row for row in pycountry.subdivisions}


@dataclass(frozen=True)
class LaunchData:
    """Rows by table; foreign keys are named by slug, code or SKU."""

    markets: list[Fields]
    products: list[Fields]
    variants: list[Fields]
    prices: list[Fields]
    requirements: list[Fields]
    evidence: list[Fields]
    passports: list[Fields]
    launches: list[Fields]


def read_launch_data(folder: Path) -> LaunchData:
    """Read and check the whole folder. Raises BadLaunchData for the first thing that is wrong."""
    markets = list(_markets(read_rows(folder / "markets.yaml")))
    codes = {market["code"]: market for market in markets}
    requirement_file = read_rows(folder / "requirements.yaml")
    conditions = read_conditions(requirement_file)
    requirements = read_requirements(requirement_file)
    product_file = read_rows(folder / "products.yaml")
    products, variants = read_products(product_file, conditions)
    skus = {variant["sku"]: variant for variant in variants}
    slugs = {product["slug"] for product in products}
    return LaunchData(
        markets=markets,
        products=products,
        variants=variants,
        prices=list(read_prices(product_file, codes, variants)),
        requirements=requirements,
        evidence=read_evidence(
            read_rows(folder / "evidence.yaml"), {row["id"]: row for row in requirements}, slugs, set(skus)
        ),
        passports=read_passports(
            read_rows(folder / "passports.yaml"), codes, {product["slug"]: product for product in products}
        ),
        launches=list(_launches(read_rows(folder / "launches.yaml"), codes, slugs, skus)),
    )


def _is_subdivision(word: str) -> bool:
    return word in _SUBDIVISIONS


def _markets(file: Row) -> Iterator[Fields]:
    file.allow("meta", "markets")
    seen: set[str] = set()
    zones = available_timezones()
    for row in file.rows("markets"):
        row.allow(
            *"code name product_law_region currency minor_units languages vat_standard_rate vat_confidence".split(),
            *"tax_inclusive_display timezone withdrawal_days withdrawal_confidence digital_consent_age".split(),
            *"digital_consent_age_confidence stripe_presentment stripe_note notes audited_on".split(),
        )
        code = row.word("code", is_country, "an ISO 3166-1 alpha-2 country")
        once(row, "code", seen)
        rate = row.get("vat_standard_rate", (int, float), None)
        yield {
            "code": code,
            "name": row.get("name", str),
            "region": row.get("product_law_region", str),
            "currency": row.word("currency", is_currency, "an ISO 4217 currency"),
            "languages": row.words("languages", bool, "a BCP 47 language"),
            "tax_basis_points": None if rate is None else round(rate * 100),
            "tax_display": row.word(
                "tax_inclusive_display",
                ("law", "convention", "exclusive", "not_applicable").__contains__,
                "a tax display",
            ),
            "timezone": row.word("timezone", zones.__contains__, "an IANA time zone"),
            "withdrawal_days": row.get("withdrawal_days", int, None),
            "digital_consent_age": row.get("digital_consent_age", int, None),
            "subdivisions": [
                {"code": each.code, "name": each.name}
                for each in sorted(_SUBDIVISIONS.values(), key=lambda each: each.name)
                if each.country_code == code
                and each.parent_code is None
                and destinations.settle(code, each.code).country == code
            ],
            "notes": row.get("notes", str, None) or "",
        }


def read_conditions(file: Row) -> frozenset[Any]:
    """The conditions that requirements.yaml names."""
    return frozenset(file.row("conditions").values)


def read_requirements(file: Row) -> list[Fields]:
    """The rows of requirements.yaml. Raises BadLaunchData for the first thing that is wrong."""
    return list(_requirements(file, read_conditions(file)))


def read_evidence(file: Row, requirements: dict[str, Fields], slugs: set[str], skus: set[str]) -> list[Fields]:
    """The rows of evidence.yaml, which name rows of these tables. Raises BadLaunchData for the first that is wrong."""
    return list(_evidence(file, requirements, slugs, skus))


def _requirements(file: Row, conditions: frozenset[Any]) -> Iterator[Fields]:
    file.allow("meta", "groups", "subdivision_groups", "conditions", "requirements")
    seen: set[str] = set()
    rows = list(file.rows("requirements"))
    ids = {row.get("id", str) for row in rows}
    found: list[tuple[Row, Fields]] = []
    for row in rows:
        row.allow(
            *"id title authority jurisdiction legal_basis applies_to category effect_when_missing evidence".split(),
            *"local_representative_required effective_from effective_to customer_facing_notice notes stage".split(),
            *"source confidence audited_on subdivisions exclude_subdivisions review_subdivisions product_types".split(),
            "condition",
            *"evidence_validity transition_until inherits per_country_evidence site_feature blocks_option".split(),
        )
        fields = {"id": once(row, "id", seen), **_requirement(row, conditions, ids)}
        _refuse_faults(row, consistency.requirement_faults(fields))
        found.append((row, fields))
    for number, (row, fields) in enumerate(found):
        _refuse_faults(row, consistency.clashes(fields, (earlier for _, earlier in found[:number])))
        yield fields


def _refuse_faults(row: Row, faults: Iterator[consistency.Fault]) -> None:
    for field, remedy in faults:
        raise row.fail(field, remedy)


def _condition(row: Row, known: frozenset[Any]) -> str:
    condition = row.get("condition", str, None) or ""
    if condition and condition not in known:
        raise row.fail("condition", f"{condition!r} is not among the conditions of this file")
    return condition


def _validity(row: Row) -> str:
    """An ISO 8601 duration, or nothing."""
    validity = row.get("evidence_validity", str, None) or ""
    if validity and not is_duration(validity):
        raise row.fail("evidence_validity", f"{validity!r} is not an ISO 8601 duration of years, months or days")
    return validity


def _requirement(row: Row, conditions: frozenset[Any], ids: set[str]) -> Fields:
    effect = row.word("effect_when_missing", gate.EFFECTS.__contains__, f"one of {', '.join(gate.EFFECTS)}")
    notice = row.get("customer_facing_notice", str, None) or ""
    starts, ends = row.get("effective_from", date, None), row.get("effective_to", date, None)
    source = row.row("source")
    is_capability = gate.CAPABILITIES.__contains__
    return {
        "title": row.get("title", str),
        "authority": row.get("authority", str),
        "legal_basis": row.get("legal_basis", str),
        "category": row.get("category", str),
        "jurisdiction": row.words("jurisdiction", is_country, "an ISO 3166-1 alpha-2 country"),
        "applies_to": row.words("applies_to", is_capability, "a known capability"),
        "effect_when_missing": effect,
        "stage": row.word("stage", gate.DUTY_STAGES.__contains__, f"one of {', '.join(gate.DUTY_STAGES)}"),
        "effective_from": starts,
        "effective_to": ends,
        "transition_until": row.get("transition_until", date, None),
        "customer_facing_notice": notice,
        "evidence_wanted": row.get("evidence", str),
        "evidence_validity": _validity(row),
        "local_representative_required": row.get("local_representative_required", bool),
        "per_country_evidence": row.get("per_country_evidence", bool, False),
        "site_feature": row.get("site_feature", bool, False),
        **{
            field: row.words(field, _is_subdivision, "an ISO 3166-2 subdivision", [])
            for field in ("subdivisions", "exclude_subdivisions", "review_subdivisions")
        },
        "product_types": row.words("product_types", KINDS.__contains__, "a kind of product", []),
        "condition": _condition(row, conditions),
        "blocks_option": row.get("blocks_option", str, None) or "",
        "inherits": row.words("inherits", ids.__contains__, "a requirement of this file", []),
        "notes": row.get("notes", str, None) or "",
        "source_title": source.get("title", str),
        "source_url": source.get("url", str, None) or "",
        "confidence": row.get("confidence", str),
        "audited_on": row.get("audited_on", date, None),
    }


def _evidence(file: Row, requirements: dict[str, Fields], slugs: set[str], skus: set[str]) -> Iterator[Fields]:
    seen: set[str] = set()
    for row in file.rows("evidence"):
        row.allow(
            *"id requirement products variants markets subdivisions identifier issuer issued_on expires_on".split(),
            *"document status sample battery responsible".split(),
        )
        issued, expires = row.get("issued_on", date), row.get("expires_on", date, None)
        if expires is not None and expires <= issued:
            raise row.fail("expires_on", "must be after issued_on")
        products = row.words("products", slugs.__contains__, "a product", [])
        variants = row.words("variants", skus.__contains__, "a SKU", [])
        if not products and not variants:
            raise row.fail("products", "name the products or variants that this document covers")
        fields = {
            "id": once(row, "id", seen),
            "requirement": row.word("requirement", requirements.__contains__, "a requirement of requirements.yaml"),
            "products": products,
            "variants": variants,
            "battery": row.get("battery", str, None) or "",
            "responsible": row.get("responsible", str, None) or "",
            "markets": row.words("markets", is_country, "an ISO 3166-1 alpha-2 country", []),
            "subdivisions": row.words("subdivisions", _is_subdivision, "an ISO 3166-2 subdivision", []),
            "identifier": row.get("identifier", str),
            "issuer": row.get("issuer", str),
            "issued_on": issued,
            "expires_on": expires,
            "document": row.get("document", str, None) or "",
            "status": row.word(
                "status", ("draft", "submitted", "approved").__contains__, "draft, submitted or approved"
            ),
            "is_sample": row.get("sample", bool, False),
        }
        _refuse_faults(row, consistency.evidence_faults(fields, requirements[fields["requirement"]]))
        yield fields


def _launches(file: Row, markets: dict[str, Fields], slugs: set[str], skus: dict[str, Fields]) -> Iterator[Fields]:
    seen: set[str] = set()
    for row in file.rows("launches"):
        row.allow(
            *"slug name products opens_at closes_at per_customer_limit has_waiting_list ships markets windows".split(),
            *("pools", "deposits"),
        )
        codes = row.words("markets", markets.__contains__, "a market")
        special = row.row("windows", None)
        for code in special.values:
            if code not in codes:
                raise special.fail(str(code), "is not a market of this launch")
        ships = row.row("ships", None)
        yield {
            "slug": once(row, "slug", seen),
            "name": dict(row.row("name").values),
            "products": row.words("products", slugs.__contains__, "a product"),
            "per_customer_limit": row.get("per_customer_limit", int),
            "has_waiting_list": row.get("has_waiting_list", bool),
            "ships_from": ships.get("from", date, None),
            "ships_to": ships.get("to", date, None),
            "windows": {
                code: _window(special.row(code, None) if code in special.values else row, row) for code in codes
            },
            "deposits": _deposits(row.row("deposits", None), {code: markets[code] for code in codes}),
            "pools": list(_pools(row, codes, skus)),
        }


def _deposits(row: Row, markets: dict[str, Fields]) -> dict[str, int]:
    """Market → minor units for each unit, of those markets of the launch in which a deposit is asked."""
    found = {}
    for code in map(str, row.values):
        if code not in markets:
            raise row.fail(code, "is not a market of this launch")
        amount, currency = read_amount(row, code)
        if currency != markets[code]["currency"]:
            raise row.fail(code, f"{currency} is not the currency of {code}")
        try:
            to_stripe(Money(amount, currency))
        except ValueError as error:
            raise row.fail(code, str(error)) from error
        found[code] = amount
    return found


def _window(row: Row, launch: Row) -> tuple[datetime, datetime | None]:
    opens = _instant(row if "opens_at" in row.values else launch, "opens_at")
    closes = _instant(row if "closes_at" in row.values else launch, "closes_at")
    if opens is None:
        raise launch.fail("opens_at", "is missing")
    if closes is not None and closes <= opens:
        raise row.fail("closes_at", "must be after opens_at")
    return opens, closes


def _instant(row: Row, field: str) -> datetime | None:
    value = row.get(field, datetime, None)
    if value is None:
        return None
    if value.tzinfo is None:
        raise row.fail(field, "say the offset from UTC, such as a Z at the end")
    return datetime.fromtimestamp(value.timestamp(), UTC)


def _pools(launch: Row, codes: list[str], skus: dict[str, Fields]) -> Iterator[Fields]:
    pooled: set[str] = set()
    for row in launch.rows("pools"):
        row.allow("pool", "markets", "capacity")
        members = row.words("markets", codes.__contains__, "a market of this launch")
        for code in members:
            if code in pooled:
                raise row.fail("markets", f"{code} is in two pools")
            pooled.add(code)
        capacity = row.row("capacity")
        for sku in capacity.values:
            if sku not in skus or skus[str(sku)]["product"] not in launch.get("products", list):
                raise capacity.fail(str(sku), "is not a SKU of this launch")
            if capacity.get(str(sku), int) < 0:
                raise capacity.fail(str(sku), "must not be negative")
        yield {"pool": row.get("pool", str), "markets": members, "capacity": dict(capacity.values)}
    missing = sorted(set(codes) - pooled)
    if missing:
        raise launch.fail("pools", f"no pool serves {', '.join(missing)}")


__all__ = ["BadLaunchData", "LaunchData", "read_launch_data"]
