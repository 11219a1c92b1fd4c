"""Claim: one transaction for everything that was asked for together.

The whole path, in order: the world as committed now; repeats get their first answer; each wish is prepared by the pure
rules; what is full is refused; the units are counted against each customer's limit; places are given in the order of
arrival; reservations, events, messages and answers are stored; commit. Nobody is told yes before the commit.

Locks are taken in one order everywhere: customers' limits by their key, then allotments by id.
"""

from __future__ import annotations

import secrets
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from django.db import connection, transaction
from django.db.models import F

from reservations.actions import receipts
from reservations.actions.preparing import Prepared, prepare
from reservations.actions.wishes import KeyReused, LimitReached, Refusal, Wish
from reservations.models import Allotment, CustomerLimit, Event, IdempotencyKey, Launch, Message, Reservation
from reservations.models.rows import Row, insert_rows, select_rows, write_rows
from reservations.queries.facts import current_world
from reservations.rules import lifecycle, places

CUSTOMER = ("launch_id", "product_id", "email_key", "is_sandbox")


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

    def forget(self) -> None:
        """What a transaction said that was rolled back."""
        self.outcome, self.answer, self.is_replayed = None, None, False

    def marks(self) -> set[object]:
        """Two asks that share a mark do not go together: the later finds what the earlier left."""
        found: set[object] = {self.wish.email_key}
        if self.wish.attempt:
            found.add(self.wish.attempt)
        if self.request:
            found.add(self.request.name)
        return found


@dataclass
class _Book:
    """What one transaction is about to store."""

    entries: list[tuple[Ask, Prepared]] = field(default_factory=list)

    def refuse(self, refused: Iterable[tuple[Ask, Prepared, Refusal]]) -> None:
        for ask, _prepared, refusal in refused:
            ask.outcome = refusal
        self.entries = [entry for entry in self.entries if entry[0].outcome is None]


def claim(asks: Sequence[Ask]) -> None:
    """Carry out the asks in one transaction, and leave each its outcome. Raises what the database raises."""
    with transaction.atomic():
        fresh = _answer_repeats(asks)
        book = _Book(_prepare(fresh))
        _refuse_what_is_full(book)
        _count_units(book)
        _give_places(book)
        _store_answers(fresh)


def _answer_repeats(asks: Sequence[Ask]) -> list[Ask]:
    """Those that are asked for the first time. A repeat gets what the first was given."""
    forms = [ask.wish.attempt for ask in asks if ask.wish.attempt]
    made = {row.attempt: row for row in Reservation.objects.filter(attempt__in=forms)} if forms else {}
    requests = [ask.request for ask in asks if ask.request]
    kept = {}
    if requests:
        rows = IdempotencyKey.objects.filter(
            partner__in={each.partner_id for each in requests}, key__in={each.key for each in requests}
        )
        kept = {(row.partner_id, row.key, row.is_sandbox): row for row in rows}
    for ask in asks:
        first = kept.get(ask.request.name) if ask.request else None
        if first is None:
            ask.outcome = made.get(ask.wish.attempt) if ask.wish.attempt else None
        elif ask.request and first.body_digest != ask.request.body_digest:
            ask.outcome = KeyReused()
        else:
            ask.answer, ask.is_replayed = (first.status, first.answer), True
    return [ask for ask in asks if ask.outcome is None and ask.answer is None]


def _prepare(asks: Iterable[Ask]) -> list[tuple[Ask, Prepared]]:
    """The gate, again, on the facts as committed now."""
    world, found = current_world(), []
    for ask in asks:
        try:
            found.append((ask, prepare(wish=ask.wish, world=world, at=ask.at)))
        except Refusal as refusal:
            ask.outcome = refusal
    return found


def _refuse_what_is_full(book: _Book) -> None:
    """Without a waiting list, what is full refuses without a lock."""
    strict = [entry for entry in book.entries if not entry[1].has_waiting_list]
    if strict:
        lines = _lines({prepared.allotment_id for _, prepared in strict}, is_locked=False)
        book.refuse(
            (ask, prepared, prepared.exhausted())
            for ask, prepared in strict
            if lines[prepared.allotment_id].refuses(ask.wish.quantity, has_waiting_list=False)
        )


def _count_units(book: _Book) -> None:
    """Count the units against the customers' limits, all in one statement."""
    if not book.entries:
        return
    table, launches = CustomerLimit._meta.db_table, Launch._meta.db_table
    columns = (*CUSTOMER, "quantity")
    statement = (
        f"INSERT INTO {table} ({', '.join(columns)}) {select_rows(CustomerLimit, columns)} "  # noqa: S608  # names are ours
        f"ON CONFLICT ({', '.join(CUSTOMER)}) DO UPDATE SET quantity = {table}.quantity + excluded.quantity "
        f"WHERE {table}.quantity + excluded.quantity <= "
        f"(SELECT per_customer_limit FROM {launches} WHERE id = excluded.launch_id) RETURNING {', '.join(CUSTOMER)}"
    )
    rows = sorted((*prepared.customer, ask.wish.quantity) for ask, prepared in book.entries)
    with connection.cursor() as cursor:
        cursor.execute(statement, [write_rows(dict(zip(columns, row, strict=True)) for row in rows)])
        counted = {(*row[:3], bool(row[3])) for row in cursor.fetchall()}
    book.refuse(
        (ask, prepared, LimitReached(prepared.offering.per_customer_limit))
        for ask, prepared in book.entries
        if prepared.customer not in counted
    )


def _give_places(book: _Book) -> None:
    """Lock the allotments, give places in the order of arrival, and store what was given."""
    by_allotment: dict[int, list[tuple[Ask, Prepared]]] = defaultdict(list)
    for ask, prepared in book.entries:
        by_allotment[prepared.allotment_id].append((ask, prepared))
    lines = _lines(by_allotment, is_locked=True)
    given: list[tuple[Ask, Prepared, places.Place]] = []
    refused: list[tuple[Ask, Prepared, Refusal]] = []
    for allotment_id, entries in by_allotment.items():
        quantities = [ask.wish.quantity for ask, _ in entries]
        line, found = places.give(lines[allotment_id], quantities, has_waiting_list=entries[0][1].has_waiting_list)
        if line != lines[allotment_id]:
            Allotment.objects.filter(pk=allotment_id).update(
                held=line.held, waiting=line.waiting, last_place=line.last_place
            )
        for (ask, prepared), place in zip(entries, found, strict=True):
            if place is None:  # filled up since it was looked at
                refused.append((ask, prepared, prepared.exhausted()))
            else:
                given.append((ask, prepared, place))
    _uncount_units(refused)
    book.refuse(refused)
    _store(given)


def _lines(allotment_ids: Iterable[int], *, is_locked: bool) -> dict[int, places.Line]:
    rows = Allotment.objects.filter(pk__in=list(allotment_ids)).order_by("pk")
    if is_locked and connection.features.has_select_for_update:  # SQLite's transaction is alone anyway
        rows = rows.select_for_update(of=("self",)) if connection.features.has_select_for_update_of else rows
    names = ("pk", "capacity", "held", "waiting", "cancelled", "last_place")
    return {pk: places.Line(**dict(zip(names[1:], rest, strict=True))) for pk, *rest in rows.values_list(*names)}


def _uncount_units(refused: Iterable[tuple[Ask, Prepared, Refusal]]) -> None:
    for ask, prepared, _ in refused:
        limit = CustomerLimit.objects.filter(**dict(zip(CUSTOMER, prepared.customer, strict=True)))
        limit.update(quantity=F("quantity") - ask.wish.quantity)
        limit.filter(quantity=0).delete()


def _store(given: Iterable[tuple[Ask, Prepared, places.Place]]) -> None:
    """The reservations, their events, and the mails that are owed."""
    made = []
    for ask, prepared, place in given:
        reservation = _reservation(prepared, place)
        ask.outcome = Granted(reservation, ask.wish.sku, place.ahead)
        made.append((reservation, ask.wish))
    insert_rows(Reservation, (_columns(reservation) for reservation, _ in made))
    insert_rows(Event, (_event(reservation, wish) for reservation, wish in made))
    insert_rows(Message, (_message(reservation) for reservation, wish in made if not wish.is_sandbox))


def _reservation(prepared: Prepared, place: places.Place) -> Reservation:
    wish, at = prepared.wish, prepared.at
    receipt = receipts.write(
        quantity=wish.quantity,
        language=wish.language,
        at=at,
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


def _store_answers(asks: Iterable[Ask]) -> None:
    """What each request is answered, for when it comes again."""
    rows = []
    for ask in asks:
        if ask.request and isinstance(ask.outcome, (Granted, Refusal)):
            ask.answer = ask.request.write(ask.outcome)
            rows.append(_kept_answer(ask.request, ask.at, *ask.answer))
    insert_rows(IdempotencyKey, rows)


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
