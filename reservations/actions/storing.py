"""Storing: the rows of a claim, as statements that travel with its commit."""

from __future__ import annotations

import secrets
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

import orjson
from django.db.models.base import ModelState

from reservations.actions import receipts
from reservations.actions.asks import Ask, Granted, Request
from reservations.actions.preparing import Prepared
from reservations.actions.wishes import Refusal, Wish
from reservations.models import Allotment, Event, IdempotencyKey, Message, Reservation, Wording
from reservations.models.rows import Row, Statement, insert_statement, is_one_of, select_rows, write_rows
from reservations.queries.counters import ALLOTMENTS
from reservations.rules import lifecycle, payments, places


def wordings_of(entries: Iterable[tuple[Ask, Prepared]], *, but: set[str]) -> list[Statement]:
    """What was shown is stored once; another process may have been faster."""
    new = {prepared.shown.digest: prepared.shown.notices for _, prepared in entries}
    rows = [{"digest": digest, "notices": new[digest]} for digest in sorted(new.keys() - but)]
    if not rows:
        return []
    statement = insert_statement(Wording, rows)
    return [Statement(f"{statement.sql} ON CONFLICT (digest) DO NOTHING", statement.values)]


def rows_of(made: Sequence[tuple[Reservation, Wish]], lines: Mapping[int, places.Line]) -> list[Statement]:
    """The reservations, their events, the mails that are owed, and the lines as they are now."""
    if not made:
        return []
    owed = [_message(reservation) for reservation, wish in made if not wish.is_sandbox]
    moved = [
        {"id": pk, "held": each.held, "waiting": each.waiting, "last_place": each.last_place, "last_at": each.last_at}
        for pk, each in lines.items()
    ]
    columns = tuple(moved[0])
    sets = ", ".join(f"{name} = given.{name}" for name in columns[1:])
    given = select_rows(Allotment, columns)
    which = is_one_of(f"{ALLOTMENTS}.id", lines)  # without it all allotments are read, however many there are
    move = f"UPDATE {ALLOTMENTS} SET {sets} FROM ({given}) given WHERE {ALLOTMENTS}.id = given.id AND {which.sql}"  # noqa: S608
    return [
        Statement(move, [write_rows(moved), *which.values]),
        insert_statement(Reservation, [_columns(reservation) for reservation, _ in made]),
        insert_statement(Event, [_event(reservation, wish) for reservation, wish in made]),
        *([insert_statement(Message, owed)] if owed else []),
    ]


_FIELDS = Reservation._meta.concrete_fields
_BLANK: dict[str, Any] = {each.attname: None if each.primary_key else each.get_default() for each in _FIELDS}


def draft(prepared: Prepared) -> Reservation:
    """All of a reservation but what its place decides."""
    wish = prepared.wish
    receipt = receipts.write(
        quantity=wish.quantity,
        market=prepared.market,
        price=prepared.price,
        decision=prepared.decision,
        offering=prepared.offering,
        passport=prepared.passport,
        deposit=prepared.deposit,
    )
    values = {
        "reference": places.reference(secrets.randbits(40)),
        "launch_id": prepared.offering.launch_id,
        "variant_id": prepared.variant_id,
        "market_id": prepared.market.code,
        "allotment_id": prepared.allotment_id,
        "subdivision": wish.subdivision or "",
        "quantity": wish.quantity,
        "language": wish.language,
        "email": wish.email,
        "email_key": wish.email_key,
        "name": wish.name,
        "phone": wish.phone,
        "unit_price_minor": prepared.price.amount_minor,
        "currency": prepared.price.currency,
        "receipt": receipt,
        "wording_id": prepared.shown.digest,
        "partner_id": wish.partner_id,
        "partner_reference": wish.partner_reference,
        "attempt": wish.attempt,
        "is_sandbox": wish.is_sandbox,
    }
    # As Django makes a model that it unpickles: its __init__, which sets each field, takes ten times as long.
    made = Reservation.__new__(Reservation)
    made.__dict__.update(_BLANK, _state=ModelState(), **values)
    return made


def seat(reservation: Reservation, place: places.Place, *, asks_deposit: bool) -> None:
    """Put a draft on its place."""
    reservation.id = places.identifier(place.at, secrets.randbits(74))
    reservation.place_number = place.number
    reservation.created_at = place.at
    if not place.is_confirmed:
        reservation.status = lifecycle.WAITLISTED
    elif asks_deposit:
        reservation.status = lifecycle.AWAITING_PAYMENT
        reservation.expires_at = payments.held_until(place.at, is_in_front=reservation.partner_id is None)
    else:
        reservation.status = lifecycle.CONFIRMED
        reservation.confirmed_at = place.at


_RESERVATION = tuple(
    (str(field.column), field.attname) for field in _FIELDS if field.name not in Reservation.LATER_LIFE
)


def _columns(reservation: Reservation) -> Row:
    kept = reservation.__dict__
    return {column: kept[name] for column, name in _RESERVATION}


def _event(reservation: Reservation, wish: Wish) -> Row:
    return {
        "at": reservation.created_at,
        "actor": f"partner:{wish.partner_slug}" if wish.partner_id else "customer",
        "action": f"reservation.{reservation.status}",
        "subject": f"reservation:{reservation.reference}",
        "reservation_id": reservation.pk,
        "facts": {
            "sku": wish.sku,
            "quantity": wish.quantity,
            "market": reservation.market_id,
            "place": reservation.place_number,
        },
    }


def _message(reservation: Reservation) -> Row:
    return {
        "reservation_id": reservation.pk,
        "kind": reservation.status,
        "due_at": _due_at(reservation),
    }


def _due_at(reservation: Reservation) -> datetime:
    """Who sits in front of the page is reminded to pay only after a while."""
    if reservation.status != lifecycle.AWAITING_PAYMENT:
        return reservation.created_at
    return payments.remind_at(reservation.created_at, is_in_front=reservation.partner_id is None)


def answers_of(asks: Iterable[Ask]) -> list[Statement]:
    """What each request is answered, for when it comes again."""
    rows = []
    for ask in asks:
        if ask.request and isinstance(ask.outcome, (Granted, Refusal)):
            status, body = ask.request.write(ask.outcome)
            ask.answer = status, orjson.Fragment(orjson.dumps(body))  # written once, for the table and for who asked
            rows.append(_kept_answer(ask.request, ask.at, *ask.answer))
    return [insert_statement(IdempotencyKey, rows)] if rows else []


def _kept_answer(request: Request, at: datetime, status: int, answer: orjson.Fragment) -> Row:
    return {
        "partner_id": request.partner_id,
        "key": request.key,
        "is_sandbox": request.is_sandbox,
        "body_digest": request.body_digest,
        "created_at": at,
        "status": status,
        "answer": answer,
    }
