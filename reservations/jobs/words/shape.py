"""What a letter depends on and is made of, and the sentences that several letters share."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from django.utils.translation import gettext as _


class About(Protocol):
    """What the words depend on beside the slots."""

    @property
    def product(self) -> str: ...
    @property
    def window(self) -> tuple[str, str] | None: ...
    @property
    def may_ship(self) -> bool: ...
    @property
    def hold(self) -> str: ...
    @property
    def hours(self) -> int: ...
    @property
    def must_choose(self) -> bool: ...
    @property
    def is_waiting(self) -> bool: ...
    @property
    def has_deposit(self) -> bool: ...
    @property
    def is_due(self) -> bool: ...
    @property
    def has_paid(self) -> bool: ...


@dataclass(frozen=True, kw_only=True)
class Words:
    """`button` is on the link to the customer's page; `has_place` tells whether number and rank are shown."""

    subject: str
    heading: str
    paragraphs: tuple[str, ...]
    button: str = ""
    has_place: bool = True
    has_receipt: bool = True


def slot(name: str) -> str:
    """Where a letter differs from customer to customer."""
    return f"\ue000{name}\ue001"  # characters that no text of ours holds


Facts = dict[str, str]


def delivery(about: About) -> str:
    if not about.may_ship:
        return _("Delivery starts when the approval that is still missing is there. Your place is kept until then.")
    if about.window is None:
        return _("We write to you when the delivery date is set.")
    return _("We plan to deliver between %(start)s and %(end)s.") % {"start": about.window[0], "end": about.window[1]}


def no_charge(about: About, facts: Facts) -> str:
    """What is said of money where a reservation ends."""
    if about.has_paid:
        return _("%(money)s goes back to how you paid it. Banks take up to 10 days.") % facts
    return _("Nothing was charged.")


def refundable(about: About) -> str:
    """What cancelling means for money, before it is done."""
    if about.has_deposit:
        return _("Your deposit goes back in full if you cancel.")
    return _("Nothing was charged.")


def deposit_asked(facts: Facts) -> tuple[str, str]:
    """What a deposit is for, and what becomes of it."""
    return (
        _("It is yours once the deposit of %(deposit)s has arrived. It counts towards the price.") % facts,
        _("You get it back in full if you cancel. Without it the place goes to the next, and nothing is charged."),
    )


def arrived(facts: Facts) -> str:
    """What is said of a deposit once it is there."""
    said = _(
        "Your deposit of %(deposit)s has arrived. It counts towards the price, and goes back in full if you cancel."
    )
    return said % facts
