"""Name, phone, address, e-mail, and being invited together: what a customer changes with no effect on the line."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from django.db import transaction

from reservations.actions import inviting, lines, sizing
from reservations.actions.owing import owe
from reservations.actions.relocating import Change, relocate
from reservations.models import AddressChange, Message, Reservation
from reservations.rules import lifecycle, limits

CONFIRM_ADDRESS, NEW_LINK = "confirm_address", "new_link"
LINK_AGAIN_AFTER = timedelta(minutes=10)


class Unusable(Exception):
    """The link does not confirm this address any more: another was asked for since, or it is confirmed."""


class CannotPair(Exception):
    """Two different live reservations of one launch, neither of them in a pair, can be a pair."""


@dataclass(frozen=True, kw_only=True)
class Contact:
    """Who gets it and where. `address` is by line: street, city, postcode."""

    name: str
    phone: str = ""
    address: Mapping[str, str]


@dataclass(frozen=True, kw_only=True)
class Amendment:
    """What is to be other than it is; None: as it is. `given` is requirement id → version of each consent."""

    change: Change | None = None
    name: str | None = None
    phone: str | None = None
    address: Mapping[str, str] | None = None
    email: str | None = None
    given: Mapping[str, str] = field(default_factory=dict)


@transaction.atomic
def amend(*, reservation: Reservation, amendment: Amendment, at: datetime, actor: str) -> Reservation:
    """All of it or nothing. An e-mail address counts once its owner follows the link that is mailed to it.

    Raises what `relocate`, `amend_contact` and `ask_for_address` raise.
    """
    row, change = reservation, amendment.change
    if change is not None and change.sku in {each.sku for each in sizing.sizes_of(row)} and sizing.is_open(row):
        row = sizing.choose_size(reservation=row, sku=str(change.sku), at=at, actor=actor)
        change = replace(change, sku=None) if change.market or change.subdivision else None
    if change is not None:
        row = relocate(
            reservation=row,
            change=change,
            given=amendment.given,
            shown_digest=None,
            at=at,
            actor=actor,
            language=row.language,
        )
    contact = Contact(
        name=row.name if amendment.name is None else amendment.name,
        phone=row.phone if amendment.phone is None else amendment.phone,
        address=(row.address or {}) if amendment.address is None else amendment.address,
    )
    row = amend_contact(reservation=row, contact=contact, at=at, actor=actor)
    if amendment.email is not None:
        asked = ask_for_address(reservation=row, email=amendment.email, at=at, actor=actor)
        if asked is not None and row.is_sandbox:  # no mail is sent there
            row = confirm_address(change=asked, at=at)
    return row


def _locked(reservation: Reservation, *, wanted: str) -> Reservation:
    [row] = lines.lock([reservation.pk])
    if row.status not in lifecycle.LIVE:
        raise lines.CannotMove(row.reference, row.status, wanted)
    return row


@transaction.atomic
def amend_contact(*, reservation: Reservation, contact: Contact, at: datetime, actor: str) -> Reservation:
    """Store name, phone and delivery address. The log says which changed, and nothing personal. Raises CannotMove."""
    row = _locked(reservation, wanted="amended")
    new = {"name": contact.name, "phone": contact.phone, "address": dict(contact.address) or None}
    changed = [field for field, value in new.items() if getattr(row, field) != value]
    if changed:
        Reservation.objects.filter(pk=row.pk).update(**{field: new[field] for field in changed})
        lines.note(row, "amended", at=at, actor=actor, facts={"fields": changed})
        for field in changed:
            setattr(row, field, new[field])
    return row


@transaction.atomic
def ask_for_address(*, reservation: Reservation, email: str, at: datetime, actor: str) -> AddressChange | None:
    """Mail a link to the new address; nothing changes before its owner follows it. None: it is the address already.

    Only the newest link counts. Raises CannotMove, LimitReached.
    """
    row = _locked(reservation, wanted="amended")
    if email == row.email:
        return None
    _check_limit(row, email)
    earlier = row.address_changes.order_by("-number").first()
    row.address_changes.filter(ended_at=None).update(ended_at=at)
    versions = owe([row], kind=CONFIRM_ADDRESS, at=at)
    number = versions.get(row.pk, (earlier.number if earlier else 0) + 1)
    change = AddressChange.objects.create(reservation=row, number=number, email=email, asked_at=at)
    lines.note(row, "address_asked", at=at, actor=actor)
    return change


def _check_limit(row: Reservation, email: str) -> None:
    """Somebody else's reservations count for them: one person does not hold more by another's address."""
    key = limits.email_key(email)
    if key != row.email_key:
        lines.check_limit(row, row.quantity, email_key=key)


@transaction.atomic
def confirm_address(*, change: AddressChange, at: datetime) -> Reservation:
    """The owner of the new address says so: everything goes there from now on, and links that were mailed before are
    dead. An invitation that had not arrived is sent again. Raises Unusable, CannotMove, LimitReached.
    """
    [row] = lines.lock([change.reservation_id], customers=[limits.email_key(change.email)])
    kept = AddressChange.objects.select_for_update().get(pk=change.pk)
    if kept.ended_at is not None:
        raise Unusable
    if row.status not in lifecycle.LIVE:
        raise lines.CannotMove(row.reference, row.status, "amended")
    _check_limit(row, kept.email)
    key = limits.email_key(kept.email)
    if key != row.email_key:
        before = (row.launch_id, row.variant.product_id, row.email_key, row.is_sandbox)
        lines.count_units(before, -row.quantity)
        lines.count_units((*before[:2], key, row.is_sandbox), row.quantity)
    Reservation.objects.filter(pk=row.pk).update(email=kept.email, email_key=key)
    AddressChange.objects.filter(pk=kept.pk).update(confirmed_at=at, ended_at=at)
    row.email, row.email_key = kept.email, key
    lines.note(row, "address_changed", at=at, actor="customer")
    if row.invitations.filter(ended_at=None, delivered_at=None).exists():
        inviting.invite_again(row, at=at)
    else:
        owe([row], kind=NEW_LINK, at=at)
    return row


@transaction.atomic
def send_links(*, email: str, at: datetime) -> int:
    """Mail the link of each live reservation of an address to it; of each at most once in some minutes."""
    key = limits.email_key(email)
    rows = Reservation.objects.filter(email_key=key, email__iexact=email, is_sandbox=False)
    lately = Message.objects.filter(kind=NEW_LINK, due_at__gt=at - LINK_AGAIN_AFTER, reservation__email_key=key)
    known = set(lately.values_list("reservation_id", flat=True))
    found = [row for row in rows.select_for_update(of=("self",)).order_by("pk") if row.pk not in known]
    owe(found, kind=NEW_LINK, at=at)
    return len(found)


@transaction.atomic
def pair(*, reservation: Reservation, other: Reservation, at: datetime, actor: str) -> uuid.UUID:
    """Both are invited together or not at all. Raises CannotPair."""
    rows = lines.lock([reservation.pk, other.pk])
    fit = [row for row in rows if row.status in (lifecycle.CONFIRMED, lifecycle.WAITLISTED) and row.pair is None]
    if len(fit) < 2 or len({(row.launch_id, row.is_sandbox) for row in fit}) > 1:
        raise CannotPair
    name = uuid.uuid4()
    Reservation.objects.filter(pk__in=[row.pk for row in fit]).update(pair=name)
    for row in fit:
        lines.note(row, "paired", at=at, actor=actor)
    return name


@transaction.atomic
def part(*, reservation: Reservation, at: datetime, actor: str) -> bool:
    """Each goes on alone. False: it was in no pair."""
    [row] = lines.lock([reservation.pk])
    if row.pair is None:
        return False
    rows = lines.lock(Reservation.objects.filter(pair=row.pair).values_list("pk", flat=True))
    Reservation.objects.filter(pk__in=[each.pk for each in rows]).update(pair=None)
    for each in rows:
        lines.note(each, "parted", at=at, actor=actor)
    return True
