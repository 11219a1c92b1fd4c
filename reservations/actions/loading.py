"""Load the launch data into the database: whole or not at all, and the same again changes nothing."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db import models, transaction

from reservations.actions import drawing
from reservations.actions.deciding import rebuild_decisions
from reservations.actions.lines import RAISED, promote
from reservations.actions.recording import record
from reservations.launchdata import LaunchData
from reservations.models import (
    Allotment,
    Deposit,
    Evidence,
    Launch,
    LaunchMarket,
    Market,
    Passport,
    Price,
    Product,
    Requirement,
    Variant,
)
from reservations.rules import evidence as life

Fields = dict[str, Any]


class CapacityBelowHeld(ValueError):
    """The file lowers an allotment under what is already held."""


@dataclass(eq=False)
class EvidenceStays(ValueError):
    """The file changes evidence that is no draft any more; `str()` says what to do instead."""

    evidence: str
    field: str
    status: str

    def __str__(self) -> str:
        return (
            f"evidence {self.evidence} is {self.status} and its {self.field} cannot change: give the new document an "
            "id of its own, and withdraw this one"
        )


@transaction.atomic
def load_launch(*, data: LaunchData, at: datetime, actor: str = "system") -> dict[str, int]:
    """Insert or update every row of the files. Returns how many rows changed, by table.

    Rows that the files do not name stay: staff may have added them. Raises CapacityBelowHeld, EvidenceStays.
    """
    changed = {
        "markets": _put(Market, data.markets, "code"),
        "products": _put(Product, data.products, "slug"),
        "variants": _put_variants(data.variants),
        "prices": _put_prices(data.prices),
        "requirements": _put(Requirement, data.requirements, "id"),
        "evidence": _put_evidence(data.evidence),
        "passports": _put_passports(data.passports),
        "launches": sum(_put_launch(row, at) for row in data.launches),
    }
    for launch_id in Launch.objects.values_list("id", flat=True):
        drawing.prepare(launch_id=launch_id, at=at, actor=actor)
    if any(changed.values()):
        record(at=at, actor=actor, action="launch_data.loaded", subject="launch_data", facts=changed)
    rebuild_decisions(at=at, cause="launch data loaded", actor=actor)
    return changed


@transaction.atomic
def load_passports(*, data: LaunchData, at: datetime, actor: str = "system") -> int:
    """For a shop that is older than its passports, and whose other rows are the staff's by now."""
    slugs = set(Product.objects.values_list("slug", flat=True))
    codes = set(Market.objects.values_list("code", flat=True))
    known = [
        {**row, "markets": [code for code in row["markets"] if code in codes]}
        for row in data.passports
        if row["product"] in slugs
    ]
    changed = _put_passports(known)
    record(at=at, actor=actor, action="launch_data.loaded", subject="launch_data", facts={"passports": changed})
    rebuild_decisions(at=at, cause="device passports loaded", actor=actor)
    return changed


def _put(model: type[models.Model], rows: Iterable[Fields], name: str, *skip: str) -> int:
    kept = {getattr(row, name): row for row in model._default_manager.all()}
    changed = 0
    for fields in rows:
        values = {field: value for field, value in fields.items() if field not in skip}
        changed += _put_one(model, kept.get(fields[name]), values)
    return changed


def _put_evidence(rows: Iterable[Fields]) -> int:
    """The status is the file's for a new row only: afterwards it moves by the acts of officers."""
    kept = Evidence.objects.in_bulk()
    changed = 0
    for fields in rows:
        values = {**fields, "requirement_id": fields["requirement"]}
        del values["requirement"]
        row = kept.get(fields["id"])
        if row is not None:
            del values["status"]
            check_evidence_stays(row, [name for name, value in values.items() if getattr(row, name) != value])
        changed += _put_one(Evidence, row, values)
    return changed


def check_evidence_stays(row: Evidence, differs: Sequence[str]) -> None:
    """Raises EvidenceStays when a field of anything but a draft differs."""
    if differs and row.status != life.DRAFT:
        raise EvidenceStays(row.pk, differs[0], row.status)


def _put_one(model: type[models.Model], kept: models.Model | None, values: Fields) -> int:
    """Write a row unless it stands already just so."""
    if kept is None:
        model(**values).save(force_insert=True)
        return 1
    differs = [field for field, value in values.items() if getattr(kept, field) != value]
    for field in differs:
        setattr(kept, field, values[field])
    if differs:
        kept.save(update_fields=differs)
    return int(bool(differs))


def _put_variants(rows: Iterable[Fields]) -> int:
    products = dict(Product.objects.values_list("slug", "id"))
    return _put(Variant, [{**row, "product_id": products[row["product"]]} for row in rows], "sku", "product")


def _put_passports(rows: Iterable[Fields]) -> int:
    products = dict(Product.objects.values_list("slug", "id"))
    return _put(Passport, [{**row, "product_id": products[row["product"]]} for row in rows], "id", "product")


def _put_prices(rows: Iterable[Fields]) -> int:
    variants = dict(Variant.objects.values_list("sku", "id"))
    kept = {(row.variant_id, row.market_id): row for row in Price.objects.all()}
    changed = 0
    for row in rows:
        values = {
            "variant_id": variants[row["variant"]],
            "market_id": row["market"],
            "amount_minor": row["amount_minor"],
            "currency": row["currency"],
            "is_illustrative": row["is_illustrative"],
        }
        changed += _put_one(Price, kept.get((values["variant_id"], values["market_id"])), values)
    return changed


def _put_launch(row: Fields, at: datetime) -> int:
    values = {
        key: row[key] for key in ("slug", "name", "per_customer_limit", "has_waiting_list", "ships_from", "ships_to")
    }
    changed = _put_one(Launch, Launch.objects.filter(slug=row["slug"]).first(), values)
    launch = Launch.objects.get(slug=row["slug"])
    launch.products.set(Product.objects.filter(slug__in=row["products"]))
    windows = {window.market_id: window for window in launch.windows.all()}
    for code, (opens_at, closes_at) in row["windows"].items():
        values = {"launch_id": launch.pk, "market_id": code, "opens_at": opens_at, "closes_at": closes_at}
        changed += _put_one(LaunchMarket, windows.get(code), values)
    asked = {deposit.market_id: deposit for deposit in launch.deposits.all()}
    for code, amount in row["deposits"].items():
        currency = Market.objects.values_list("currency", flat=True).get(code=code)
        values = {"launch_id": launch.pk, "market_id": code, "amount_minor": amount, "currency": currency}
        changed += _put_one(Deposit, asked.get(code), values)
    variants = dict(Variant.objects.values_list("sku", "id"))
    for pool in row["pools"]:
        for sku, capacity in pool["capacity"].items():
            for is_sandbox in (False, True):
                changed += _put_allotment(launch, pool, variants[sku], capacity, at=at, is_sandbox=is_sandbox)
    return changed


def _put_allotment(
    launch: Launch, pool: Fields, variant_id: int, capacity: int, *, at: datetime, is_sandbox: bool
) -> int:
    """The sandbox has a pool of its own, as large. A capacity that staff changed is set back to the file's.

    Units that this frees go to those who wait.
    """
    key = {
        "launch_id": launch.pk,
        "variant_id": variant_id,
        "pool": pool["pool"],
        "is_sandbox": is_sandbox,
        "partner_id": None,
    }
    kept = Allotment.objects.select_for_update().filter(**key).first()
    if kept is not None and capacity < kept.held:
        raise CapacityBelowHeld(f"pool {pool['pool']}: capacity {capacity} is below the {kept.held} units already held")
    changed = _put_one(Allotment, kept, {**key, "capacity": capacity})
    allotment = Allotment.objects.get(**key)
    allotment.markets.set(Market.objects.filter(code__in=pool["markets"]))
    if changed:
        promote(allotment_id=allotment.pk, at=at, why=RAISED)
    return changed
