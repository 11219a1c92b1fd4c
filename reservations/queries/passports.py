"""The device passport of a product in a market."""

from __future__ import annotations

from datetime import datetime

from reservations.models import Passport
from reservations.queries.facts import World


def passport_of(world: World, *, product: str, market: str, at: datetime) -> Passport | None:
    """The one in force at an instant, with its product; None where there is none."""
    found = world.passport(product, market, at)
    return Passport.objects.select_related("product").get(pk=found.id) if found else None
