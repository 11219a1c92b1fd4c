"""Every product in every market at one instant."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time

from reservations.models import Market, Product
from reservations.queries.availability import Availability, availabilities

# The years that law and launches are known for.
FIRST_DAY, LAST_DAY = date(2026, 1, 1), date(2035, 12, 31)


@dataclass(frozen=True)
class Matrix:
    """Products in the shop's order, markets by code, and the first variant of each product in each market."""

    products: tuple[Product, ...]
    markets: tuple[Market, ...]
    cells: Mapping[tuple[str, str], Availability]  # product, market

    def of(self, product: str) -> dict[str, Availability]:
        """Market → the cell of one product."""
        return {market.code: self.cells[product, market.code] for market in self.markets}


def read_day(text: str) -> date | None:
    """An ISO 8601 date within the years that law and launches are known for."""
    try:
        day = date.fromisoformat(text)
    except ValueError:
        return None
    return day if FIRST_DAY <= day <= LAST_DAY else None


def beginning(day: date) -> datetime:
    """The instant that stands for a day."""
    return datetime.combine(day, time(), UTC)


def matrix(*, at: datetime, is_replay: bool) -> Matrix:
    """`is_replay`: `at` is another instant than the present. A fixed number of queries."""
    products = tuple(Product.objects.prefetch_related("variants").order_by("position"))
    first = {min(row.variants.all(), key=lambda variant: variant.position).sku: row.slug for row in products}
    found = availabilities(skus=first, at=at, is_replay=is_replay)
    cells = {(first[row.sku], row.market): row for row in found}
    return Matrix(products, tuple(Market.objects.order_by("code")), cells)
