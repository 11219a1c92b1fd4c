"""A place may be held before the size is known: the size is chosen later, and nothing in the line changes by it."""

from __future__ import annotations

from datetime import datetime

from django.db import transaction

from reservations.actions import lines
from reservations.actions.owing import owe
from reservations.actions.wishes import NotAvailableInMarket
from reservations.models import Reservation, Variant
from reservations.queries.facts import current_world
from reservations.rules import lifecycle, sizes

SIZE_ASKED = "size_asked"
OPEN = (lifecycle.WAITLISTED, lifecycle.CONFIRMED, lifecycle.INVITED)


class NoSizeToChoose(Exception):
    """The variant has its size, or has none."""


class UnknownSize(Exception):
    """The product is not made in this size, or no longer."""


class AddressMissing(Exception):
    """It must be known where to send it."""


class SizeMissing(Exception):
    """What is ordered must have a size."""


def is_open(row: Reservation) -> bool:
    """Whether its variant leaves the size to be chosen later."""
    return sizes.is_open(row.variant.options)


def sizes_of(row: Reservation) -> list[Variant]:
    """The variants that a reservation without a size can become, in the order of the shop."""
    same = Variant.objects.filter(product=row.variant.product_id).order_by("position")
    return [each for each in same if sizes.is_size_of(each.options, row.variant.options)]


@transaction.atomic
def choose_size(*, reservation: Reservation, sku: str, at: datetime, actor: str) -> Reservation:
    """Settle, or settle anew, which variant is sent.

    Raises NoSizeToChoose, UnknownSize, NotAvailableInMarket, CannotMove.
    """
    row = _open_row(reservation)
    chosen = next((each for each in sizes_of(row) if each.sku == sku), None)
    if chosen is None:
        raise UnknownSize
    decided = current_world().decide(sku, row.market_id, row.subdivision or None, at)
    if not decided.decision.stages["reserve"]:
        raise NotAvailableInMarket(decided.decision, decided.until, row.subdivision or row.market_id)
    if row.settled_variant_id != chosen.pk:
        Reservation.objects.filter(pk=row.pk).update(settled_variant=chosen)
        lines.note(row, "size_chosen", at=at, actor=actor, facts={"sku": sku})
        row.settled_variant = chosen
    return row


@transaction.atomic
def ask_for_kit(*, reservation: Reservation, at: datetime, actor: str) -> Reservation:
    """A sizing kit is to be sent, once. Raises NoSizeToChoose, AddressMissing, CannotMove."""
    row = _open_row(reservation)
    if not row.address:
        raise AddressMissing
    if row.kit_asked_at is None:
        Reservation.objects.filter(pk=row.pk).update(kit_asked_at=at)
        lines.note(row, "kit_asked", at=at, actor=actor)
        owe([row], kind=SIZE_ASKED, at=at)
        row.kit_asked_at = at
    return row


def _open_row(reservation: Reservation) -> Reservation:
    [row] = lines.lock_rows([reservation.pk])
    if not is_open(row):
        raise NoSizeToChoose
    if row.status not in OPEN:
        raise lines.CannotMove(row.reference, row.status, "sized")
    return row
