"""Small worlds for tests: wishes that the sample launch grants."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from reservations.actions.wishes import Wish
from reservations.models import Allotment, AllotmentMarket, Launch, LaunchMarket, Product, Variant
from reservations.queries.facts import current_world

AT = datetime(2026, 11, 25, 12, tzinfo=UTC)
OPENS_AT = datetime(2026, 3, 2, 2, tzinfo=UTC)


def consents(
    sku: str = "S1-BLK", market: str = "DE", subdivision: str | None = None, at: datetime = AT
) -> dict[str, str]:
    """Every consent that a destination asks for, in its present version."""
    decision = current_world().decide(sku, market, subdivision, at).decision
    return {notice.id: notice.version for notice in decision.consents}


def wish(**changes: Any) -> Wish:
    """A wish for one pair of glasses in Germany, with all its consents."""
    sku, market = changes.get("sku", "S1-BLK"), changes.get("market", "DE")
    fields: dict[str, Any] = {
        "sku": sku,
        "quantity": 1,
        "market": market,
        "subdivision": None,
        "language": "en",
        "email": "ada@customers.example",
        "name": "Ada L.",
    }
    fields |= changes
    if "consents" not in fields:
        fields["consents"] = consents(sku, market, fields["subdivision"])
    return Wish(**fields)


def allotment(sku: str = "S1-BLK", market: str = "DE") -> Allotment:
    """The pool that serves a variant in a market directly."""
    return Allotment.objects.get(variant__sku=sku, markets=market, partner=None, is_sandbox=False)


def open_rings(at: datetime) -> Allotment:
    """A launch of rings in Germany, with units for those who do not know their size."""
    launch = Launch.objects.create(slug="ring-2026", name={"en": "Ring"})
    launch.products.add(Product.objects.get(slug="ring"))
    LaunchMarket.objects.create(launch=launch, market_id="DE", opens_at=at)
    variant = Variant.objects.get(sku="RING-GRA-ANY")
    pool = Allotment.objects.create(launch=launch, variant=variant, pool="europe", capacity=5)
    AllotmentMarket.objects.create(allotment=pool, market_id="DE")
    return pool
