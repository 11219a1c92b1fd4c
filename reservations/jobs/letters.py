"""The letter of a message, in the language that its cause was made in.

On launch day the same letter goes to thousands of people. So it is rendered once, with its styles inlined, as a form:
where it differs from customer to customer there is a slot, and filling the slots makes it somebody's. Nothing of one
customer can reach another's letter, since what the templates are given of a customer is slots and nothing else.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from functools import lru_cache

import css_inline
from django.conf import settings
from django.template.loader import render_to_string
from django.utils import translation
from django.utils.html import escape
from django.utils.translation import gettext, ngettext

from reservations.actions.amending import CONFIRM_ADDRESS
from reservations.actions.estimating import DELAY
from reservations.actions.holding import ON_HOLD, RELEASED
from reservations.actions.inviting import ORDERED
from reservations.actions.lines import ASKED, AWAITING_PAYMENT, PROMOTED, TEXTED
from reservations.actions.paying import PAID
from reservations.actions.refunding import REFUND, REFUND_FAILED, held_money, paid_back, refund_of
from reservations.actions.relocating import MOVED
from reservations.gateways import mail
from reservations.jobs.deadlines import deadline_file
from reservations.jobs.words import slot, words_of
from reservations.models import AddressChange, EvidenceWarning, Hold, Message, NotifyRequest, Reservation
from reservations.queries import evidence, links, receipts, texts
from reservations.queries.places import Window, standings
from reservations.queries.receipts import Receipt
from reservations.rules import gate, lifecycle, telephones

STAFF_LANGUAGE = "en"
PREVIEW = 0  # the version of what is looked at and not sent
MOST_LETTERS = 512  # about 15 kB each
_PLAIN_SPACES = str.maketrans("\u00a0\u202f", "  ")  # amounts hold others, and a header takes none of them
SLOT = re.compile(slot("(\\w+)"))


@dataclass(frozen=True, kw_only=True)
class AboutReservation:
    """What the letters about many reservations have in common."""

    receipt: Receipt
    is_waiting: bool
    window: tuple[str, str] | None
    hold: str = ""  # what stands in the way, or stood
    hours: int = 0  # of an invitation
    must_choose: bool = False
    is_due: bool = False  # a deposit is asked for now
    has_paid: bool = False  # money of theirs is with us, or on its way back
    shows_paid: bool = False  # it is a receipt of money
    slots = ("number", "ahead", "reference", "name", "url", "reserved", "paid")

    @property
    def product(self) -> str:
        return self.receipt.product

    @property
    def may_ship(self) -> bool:
        return self.receipt.may_ship

    @property
    def has_deposit(self) -> bool:
        return bool(self.receipt.deposit)


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


def write(message: Message, *, people_ahead: int, window: Window | None = None) -> mail.Mail:
    """The mail of a message. People ahead and window of delivery matter only where it is about a reservation."""
    cause = message.reservation or message.notify_request or message.warning
    if cause is None:
        raise ValueError(f"message {message.pk} has no cause")
    about: AboutReservation | AboutWish | AboutEvidence
    calendar = b""
    language = STAFF_LANGUAGE if isinstance(cause, EvidenceWarning) else cause.language
    with translation.override(language):
        if isinstance(cause, Reservation):
            about, values, ends_at = _about_reservation(message, cause, people_ahead, window)
            calendar = _calendar(message, cause, ends_at)
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
        recipient=_recipient(message, cause),
        subject=letter.subject.fill(values).translate(_PLAIN_SPACES),
        text=letter.text.fill(values),
        html=letter.html.fill({name: escape(value) for name, value in values.items()}),
        headers=headers,
        calendar=calendar,
    )


def preview(*, kind: str, language: str, reservation: Reservation, at: datetime) -> mail.Mail:
    """A letter as it would go to the holder of a reservation now, in any language. Where it names a deadline that the
    reservation has not, the end of an invitation made at `at` stands in. Nothing is stored.
    """
    reservation.language = language
    if reservation.expires_at is None:
        reservation.expires_at = at + timedelta(hours=reservation.launch.invitation_hours)
    standing = standings([reservation])[reservation.pk]
    message = Message(kind=kind, reservation=reservation, version=PREVIEW, due_at=at)
    return write(message, people_ahead=standing.people_ahead, window=standing.window)


@lru_cache(maxsize=MOST_LETTERS)
def _render(kind: str, language: str, about: AboutReservation | AboutWish | AboutEvidence) -> Letter:
    """What all letters of this kind have in common, in the active language, which is `language`."""
    context = vars(about) | {name: slot(name) for name in about.slots} | {"language": language}
    if isinstance(about, AboutReservation):
        words, template = words_of(kind, about), "reservation"
        subject, context = words.subject, context | {"words": words, "may_ship": about.may_ship}
    else:
        template = kind
        subject = render_to_string(f"mail/{kind}.subject.txt", context)
    subject = " ".join(subject.split())
    if kind == TEXTED:
        return Letter(Form(subject), Form(f"{subject}\n{slot('url')}\n"), Form(""))
    text = render_to_string(f"mail/{template}.txt", context)
    html = render_to_string(f"mail/{template}.html", context | {"subject": subject})
    return Letter(Form(subject), Form(text), Form(css_inline.inline(html)))


def _recipient(message: Message, cause: Reservation | NotifyRequest | EvidenceWarning) -> str:
    if isinstance(cause, EvidenceWarning):
        return cause.officer.email
    if message.kind == CONFIRM_ADDRESS and isinstance(cause, Reservation):
        return _address_change(message, cause).email
    if message.kind == TEXTED and isinstance(cause, Reservation):
        number = "number" if message.version == PREVIEW else telephones.international(cause.phone)
        if not number:
            raise mail.NotAccepted("the telephone number was taken away", is_permanent=True)
        return f"{number}@{settings.SMS_MAIL_DOMAIN}"
    return cause.email


def _address_change(message: Message, row: Reservation) -> AddressChange:
    """The change that a message asks to confirm. Few of these are sent, each with a query of its own."""
    if message.version == PREVIEW:
        return AddressChange(reservation=row, email=row.email)
    return AddressChange.objects.get(reservation=row, number=message.version)


def _about_reservation(
    message: Message, row: Reservation, people_ahead: int, window: Window | None
) -> tuple[AboutReservation, dict[str, str], datetime | None]:
    """What the letter says, what fills its slots, and the instant that it names as its deadline."""
    receipt, path = receipts.read(row), links.reservation_path(row)
    if message.kind == CONFIRM_ADDRESS:
        path = links.address_path(_address_change(message, row))
    values = {
        "number": str(row.place_number),
        "ahead": _ahead(people_ahead),
        "reference": row.reference,
        "name": row.name,
        "url": settings.SITE_URL + path,
        "reserved": receipt.reserved,
    }
    # A consent is given by reserving, at the same instant.
    consents = tuple(
        replace(consent, accepted=slot("reserved")) if consent.accepted == receipt.reserved else consent
        for consent in receipt.consents
    )
    about = AboutReservation(
        receipt=replace(receipt, consents=consents, reserved=slot("reserved")),
        is_waiting=row.status == lifecycle.WAITLISTED,
        window=(texts.day(window.ships_from), texts.day(window.ships_to)) if window else receipt.ships,
        hold=_hold_of(message),
    )
    about, deadline, ends_at = _with_deadline(message, row, about)
    about, money = _with_money(message, row, about)
    about, paid = _with_paid(message, row, about)
    return about, values | {"deadline": deadline, "deposit": receipt.deposit, "money": money, "paid": paid}, ends_at


def _with_paid(message: Message, row: Reservation, about: AboutReservation) -> tuple[AboutReservation, str]:
    """What has arrived, where a letter is the receipt of it."""
    held = held_money([row]).get(row.pk, 0) if message.kind in (PAID, ORDERED) else 0
    return replace(about, shows_paid=bool(held)), texts.amount(held, row.currency)


def _with_money(message: Message, row: Reservation, about: AboutReservation) -> tuple[AboutReservation, str]:
    """What goes back, in words: of a refund its own amount, where a reservation ends all that was paid."""
    if message.kind in (REFUND, REFUND_FAILED):
        refund = refund_of(row, message.version)
        return about, texts.amount(refund.amount_minor, refund.payment.currency) if refund else about.receipt.total
    if message.kind not in lifecycle.GONE:
        return about, ""
    back = paid_back(row)
    return replace(about, has_paid=bool(back)), " + ".join(
        texts.amount(amount.amount_minor, amount.currency) for amount in back
    )


def _calendar(message: Message, row: Reservation, ends_at: datetime | None) -> bytes:
    """The deadline for the customer's calendar, where there are days and not minutes to it."""
    if ends_at is None or message.kind in (AWAITING_PAYMENT, TEXTED):
        return b""
    return deadline_file(row, ends_at=ends_at, made_at=message.due_at)


def _with_deadline(
    message: Message, row: Reservation, about: AboutReservation
) -> tuple[AboutReservation, str, datetime | None]:
    """What an invitation or a delay asks for, and until when: in words, and where it is an instant that too."""
    ends_at = None
    if message.kind in (AWAITING_PAYMENT, PROMOTED, MOVED):
        is_due = row.status == lifecycle.AWAITING_PAYMENT or (message.version == PREVIEW and message.kind != MOVED)
        about, ends_at = replace(about, is_due=is_due and about.has_deposit), row.expires_at
    elif message.kind in ASKED:  # the time to order runs from the delivery of an invitation
        invitation = row.invitations.filter(ended_at=None).first()
        about = replace(about, hours=invitation.hours if invitation else row.launch.invitation_hours)
        ends_at = invitation.ends_at if invitation and message.version != PREVIEW else row.expires_at
    elif message.kind == DELAY:
        asked = row.estimates.filter(must_choose=True).order_by("-number").first()
        answer_by = texts.day(asked.answer_by or asked.ships_to) if asked else ""
        return replace(about, must_choose=asked is not None), answer_by, None
    return about, texts.instant(ends_at, row.market.timezone) if ends_at else "", ends_at


def _hold_of(message: Message) -> str:
    """The title of the requirement that a message about a hold is about."""
    if message.kind not in (ON_HOLD, RELEASED):
        return ""
    hold = Hold.objects.filter(reservation=message.reservation, number=message.version).first()
    return texts.obstacle(hold.code, hold.title) if hold else texts.obstacle(gate.STOP_SALE, "")


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
