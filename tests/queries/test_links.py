"""The keys of signed links."""

from __future__ import annotations

import uuid

from django.core.signing import Signer

from reservations.models import NotifyRequest, Reservation
from reservations.queries import links


def test_a_key_opens_one_thing_of_one_kind() -> None:
    pk = uuid.UUID(int=7)
    rows = [Reservation(id=pk, email=email) for email in ("ada@a.example", "bob@a.example")]
    keys = {*map(links.reservation_key, rows), links.wish_key(NotifyRequest(id=pk))}
    assert len(keys) == 3


def test_a_key_is_signed_as_django_signs() -> None:
    row = Reservation(id=uuid.UUID(int=7), email="ada@a.example")
    signed = Signer(salt="reservation").signature(f"{row.pk}:ada@a.example")
    assert signed.startswith(links.reservation_key(row)) and len(links.reservation_key(row)) == 27
