"""What a letter about a reservation says, by its kind. The subject says the state and whether anything must be done.

A language is one file, its catalogue in `locale/`. Where letters differ from customer to customer there is a slot.
"""

from __future__ import annotations

from collections.abc import Callable

from reservations.jobs.words import money, order, place
from reservations.jobs.words.shape import About, Facts, Words, slot

__all__ = ["KINDS", "slot", "words_of"]


def words_of(kind: str, about: About) -> Words:
    """In the active language."""
    slots = {name: slot(name) for name in ("number", "deadline", "money", "deposit")}
    return _KINDS[kind](about, {"product": about.product, **slots})


_KINDS: dict[str, Callable[[About, Facts], Words]] = {
    "awaiting_payment": money.awaiting_payment,
    "paid": money.paid,
    "unpaid": money.unpaid,
    "refund": money.refund,
    "refund_failed": money.refund_failed,
    "confirmed": place.confirmed,
    "waitlisted": place.waitlisted,
    "promoted": place.promoted,
    "cancelled": place.cancelled,
    "revoked": place.revoked,
    "on_hold": place.on_hold,
    "released": place.released,
    "moved": place.moved,
    "invited": order.invited,
    "reminder": order.reminder,
    "texted": order.texted,
    "expired": order.expired,
    "set_aside": order.set_aside,
    "put_back": place.put_back,
    "ordered": order.ordered,
    "window": order.window,
    "delay": order.delay,
    "size_asked": order.size_asked,
    "confirm_address": order.confirm_address,
    "new_link": order.new_link,
}
KINDS = tuple(_KINDS)
