"""Claim: one transaction for everything that was asked for together.

The whole path, in order: the world as committed now; repeats get their first answer; each wish is prepared by the pure
rules; what is full is refused; the units are counted against each customer's limit; places are given in the order of
arrival; reservations, events, messages and answers are stored; commit. Nobody is told yes before the commit.

Locks are taken in one order everywhere: customers' limits by their key, then allotments by id.
"""

from __future__ import annotations

import secrets
import uuid
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import orjson
from django.db import connection
from django.db.models import Model

from reservations.actions import receipts
from reservations.actions.preparing import Prepared, prepare
from reservations.actions.wishes import KeyReused, LimitReached, Refusal, Wish
from reservations.models import (
    Allotment,
    CustomerLimit,
    Event,
    GateRevision,
    IdempotencyKey,
    Launch,
    Message,
    Reservation,
    Wording,
)
from reservations.models.rows import (
    Journey,
    Row,
    Statement,
    execute_together,
    insert_statement,
    select_rows,
    write_rows,
)
from reservations.queries.facts import World, world_of
from reservations.rules import lifecycle, places

CUSTOMER = ("launch_id", "product_id", "email_key", "is_sandbox")
REQUEST = ("partner_id", "key", "is_sandbox")
LINE = ("id", "capacity", "held", "waiting", "cancelled", "last_place")
LIMITS, ALLOTMENTS = CustomerLimit._meta.db_table, Allotment._meta.db_table
REVISION_SQL = f"SELECT number FROM {GateRevision._meta.db_table} WHERE id = 1"  # noqa: S608


@dataclass(frozen=True)
class Granted:
    """A reservation that was just made, and how many are ahead of it."""

    reservation: Reservation
    sku: str
    people_ahead: int


Answer = tuple[int, dict[str, Any]]


@dataclass(frozen=True, kw_only=True)
class Request:
    """A request that may come again under its key. `write` turns what came of it into the answer that is kept."""

    partner_id: int
    key: str
    is_sandbox: bool
    body_digest: str
    write: Callable[[Granted | Refusal], Answer]

    @property
    def name(self) -> tuple[int, str, bool]:
        return self.partner_id, self.key, self.is_sandbox


@dataclass(eq=False)
class Ask:
    """A wish on its way, and what came of it."""

    wish: Wish
    at: datetime
    request: Request | None = None
    outcome: Granted | Reservation | Exception | None = None
    answer: Answer | None = None
    is_replayed: bool = False
    # Two asks that share a mark do not go together: the later finds what the earlier left.
    marks: frozenset[object] = field(init=False)

    def __post_init__(self) -> None:
        marks = {self.wish.email_key, self.wish.attempt, self.request and self.request.name}
        self.marks = frozenset(marks - {None})

    def forget(self) -> None:
        """What a transaction said that was rolled back."""
        self.outcome, self.answer, self.is_replayed = None, None, False


Entry = tuple[Ask, Prepared]
# Allotments that were full when last looked at. A hint that saves a lock; the truth is in the table.
_seen_full: set[int] = set()
# Wordings that this process knows to be stored. They are never deleted.
_kept_wordings: set[str] = set()


def claim(asks: Sequence[Ask]) -> None:
    """Carry out the asks in one transaction, and leave each its outcome. Raises what the database raises."""
    fresh, world = _answer_repeats(asks)
    entries = _refuse_what_is_full(_prepare(fresh, world))
    if not entries:  # nothing to claim: what was refused is answered, and nothing is locked
        if answers := _answers(fresh):
            execute_together(answers)
        return
    with Journey() as journey:
        statements = _give_places(entries, journey)
        journey.run([*statements, *_answers(fresh)], is_last=True)
    if not connection.in_atomic_block:  # else it may still be rolled back
        _kept_wordings.update(prepared.shown.digest for _, prepared in entries)


def _answer_repeats(asks: Sequence[Ask]) -> tuple[list[Ask], World]:
    """Those that are asked for the first time, and the world now. A repeat gets what the first was given."""
    keys = [ask.request.key for ask in asks if ask.request]
    forms = [_as_stored(ask.wish.attempt) for ask in asks if ask.wish.attempt]
    looks = [Statement(REVISION_SQL)]
    looks += [_look_for(IdempotencyKey, (*REQUEST, "body_digest", "status", "answer"), "key", keys)] if keys else []
    looks += [_look_for(Reservation, ("id",), "attempt", forms)] if forms else []
    found = execute_together(looks)
    kept = {(row[0], row[1], bool(row[2])): row[3:] for row in found[1]} if keys else {}
    made = Reservation.objects.in_bulk([row[0] for row in found[-1]]) if forms else {}
    by_form = {row.attempt: row for row in made.values()}
    for ask in asks:
        first = kept.get(ask.request.name) if ask.request else None
        if first is None:
            ask.outcome = by_form.get(ask.wish.attempt) if ask.wish.attempt else None
        elif ask.request and first[0] != ask.request.body_digest:
            ask.outcome = KeyReused()
        else:
            ask.answer, ask.is_replayed = (first[1], orjson.loads(first[2])), True
    world = world_of(found[0][0][0] if found[0] else 0)
    return [ask for ask in asks if ask.outcome is None and ask.answer is None], world


def _as_stored(attempt: uuid.UUID) -> object:
    return Reservation._meta.get_field("attempt").get_db_prep_value(attempt, connection)


def _look_for(model: type[Model], columns: tuple[str, ...], name: str, values: Sequence[object]) -> Statement:
    """The columns of the rows whose `name` is one of the values."""
    marks = ", ".join(["%s"] * len(values))
    return Statement(f"SELECT {', '.join(columns)} FROM {model._meta.db_table} WHERE {name} IN ({marks})", values)  # noqa: S608


def _prepare(asks: Iterable[Ask], world: World) -> list[Entry]:
    """The gate, again, on the facts as committed now."""
    found = []
    for ask in asks:
        try:
            found.append((ask, prepare(wish=ask.wish, world=world, at=ask.at)))
        except Refusal as refusal:
            ask.outcome = refusal
    return found


def _refuse_what_is_full(entries: list[Entry]) -> list[Entry]:
    """Without a waiting list, what is full refuses before anything is locked or counted."""
    looked = {prepared.allotment_id for _, prepared in entries if not prepared.has_waiting_list} & _seen_full
    if not looked:
        return entries
    [rows] = execute_together([_look_at_lines(looked)])
    lines = _read_lines(rows)
    for ask, prepared in entries:
        line = lines.get(prepared.allotment_id)
        if line and line.refuses(ask.wish.quantity, has_waiting_list=prepared.has_waiting_list):
            ask.outcome = prepared.exhausted()
    return [entry for entry in entries if entry[0].outcome is None]


def _give_places(entries: list[Entry], journey: Journey) -> list[Statement]:
    """Count the units, lock the allotments, give places in the order of arrival. Returns what is then to be stored."""
    by_allotment: dict[int, list[Entry]] = defaultdict(list)
    for entry in entries:
        by_allotment[entry[1].allotment_id].append(entry)
    wordings = _new_wordings(entries)
    *_, counted, rows = journey.run([*wordings, _count_units(entries), _look_at_lines(by_allotment, is_locked=True)])
    customers = {(*row[:3], bool(row[3])) for row in counted}
    before, after, given = _read_lines(rows), {}, []
    for allotment_id, waiting in by_allotment.items():
        within = [entry for entry in waiting if entry[1].customer in customers]
        quantities, has_list = [ask.wish.quantity for ask, _ in within], waiting[0][1].has_waiting_list
        after[allotment_id], found = places.give(before[allotment_id], quantities, has_waiting_list=has_list)
        given += [(ask, prepared, place) for (ask, prepared), place in zip(within, found, strict=True) if place]
    made = [(_reservation(prepared, place), ask.wish) for ask, prepared, place in given]
    for (ask, _, place), (reservation, _) in zip(given, made, strict=True):
        ask.outcome = Granted(reservation, ask.wish.sku, place.ahead)
    undone = [
        statement
        for entry in entries
        if entry[0].outcome is None
        for statement in _say_no(entry, entry[1].customer in customers)
    ]
    _seen_full.difference_update(after)
    _seen_full.update(pk for pk, line in after.items() if not line.left)
    changed = {pk: line for pk, line in after.items() if line != before[pk]}
    return undone + _rows_of(made, changed)


def _new_wordings(entries: Iterable[Entry]) -> list[Statement]:
    """What was shown is stored once; another process may have been faster."""
    new = {prepared.shown.digest: prepared.shown.notices for _, prepared in entries}
    rows = [{"digest": digest, "notices": new[digest]} for digest in sorted(new.keys() - _kept_wordings)]
    if not rows:
        return []
    statement = insert_statement(Wording, rows)
    return [Statement(f"{statement.sql} ON CONFLICT (digest) DO NOTHING", statement.values)]


def _say_no(entry: Entry, was_counted: bool) -> list[Statement]:
    """Over the limit; or filled up since it was looked at, and then the units do not count."""
    ask, prepared = entry
    if not was_counted:
        ask.outcome = LimitReached(prepared.offering.per_customer_limit)
        return []
    ask.outcome = prepared.exhausted()
    same = " AND ".join(f"{name} = %s" for name in CUSTOMER)
    uncount = f"UPDATE {LIMITS} SET quantity = quantity - %s WHERE {same}"  # noqa: S608
    clear = f"DELETE FROM {LIMITS} WHERE quantity = 0 AND {same}"  # noqa: S608
    customer = prepared.customer
    return [Statement(uncount, [ask.wish.quantity, *customer]), Statement(clear, customer)]


def _count_units(entries: Iterable[Entry]) -> Statement:
    """Count the units against the customers' limits; returns the customers who stay within theirs."""
    columns, customer = (*CUSTOMER, "quantity"), ", ".join(CUSTOMER)
    rows = sorted((*prepared.customer, ask.wish.quantity) for ask, prepared in entries)
    sql = (
        f"INSERT INTO {LIMITS} ({', '.join(columns)}) {select_rows(CustomerLimit, columns)} "  # noqa: S608
        f"ON CONFLICT ({customer}) DO UPDATE SET quantity = {LIMITS}.quantity + excluded.quantity "
        f"WHERE {LIMITS}.quantity + excluded.quantity <= "
        f"(SELECT per_customer_limit FROM {Launch._meta.db_table} WHERE id = excluded.launch_id) RETURNING {customer}"
    )
    return Statement(sql, [write_rows(dict(zip(columns, row, strict=True)) for row in rows)])


def _look_at_lines(allotment_ids: Iterable[int], *, is_locked: bool = False) -> Statement:
    ids = sorted(allotment_ids)
    lock = " FOR UPDATE" if is_locked and connection.features.has_select_for_update else ""  # SQLite writes alone
    marks = ", ".join(["%s"] * len(ids))
    return Statement(f"SELECT {', '.join(LINE)} FROM {ALLOTMENTS} WHERE id IN ({marks}) ORDER BY id{lock}", ids)  # noqa: S608


def _read_lines(rows: Iterable[tuple[int, ...]]) -> dict[int, places.Line]:
    return {row[0]: places.Line(**dict(zip(LINE[1:], row[1:], strict=True))) for row in rows}


def _rows_of(made: Sequence[tuple[Reservation, Wish]], lines: Mapping[int, places.Line]) -> list[Statement]:
    """The reservations, their events, the mails that are owed, and the lines as they are now."""
    if not made:
        return []
    owed = [_message(reservation) for reservation, wish in made if not wish.is_sandbox]
    moved = [
        {"id": pk, "held": each.held, "waiting": each.waiting, "last_place": each.last_place}
        for pk, each in lines.items()
    ]
    columns = tuple(moved[0])
    sets = ", ".join(f"{name} = given.{name}" for name in columns[1:])
    given = select_rows(Allotment, columns)
    move = f"UPDATE {ALLOTMENTS} SET {sets} FROM ({given}) given WHERE {ALLOTMENTS}.id = given.id"  # noqa: S608
    return [
        Statement(move, [write_rows(moved)]),
        insert_statement(Reservation, [_columns(reservation) for reservation, _ in made]),
        insert_statement(Event, [_event(reservation, wish) for reservation, wish in made]),
        *([insert_statement(Message, owed)] if owed else []),
    ]


def _reservation(prepared: Prepared, place: places.Place) -> Reservation:
    wish, at = prepared.wish, prepared.at
    receipt = receipts.write(
        quantity=wish.quantity,
        market=prepared.market,
        price=prepared.price,
        decision=prepared.decision,
        offering=prepared.offering,
    )
    return Reservation(
        id=places.identifier(at, secrets.randbits(74)),
        reference=places.reference(secrets.randbits(40)),
        status=lifecycle.CONFIRMED if place.is_confirmed else lifecycle.WAITLISTED,
        launch_id=prepared.offering.launch_id,
        variant_id=prepared.variant_id,
        market_id=prepared.market.code,
        allotment_id=prepared.allotment_id,
        subdivision=wish.subdivision or "",
        quantity=wish.quantity,
        place_number=place.number,
        language=wish.language,
        email=wish.email,
        email_key=wish.email_key,
        name=wish.name,
        phone=wish.phone,
        unit_price_minor=prepared.price.amount_minor,
        currency=prepared.price.currency,
        receipt=receipt,
        wording_id=prepared.shown.digest,
        partner_id=wish.partner_id,
        partner_reference=wish.partner_reference,
        attempt=wish.attempt,
        is_sandbox=wish.is_sandbox,
        created_at=at,
        confirmed_at=at if place.is_confirmed else None,
    )


_RESERVATION = tuple((str(field.column), field.attname) for field in Reservation._meta.concrete_fields)


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
        "reason": "",
    }


def _message(reservation: Reservation) -> Row:
    return {
        "reservation_id": reservation.pk,
        "kind": reservation.status,
        "version": 1,
        "state": Message.OWED,
        "attempts": 0,
        "due_at": reservation.created_at,
        "journal": "",
        "last_error": "",
        "recipient": "",
        "subject": "",
        "raw": "",
    }


def _answers(asks: Iterable[Ask]) -> list[Statement]:
    """What each request is answered, for when it comes again."""
    rows = []
    for ask in asks:
        if ask.request and isinstance(ask.outcome, (Granted, Refusal)):
            ask.answer = ask.request.write(ask.outcome)
            rows.append(_kept_answer(ask.request, ask.at, *ask.answer))
    return [insert_statement(IdempotencyKey, rows)] if rows else []


def _kept_answer(request: Request, at: datetime, status: int, answer: dict[str, Any]) -> Row:
    return {
        "partner_id": request.partner_id,
        "key": request.key,
        "is_sandbox": request.is_sandbox,
        "body_digest": request.body_digest,
        "created_at": at,
        "status": status,
        "answer": answer,
    }
