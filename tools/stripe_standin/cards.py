"""The test cards, by Stripe's numbers (docs.stripe.com/testing), and what each does."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Card:
    """`decline` is a code; the others say what follows a payment."""

    decline: str = ""
    asks: bool = False  # for 3-D Secure
    dispute: bool = False
    warning: bool = False
    refund: str = ""  # how a refund of it ends: pending, failing


CARDS = {
    "4242424242424242": Card(),
    "4000000000000002": Card(decline="generic_decline"),
    "4000000000009995": Card(decline="insufficient_funds"),
    "4000002760003184": Card(asks=True),
    "4000000000000259": Card(dispute=True),
    "4000000000005423": Card(warning=True),
    "4000000000005126": Card(refund="failing"),
    "4000000000007726": Card(refund="pending"),
}


def tidy(number: str) -> str:
    return "".join(letter for letter in number if letter.isdigit())
