"""The letter of a message, in the language that its cause was made in.

On launch day the same letter goes to thousands of people. So it is rendered once, with its styles inlined, as a form:
where it differs from customer to customer there is a slot, and filling the slots makes it somebody's. Nothing of one
customer can reach another's letter, since what the templates are given of a customer is slots and nothing else.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date
from functools import lru_cache

import css_inline
from django.conf import settings
from django.template.loader import render_to_string
from django.utils import translation
from django.utils.html import escape
from django.utils.translation import gettext, ngettext

from reservations.actions.holding import ON_HOLD, RELEASED
from reservations.gateways import mail
from reservations.models import EvidenceWarning, Hold, Message, NotifyRequest, Reservation
from reservations.queries import evidence, links, receipts, texts
from reservations.queries.receipts import Receipt
from reservations.rules import lifecycle

STAFF_LANGUAGE = "en"
MOST_LETTERS = 512  # about 15 kB each
SLOT = re.compile("\ue000(\\w+)\ue001")  # characters that no text of ours holds


def slot(name: str) -> str:
    return f"\ue000{name}\ue001"


@dataclass(frozen=True, kw_only=True)
class AboutReservation:
    """What the letters about many reservations have in common."""

    receipt: Receipt
    is_waiting: bool
    hold: str = ""  # what stands in the way, or stood
    slots = ("number", "ahead", "reference", "name", "url", "reserved")


@dataclass(frozen=True, kw_only=True)
class AboutWish:
    """What the letters about many wishes to be told have in common."""

    product: str
    country: str
    product_url: str
    slots = ("confirm_url", "end_url")


@dataclass(frozen=True, kw_only=True)
class AboutEvidence:
    """A letter to an officer about evidence that ends. Staff read English, as in the admin."""

    evidence: str
    requirement: str
    issuer: str
    identifier: str
    expires_on: date | None
    url: str
    slots = ()


class Form:
    """A text cut at its slots, to be filled in many times. What is filled in is never looked at again."""

    def __init__(self, text: str) -> None:
        self._pieces = SLOT.split(text)  # text, slot, text, slot, text

    def fill(self, values: Mapping[str, str]) -> str:
        pieces = self._pieces.copy()
        pieces[1::2] = [values[name] for name in pieces[1::2]]
        return "".join(pieces)


@dataclass(frozen=True)
class Letter:
    """The forms of a letter."""

    subject: Form
    text: Form
    html: Form


def write(message: Message, *, people_ahead: int) -> mail.Mail:
    """The mail of a message. `people_ahead` matters only where it is about a reservation."""
    cause = message.reservation or message.notify_request or message.warning
    if cause is None:
        raise ValueError(f"message {message.pk} has no cause")
    about: AboutReservation | AboutWish | AboutEvidence
    language = STAFF_LANGUAGE if isinstance(cause, EvidenceWarning) else cause.language
    with translation.override(language):
        if isinstance(cause, Reservation):
            about, values = _about_reservation(cause, people_ahead)
            about = replace(about, hold=_hold_of(message))
        elif isinstance(cause, NotifyRequest):
            about, values = _about_wish(cause)
        else:
            about, values = _about_evidence(cause)
        letter = _render(message.kind, language, about)
    headers = {"Auto-Submitted": "auto-generated"}
    if "end_url" in values:
        headers["List-Unsubscribe"] = f"<{values['end_url']}>"
    return mail.Mail(
        sender=settings.EMAIL_SENDER,
        recipient=cause.officer.email if isinstance(cause, EvidenceWarning) else cause.email,
        subject=letter.subject.fill(values),
        text=letter.text.fill(values),
        html=letter.html.fill({name: escape(value) for name, value in values.items()}),
        headers=headers,
    )


@lru_cache(maxsize=MOST_LETTERS)
def _render(kind: str, language: str, about: AboutReservation | AboutWish | AboutEvidence) -> Letter:
    """What all letters of this kind have in common, in the active language, which is `language`."""
    context = vars(about) | {name: slot(name) for name in about.slots} | {"language": language}
    subject = " ".join(render_to_string(f"mail/{kind}.subject.txt", context).split())
    text = render_to_string(f"mail/{kind}.txt", context)
    html = render_to_string(f"mail/{kind}.html", context | {"subject": subject})
    return Letter(Form(subject), Form(text), Form(css_inline.inline(html)))


def _about_reservation(reservation: Reservation, people_ahead: int) -> tuple[AboutReservation, dict[str, str]]:
    receipt = receipts.read(reservation)
    values = {
        "number": str(reservation.place_number),
        "ahead": _ahead(people_ahead),
        "reference": reservation.reference,
        "name": reservation.name,
        "url": settings.SITE_URL + links.reservation_path(reservation),
        "reserved": receipt.reserved,
    }
    # A consent is given by reserving, at the same instant.
    consents = tuple(replace(consent, accepted=slot("reserved")) for consent in receipt.consents)
    common = replace(receipt, consents=consents, reserved=slot("reserved"))
    return AboutReservation(receipt=common, is_waiting=reservation.status == lifecycle.WAITLISTED), values


def _hold_of(message: Message) -> str:
    """The title of the requirement that a message about a hold is about."""
    if message.kind not in (ON_HOLD, RELEASED):
        return ""
    hold = Hold.objects.get(reservation=message.reservation, number=message.version)
    return texts.obstacle(hold.code, hold.title)


def _ahead(people: int) -> str:
    if not people:
        return gettext("Nobody is ahead of you.")
    words = ngettext("%(people)s person is ahead of you.", "%(people)s people are ahead of you.", people)
    return words % {"people": people}


def _about_wish(wish: NotifyRequest) -> tuple[AboutWish, dict[str, str]]:
    about = AboutWish(
        product=texts.translated(wish.product.name),
        country=texts.country(wish.market.code),
        product_url=settings.SITE_URL + links.product_path(wish.language, wish.market_id, wish.product.slug),
    )
    values = {
        "confirm_url": settings.SITE_URL + links.wish_path(wish, "confirm"),
        "end_url": settings.SITE_URL + links.wish_path(wish, "end"),
    }
    return about, values


def _about_evidence(warning: EvidenceWarning) -> tuple[AboutEvidence, dict[str, str]]:
    row = warning.evidence
    about = AboutEvidence(
        evidence=row.pk,
        requirement=row.requirement.title,
        issuer=row.issuer,
        identifier=row.identifier,
        expires_on=evidence.expiry(row),
        url=settings.SITE_URL + links.evidence_path(row),
    )
    return about, {}
