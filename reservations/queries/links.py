"""Signed links that open one thing of one customer, without an account."""

from __future__ import annotations

import hmac
from functools import cache

from django.conf import settings
from django.core.signing import b64_encode
from django.utils.crypto import salted_hmac

from reservations.models import AddressChange, Evidence, NotifyRequest, Reservation

_KEY_LETTERS = 27  # 160 bits in base64


def prefix(language: str, market: str) -> str:
    """The language-market prefix of every customer page, with slashes."""
    return f"/{language}-{market}/".lower()


def product_path(language: str, market: str, slug: str) -> str:
    return f"{prefix(language, market)}products/{slug}/"


def evidence_path(row: Evidence) -> str:
    """The officers' page of evidence in the admin."""
    return f"/admin/reservations/evidence/{row.pk}/change/"


def reservation_path(reservation: Reservation) -> str:
    """The customer's page, with the key that opens it."""
    page = f"{prefix(reservation.language, reservation.market_id)}r/{reservation.reference}/"
    return f"{page}?key={reservation_key(reservation)}"


def reservation_key(reservation: Reservation) -> str:
    """A key bound to the reservation and to the address its link was mailed to."""
    return _sign("reservation", f"{reservation.pk}:{reservation.email}")


def address_path(change: AddressChange) -> str:
    """The page that confirms a new address; its key opens nothing else, and no other change."""
    row = change.reservation
    page = f"{prefix(row.language, row.market_id)}r/{row.reference}/address/{change.pk}/"
    return f"{page}?key={address_key(change)}"


def address_key(change: AddressChange) -> str:
    return _sign("address", f"{change.pk}:{change.email}")


def wish_path(wish: NotifyRequest, step: str) -> str:
    """The page that confirms or ends a wish to be told."""
    return f"{prefix(wish.language, wish.market_id)}notify/{wish.pk}/{step}/?key={wish_key(wish)}"


def wish_key(wish: NotifyRequest) -> str:
    return _sign("wish", str(wish.pk))


def _sign(salt: str, value: str) -> str:
    """As `Signer(salt=salt)` signs it, in a third of the time: each reservation that is made has a link."""
    made = _keyed(salt, settings.SECRET_KEY).copy()
    made.update(value.encode())
    return b64_encode(made.digest()).decode()[:_KEY_LETTERS]


@cache
def _keyed(salt: str, secret: str) -> hmac.HMAC:
    """Keyed, with nothing signed yet."""
    return salted_hmac(f"{salt}signer", "", secret, algorithm="sha256")
