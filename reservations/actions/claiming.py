"""Claim: one transaction for everything that was asked for together.

The whole path, in order: the world as committed now; repeats get their first answer; each wish is prepared by the pure
rules; what is full is refused; the units are counted against each customer's limit; places are given in the order of
arrival; reservations, events, messages and answers are stored; commit. Nobody is told yes before the commit.

Most claims are on the facts of the one before and repeat nothing: they take two round trips, and find out in the first
whether that was so. Where it was not, all is rolled back and done step by step.

Locks are taken in one order everywhere: customers' limits by their key, then allotments by id.
"""

from __future__ import annotations

import uuid
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

import orjson
from django.db import connection
from django.db.models import Model

from reservations.actions.asks import Ask, Granted
from reservations.actions.preparing import Prepared, prepare
from reservations.actions.storing import answers_of, draft, rows_of, seat, wordings_of
from reservations.actions.wishes import KeyReused, LimitReached, Refusal
from reservations.models import CustomerLimit, IdempotencyKey, Launch, Reservation
from reservations.models.rows import Journey, Statement, execute_together, padded, select_rows, write_rows
from reservations.queries.counters import look_at_lines, read_lines
from reservations.queries.facts import World, world_of
from reservations.queries.revisions import LOOK_AT_REVISION, read_revision
from reservations.rules import places

CUSTOMER = ("launch_id", "product_id", "email_key", "is_sandbox")
REQUEST = ("partner_id", "key", "is_sandbox")
LIMITS = CustomerLimit._meta.db_table

Entry = tuple[Ask, Prepared]
Drafted = tuple[Ask, Prepared, Reservation]
Row = tuple[Any, ...]


@dataclass
class _Known:
    """What this process saw last. Hints that save a round trip or a lock; the truth is in the tables."""

    revision: int | None = None
    full: set[int] = field(default_factory=set)  # allotments
    wordings: set[str] = field(default_factory=set)  # digests; what is stored is never deleted


_known = _Known()


class _NotAsThought(Exception):
    """The facts have moved, or something is a repeat."""


def claim(asks: Sequence[Ask]) -> None:
    """Carry out the asks in one transaction, and leave each its outcome. Raises what the database raises."""
    if not _claim_at_once(asks):
        _claim_step_by_step(asks)


def _claim_at_once(asks: Sequence[Ask]) -> bool:
    """On the facts as last known, as if nothing were a repeat. False, and nothing has happened, where one is not so."""
    world = world_of.known(_known.revision) if _known.revision is not None else None
    if world is None:
        return False
    entries = _prepare(asks, world)
    if len(entries) < len(asks) or any(prepared.allotment_id in _known.full for _, prepared in entries):
        _forget(asks)
        return False
    try:
        with Journey() as journey:
            _store(asks, entries, journey, looks=_looks(asks))
    except _NotAsThought:
        _forget(asks)
        return False
    return True


def _forget(asks: Iterable[Ask]) -> None:
    for ask in asks:
        ask.forget()


def _claim_step_by_step(asks: Sequence[Ask]) -> None:
    fresh, world = _answer_repeats(asks)
    entries = _refuse_what_is_full(_prepare(fresh, world))
    if entries:
        with Journey() as journey:
            _store(fresh, entries, journey)
    elif answers := answers_of(fresh):  # nothing to claim: what was refused is answered, and nothing is locked
        execute_together(answers)


def _store(asks: Sequence[Ask], entries: list[Entry], journey: Journey, looks: Sequence[Statement] = ()) -> None:
    """Two round trips. Raises _NotAsThought where `looks` find another revision, or anything of these asks.

    Whatever does not depend on the place is made before the first: others wait for what is locked in it.
    """
    by_allotment = _by_allotment(entries)
    wordings = wordings_of(entries, but=_known.wordings)
    first = [*looks, *wordings, _count_units(entries), look_at_lines(by_allotment, is_locked=True)]
    found = journey.run(first)
    if looks and (found[0] != [(_known.revision,)] or any(found[1 : len(looks)])):
        raise _NotAsThought
    statements = _give_places(by_allotment, counted=found[-2], rows=found[-1])
    journey.run([*statements, *answers_of(asks)], is_last=True)
    if not connection.in_atomic_block:  # else it may still be rolled back
        _known.wordings.update(prepared.shown.digest for _, prepared in entries)


def _looks(asks: Sequence[Ask]) -> list[Statement]:
    """The revision; then what is stored of these requests, and of these forms."""
    keys = [ask.request.key for ask in asks if ask.request]
    forms = [_as_stored(ask.wish.attempt) for ask in asks if ask.wish.attempt]
    looks = [LOOK_AT_REVISION]
    looks += [_look_for(IdempotencyKey, (*REQUEST, "body_digest", "status", "answer"), "key", keys)] if keys else []
    looks += [_look_for(Reservation, ("id",), "attempt", forms)] if forms else []
    return looks


def _answer_repeats(asks: Sequence[Ask]) -> tuple[list[Ask], World]:
    """Those that are asked for the first time, and the world now. A repeat gets what the first was given."""
    found = execute_together(_looks(asks))
    has_keys, has_forms = any(ask.request for ask in asks), any(ask.wish.attempt for ask in asks)
    kept = {(row[0], row[1], bool(row[2])): row[3:] for row in found[1]} if has_keys else {}
    made = Reservation.objects.in_bulk([row[0] for row in found[-1]]) if has_forms else {}
    by_form = {row.attempt: row for row in made.values()}
    for ask in asks:
        first = kept.get(ask.request.name) if ask.request else None
        if first is None:
            ask.outcome = by_form.get(ask.wish.attempt) if ask.wish.attempt else None
        elif ask.request and first[0] != ask.request.body_digest:
            ask.outcome = KeyReused()
        else:
            ask.answer, ask.is_replayed = (first[1], orjson.Fragment(first[2])), True
    _known.revision = read_revision(found[0])
    return [ask for ask in asks if ask.outcome is None and ask.answer is None], world_of(_known.revision)


def _as_stored(attempt: uuid.UUID) -> object:
    return Reservation._meta.get_field("attempt").get_db_prep_value(attempt, connection)


def _look_for(model: type[Model], columns: tuple[str, ...], name: str, values: Sequence[object]) -> Statement:
    """The columns of the rows whose `name` is one of the values."""
    values = padded(values)
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
    looked = {prepared.allotment_id for _, prepared in entries if not prepared.has_waiting_list} & _known.full
    if not looked:
        return entries
    [rows] = execute_together([look_at_lines(looked)])
    lines = read_lines(rows)
    for ask, prepared in entries:
        line = lines.get(prepared.allotment_id)
        if line and line.refuses(ask.wish.quantity, has_waiting_list=prepared.has_waiting_list):
            ask.outcome = prepared.exhausted()
    return [entry for entry in entries if entry[0].outcome is None]


def _by_allotment(entries: Iterable[Entry]) -> dict[int, list[Drafted]]:
    found: dict[int, list[Drafted]] = defaultdict(list)
    for ask, prepared in entries:
        found[prepared.allotment_id].append((ask, prepared, draft(prepared)))
    return found


def _give_places(by_allotment: dict[int, list[Drafted]], *, counted: list[Row], rows: list[Row]) -> list[Statement]:
    """Places in the order of arrival, for who was counted, in the locked rows. Returns what is then to be stored."""
    customers = {(*row[:3], bool(row[3])) for row in counted}
    before, after, made, undone = read_lines(rows), {}, [], []
    for allotment_id, waiting in by_allotment.items():
        within = [each for each in waiting if each[1].customer in customers]
        wanted, has_list = [(ask.wish.quantity, ask.at) for ask, *_ in within], waiting[0][1].has_waiting_list
        after[allotment_id], found = places.give(before[allotment_id], wanted, has_waiting_list=has_list)
        for (ask, prepared, row), place in zip(within, found, strict=True):
            if place:
                seat(row, place, asks_deposit=prepared.deposit is not None)
                ask.outcome = Granted(row, ask.wish.sku, place.ahead)
                made.append((row, ask.wish))
        for ask, prepared, _ in waiting:
            if ask.outcome is None:
                undone += _say_no((ask, prepared), prepared.customer in customers)
    _known.full.difference_update(after)
    _known.full.update(pk for pk, line in after.items() if not line.left)
    return undone + rows_of(made, {pk: line for pk, line in after.items() if line != before[pk]})


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
