"""Reserve: the way in. What is checked and in which order: `preparing`; how it is stored: `claiming`."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime

from django.db import DatabaseError, connection

from reservations.actions.asks import Answer, Ask, Granted, Request
from reservations.actions.claiming import claim
from reservations.actions.gathering import Gathering
from reservations.actions.wishes import NotAvailableInMarket, Wish
from reservations.models import Reservation, ReviewTask, Variant
from reservations.rules import gate


def reserve(*, wish: Wish, at: datetime) -> Reservation:
    """Give a place, or raise the Refusal that says why not. A refusal stores nothing but a task to review a place.

    The same `attempt` sent again answers with the reservation that it made the first time.
    """
    ask = Ask(wish, at)
    _gathering.hand_in(ask)
    return _made(ask)


async def reserve_from_loop(*, wish: Wish, at: datetime) -> Reservation:
    """`reserve`, for an event loop."""
    ask = Ask(wish, at)
    await _gathering.hand_in_from_loop(ask)
    return _made(ask)


def _made(ask: Ask) -> Reservation:
    outcome = ask.outcome
    if isinstance(outcome, Granted):
        return outcome.reservation
    if isinstance(outcome, Reservation):
        return outcome
    assert outcome is not None
    raise outcome


def reserve_once(*, wish: Wish, at: datetime, request: Request) -> tuple[Answer, bool]:
    """The answer to a request, a refusal included, and whether it is that of an earlier one with the same key.

    Answer and reservation are stored together. Two at once: the second waits for the first and gets its answer.
    Raises KeyReused.
    """
    ask = Ask(wish, at, request)
    _gathering.hand_in(ask)
    return _answer(ask)


async def reserve_once_from_loop(*, wish: Wish, at: datetime, request: Request) -> tuple[Answer, bool]:
    """`reserve_once`, for an event loop."""
    ask = Ask(wish, at, request)
    await _gathering.hand_in_from_loop(ask)
    return _answer(ask)


def _answer(ask: Ask) -> tuple[Answer, bool]:
    if ask.answer is not None:
        return ask.answer, ask.is_replayed
    assert isinstance(ask.outcome, Exception)
    raise ask.outcome


def _carry_out(asks: Sequence[Ask]) -> None:
    """Together; or each alone, when one spoils it for the others or another process was faster."""
    try:
        claim(asks)
    except Exception as error:  # noqa: BLE001  # what fails alone too is raised where it belongs: by the one who asked
        _carry_out_one_by_one(asks, error)
    for ask in asks:
        if isinstance(ask.outcome, NotAvailableInMarket):
            _try(ask, _ask_for_review)


def _carry_out_one_by_one(asks: Sequence[Ask], error: Exception) -> None:
    """Alone, a repeat finds what the faster one left behind; so does an ask whose transaction a lost connection hid.

    What could not be told from a repeat is not tried again then, and nothing is while the database is away.
    """
    for ask in asks:
        ask.forget()
    try:
        was_lost = _connect_again()
    except DatabaseError as away:
        for ask in asks:
            ask.outcome = away
        return
    for ask in asks:
        if was_lost and not (ask.request or ask.wish.attempt):
            ask.outcome = error
        else:
            _try(ask, lambda ask: claim([ask]))


def _connect_again() -> bool:
    """Open another connection where this one works no more; whether that was so."""
    if connection.in_atomic_block or (connection.connection is not None and connection.is_usable()):
        return False
    connection.close()
    connection.ensure_connection()
    return True


def _try(ask: Ask, act: Callable[[Ask], None]) -> None:
    """What fails becomes the outcome."""
    try:
        act(ask)
    except Exception as error:  # noqa: BLE001  # as above
        ask.forget()
        ask.outcome = error


def _choose(asks: Sequence[Ask]) -> list[Ask]:
    """In the order of arrival, leaving out those that must find what an earlier one leaves behind."""
    taken: set[object] = set()
    chosen = []
    for ask in asks:
        if taken.isdisjoint(ask.marks):
            chosen.append(ask)
        taken |= ask.marks
    return chosen


_gathering: Gathering[Ask] = Gathering(_carry_out, _choose)


def _ask_for_review(ask: Ask) -> None:
    """Where the law leaves the place to a person's judgement, staff get one open task for it and the product."""
    refusal = ask.outcome
    assert isinstance(refusal, NotAvailableInMarket)
    waiting = [reason for reason in refusal.decision.reasons if reason.code == gate.NEEDS_REVIEW]
    if not waiting:
        return
    product_id = Variant.objects.filter(sku=ask.wish.sku).values_list("product_id", flat=True).get()
    for reason in waiting:
        ReviewTask.objects.get_or_create(
            product_id=product_id,
            subdivision=refusal.place,
            requirement_id=reason.requirement,
            closed_at=None,
            defaults={"opened_at": ask.at},
        )
