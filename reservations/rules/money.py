"""Amounts of money: whole minor units of an ISO 4217 currency; never floats, never mixed."""

from __future__ import annotations

from dataclasses import dataclass

# ISO 4217 exponents that are not 2, for the currencies of our markets and their neighbours.
_EXPONENTS = {"JPY": 0, "KRW": 0, "CLP": 0, "VND": 0, "ISK": 0, "PYG": 0, "UGX": 0, "XAF": 0, "XOF": 0} | {
    "KWD": 3,
    "BHD": 3,
    "JOD": 3,
    "OMR": 3,
    "TND": 3,
}


# Where Stripe counts in another unit than ISO 4217: hundredths of a unit that has none.
# Source: docs.stripe.com/currencies, "Special cases".
_STRIPE_EXPONENTS = {"ISK": 2, "UGX": 2}
# Stripe takes amounts of three-decimal currencies only in whole tens. The same source.
_STRIPE_ROUNDS_TO = 10


def exponent(currency: str) -> int:
    """Decimal places of an ISO 4217 currency."""
    return _EXPONENTS.get(currency, 2)


def to_stripe(money: Money) -> int:
    """The amount as Stripe counts it. Raises ValueError where Stripe cannot charge it."""
    if exponent(money.currency) == 3 and money.amount_minor % _STRIPE_ROUNDS_TO:
        raise ValueError(f"{money.currency} is charged in whole tens of its smallest unit, not {money.amount_minor}")
    return money.amount_minor * _stripe_factor(money.currency)


def from_stripe(amount: int, currency: str) -> Money:
    """What Stripe reports, in ISO 4217 minor units. Stripe writes currencies in lower case. Raises ValueError."""
    code = currency.upper()
    whole, rest = divmod(amount, _stripe_factor(code))
    if rest:
        raise ValueError(f"{amount} {code} of Stripe is no whole minor unit")
    return Money(whole, code)


def fee_from_stripe(amount: int, currency: str) -> Money:
    """A fee, which may be a part of a minor unit: rounded up."""
    code = currency.upper()
    return Money(-(-amount // _stripe_factor(code)), code)


def _stripe_factor(currency: str) -> int:
    power = _STRIPE_EXPONENTS.get(currency, exponent(currency)) - exponent(currency)
    return int(10**power)


@dataclass(frozen=True, order=False)
class Money:
    """An amount in minor units (cents, yen, fils) and its ISO 4217 code."""

    amount_minor: int
    currency: str

    def __add__(self, other: Money) -> Money:
        return Money(self.amount_minor + self._same(other), self.currency)

    def __sub__(self, other: Money) -> Money:
        return Money(self.amount_minor - self._same(other), self.currency)

    def times(self, quantity: int) -> Money:
        return Money(self.amount_minor * quantity, self.currency)

    def tax_included(self, basis_points: int) -> Money:
        """The tax inside a gross amount, at a rate in hundredths of a percent, rounded half up to a minor unit."""
        numerator = self.amount_minor * basis_points
        denominator = 10_000 + basis_points
        return Money((2 * numerator + denominator) // (2 * denominator), self.currency)

    def _same(self, other: Money) -> int:
        if other.currency != self.currency:
            raise ValueError(f"cannot mix {self.currency} with {other.currency}")
        return other.amount_minor
