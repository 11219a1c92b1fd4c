"""The layer: WSGI in front of Django. Asks for a pass before the form, and answers those who wait."""

from __future__ import annotations

import logging
import random
import re
import time
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import redis
from django.conf import settings

from reservations.queries.rooms import Room
from storefront import clock
from storefront.at_hand import NotAtHand
from storefront.waiting_room import door, drawing, wait, words
from storefront.waiting_room.answers import Answer, Environ, Header, Request, Start, as_json, redirect, set_cookie
from storefront.waiting_room.health import BRAKE_SECONDS, Health
from storefront.waiting_room.queue import Queue, View, connect
from storefront.waiting_room.rooms import Rooms
from storefront.waiting_room.shell import Shells
from storefront.waiting_room.tickets import Pass, Ticket, new_id, read_pass, read_ticket, write_pass, write_ticket

log = logging.getLogger(__name__)
PATH = re.compile(
    r"/(?P<language>[a-z]{2,3}(?:-[a-z0-9]{2,8})*?)-(?P<market>[a-z]{2})/"
    r"(?:reserve/(?P<product>[-a-zA-Z0-9_]+)/|waiting-room/(?P<act>poll/|more/)?)"
)
POLL = "/waiting-room/poll/"
PAUSE_SECONDS = 1.0
LOG_SECONDS = 60.0
Application = Callable[[Environ, Start], Iterable[bytes]]


def is_form(path: str) -> bool:
    """Whether it is that of a reservation form."""
    found = PATH.fullmatch(path)
    return found is not None and found["product"] is not None


@dataclass(frozen=True)
class Form:
    """A reservation form that may be answered."""

    environ: Environ
    language: str
    market: str
    product: str

    @property
    def is_behind_a_room(self) -> bool:
        return "WAITING_ROOM_KEY" in self.environ


class WaitingRoom:
    """Wraps the application. Whatever is not its own passes through untouched; without Redis everything does."""

    def __init__(self, application: Application, *, rooms: Rooms | None = None, make_queue: Any = None) -> None:
        self._application = application
        self._rooms = rooms or Rooms()
        self._make_queue = make_queue or (lambda key: Queue(key, connect()))
        self._queues: dict[str, Queue] = {}
        self._shells = Shells(application)
        self._health = Health()
        self._languages = dict(settings.LANGUAGES)
        self._down_until = self._logged_at = -LOG_SECONDS

    def __call__(self, environ: Environ, start: Start) -> Iterable[bytes]:
        request, act = self._read(environ)
        if request is None:
            return self._application(environ, start)
        answer = self._answer(request, act)
        return self._through(environ, start) if answer is None else answer.send(start)

    def _read(self, environ: Environ) -> tuple[Request | None, str | None]:
        """The request and what of the layer it asks for; none where it is not the layer's."""
        found = PATH.fullmatch(environ.get("PATH_INFO", ""))
        if found is None or found["language"] not in self._languages:
            return None, None
        product = found["product"]
        request = Request(environ, found["language"], found["market"].upper(), product)
        return request, found["act"] if product is None else "form"

    def let_through(self, environ: Environ) -> Form:
        """The form that is asked for, of somebody for whom no room is before it or who has its pass.

        Raises NotAtHand where that is not so.
        """
        request, act = self._read(environ)
        if request is None or act != "form" or self._answer(request, act) is not None:
            raise NotAtHand
        return Form(environ, request.language, request.market, request.product)

    def _through(self, environ: Environ, start: Start) -> Iterable[bytes]:
        """Django answers; reservations behind the room are timed, and the brake is put on when they suffer."""
        if environ.get("WAITING_ROOM_KEY") is None or environ["REQUEST_METHOD"] != "POST":
            return self._application(environ, start)
        told: list[str] = []

        def noting(status: str, *rest: Any) -> Any:
            told.append(status)
            return start(status, *rest)

        began = time.monotonic()
        parts = self._application(environ, noting)
        self.note(environ, began, is_failed=told[0].startswith("5"))
        return parts

    def note(self, environ: Environ, began: float, *, is_failed: bool) -> None:
        """How a reservation behind a room fared. May wait for Redis."""
        key, at = environ["WAITING_ROOM_KEY"], time.monotonic()
        if self._health.note(at=at, seconds=at - began, is_failed=is_failed):
            with suppress(redis.RedisError):
                self._queues.setdefault(key, self._make_queue(key)).brake(BRAKE_SECONDS)

    def _answer(self, request: Request, act: str | None) -> Answer | None:
        """The layer's own answer; None: Django answers."""
        room = self._rooms.find(request.market, request.product)
        if room is None or request.method not in ("GET", "HEAD", "POST"):
            return None
        actions = {"form": self._form, "poll/": self._poll, "more/": self._more, None: self._page}
        if time.monotonic() < self._down_until:
            return self._open(request, room, act)
        try:
            return actions[act](request, room)
        except redis.RedisError as error:
            self._note(error)
            return self._open(request, room, act)

    def _open(self, request: Request, room: Room, act: str | None) -> Answer | None:
        """Redis is away: nobody is held back, and who was let in stays in when it returns."""
        if act == "form":
            return None
        go, ticket = self._form_url(request, room), self._ticket(request, room)
        cookie = _pass_cookie(room, ticket.id if ticket else new_id(), clock.now())
        return as_json({"state": words.ADMITTED, "go": go}, cookie) if act == "poll/" else redirect(go, cookie)

    def _note(self, error: Exception) -> None:
        self._down_until = time.monotonic() + PAUSE_SECONDS
        if time.monotonic() - self._logged_at >= LOG_SECONDS:
            self._logged_at = time.monotonic()
            log.error("Redis is away (%s): the waiting room lets everybody in", error)

    # --- the form ---------------------------------------------------------------------------------------------------
    def _form(self, request: Request, room: Room) -> Answer | None:
        """Through with a pass; before the opening too, with the way into the room told."""
        at = clock.now()
        if not room.is_open(at):
            if room.is_early(at):
                request.environ["WAITING_ROOM_URL"] = self._room_url(request)
            return None
        held = read_pass(room.key, request.cookie(_name("pass", room)), at)
        if held is None:
            self._queue(room).look(room)  # raises while Redis is away
            return redirect(self._room_url(request))
        request.environ["WAITING_ROOM_KEY"] = room.key
        request.environ["WAITING_ROOM_SECONDS"] = held.expires - int(at.timestamp())
        request.environ["WAITING_ROOM_URL"] = self._room_url(request)
        return None

    def _more(self, request: Request, room: Room) -> Answer:
        """The turn starts anew, as often as is asked for (WCAG 2.2.1)."""
        go, at = self._form_url(request, room), clock.now()
        ticket_id = self._turn_of(request, room, at)
        if request.method != "POST" or ticket_id is None:
            return redirect(go)
        cookie = _pass_cookie(room, ticket_id, at)
        if "application/json" in request.environ.get("HTTP_ACCEPT", ""):
            return as_json({"seconds": settings.WAITING_ROOM_PASS_SECONDS}, cookie)
        return redirect(go, cookie)

    def _turn_of(self, request: Request, room: Room, at: datetime) -> str | None:
        """The ticket that has its turn: by its pass, or because it would get one at once."""
        held = read_pass(room.key, request.cookie(_name("pass", room)), at)
        ticket = self._ticket(request, room)
        if held is not None:
            return held.ticket_id
        if ticket is None or not room.is_open(at):
            return None
        facts = self._facts(request, room, self._queue(room), ticket)
        return ticket.id if facts["state"] == words.ADMITTED else None

    # --- the room ---------------------------------------------------------------------------------------------------
    def _page(self, request: Request, room: Room) -> Answer:
        """A place in the queue, new or held; the form once it is one's turn."""
        at, go = clock.now(), self._form_url(request, room)
        if not (room.is_open(at) or room.is_early(at)):
            return redirect(go)
        queue, ticket = self._queue(room), self._ticket(request, room)
        if ticket is None and request.method == "HEAD":
            return redirect(go)
        if ticket is None and room.has_challenge and not self._may_enter(request, room, queue, at):
            return self._door(request, room, at)
        if ticket is None:
            drawing.hold_if_due(queue, room)
            ticket = queue.join(room)
        return self._seat(request, room, queue, ticket)

    def _seat(self, request: Request, room: Room, queue: Queue, ticket: Ticket) -> Answer:
        """The page of one who holds a ticket."""
        text = write_ticket(room.key, ticket)
        cookie = set_cookie(_name("ticket", room), text)
        facts = self._facts(request, room, queue, ticket)
        if facts["state"] == words.ADMITTED:
            return redirect(self._form_url(request, room), cookie, self._let_in(queue, room, ticket, clock.now()))
        if request.method == "POST":
            return redirect(self._room_url(request), cookie)
        link = f"{settings.SITE_URL}{self._room_url(request)}&ticket={text}"
        return self._shells.page(request, room, "queue", facts | {"link": link}, cookie)

    def _may_enter(self, request: Request, room: Room, queue: Queue, at: datetime) -> bool:
        """A solved challenge or a form that waited, neither used before."""
        word = door.read_solution(room.key, request.sent.get("altcha", ""))
        form = door.read_form(room.key, request.sent.get("form", ""), at)
        if word is None and form is not None and form[1] == 0:
            word = form[0]
        return word is not None and queue.use_once(word, door.VALID_SECONDS)

    def _door(self, request: Request, room: Room, at: datetime) -> Answer:
        """The challenge. Who was too quick goes on with the same form."""
        sent = request.sent.get("form", "")
        form = door.read_form(room.key, sent, at)
        facts = {
            "challenge": door.make_challenge(room.key, at),
            "form": sent if form and form[1] else door.make_form(room.key, at),
            "left": form[1] if form and form[1] else settings.WAITING_ROOM_PATIENCE_SECONDS,
        }
        return self._shells.page(request, room, "door", facts)

    def _poll(self, request: Request, room: Room) -> Answer:
        at = clock.now()
        ticket = self._ticket(request, room)
        if ticket is None or not (room.is_open(at) or room.is_early(at)):
            return as_json({"state": "unknown", "go": self._room_url(request)})
        queue = self._queue(room)
        facts = self._facts(request, room, queue, ticket)
        if facts["state"] == words.ADMITTED:
            facts["go"] = self._form_url(request, room)
            return as_json(facts, self._let_in(queue, room, ticket, at))
        return as_json(facts)

    def _facts(self, request: Request, room: Room, queue: Queue, ticket: Ticket) -> dict[str, Any]:
        """Where a ticket stands, in figures and in words."""
        drawing.hold_if_due(queue, room)
        view = queue.look(room, ticket)
        place = queue.place(room, ticket)
        state = _state(room, view, place)
        ahead = max(0, place - view.head - 1)
        expected = wait.wait(ahead=ahead, passed=view.passed, span_ms=view.span) if state == words.WAITING else None
        language = request.language
        return {
            "state": words.WAITING if state == words.STOPPED else state,
            "title": words.title(language, state),
            "place": words.number(language, place) if place else None,
            "ahead": ahead if place else None,
            "ahead_words": words.ahead(language, ahead) if place and state != words.BEFORE else "",
            "wait_words": words.expected(language, state, expected),
            "poll_ms": _poll_ms(room, view, expected, ahead if state == words.WAITING else wait.NEAR_PLACES),
        }

    def _let_in(self, queue: Queue, room: Room, ticket: Ticket, at: datetime) -> Header:
        queue.enter(room, ticket)
        return _pass_cookie(room, ticket.id, at)

    def _ticket(self, request: Request, room: Room) -> Ticket | None:
        """The ticket of the link, else of the cookie."""
        text = request.asked("ticket")
        ticket = read_ticket(room.key, text) if text else None
        return ticket or read_ticket(room.key, request.cookie(_name("ticket", room)))

    def _queue(self, room: Room) -> Queue:
        if room.key not in self._queues:
            self._queues[room.key] = self._make_queue(room.key)
        return self._queues[room.key]

    def _room_url(self, request: Request) -> str:
        return f"{request.prefix}waiting-room/?product={request.product}"

    def _form_url(self, request: Request, room: Room) -> str:
        return f"{request.prefix}reserve/{request.product or self._rooms.product_of(request.market, room)}/"


def _state(room: Room, view: View, place: int) -> str:
    if view.now < room.opens_ms:
        return words.BEFORE
    if not place:
        return words.DRAW
    if room.per_minute == 0:
        return words.STOPPED
    return words.ADMITTED if place <= view.head else words.WAITING


def _poll_ms(room: Room, view: View, expected: wait.Wait | None, ahead: int) -> int:
    """When to ask again, spread out; those who wait for the opening or the draw ask soon after it."""
    chance = random.random()  # noqa: S311  # spreads the crowd, hides nothing
    usual = wait.poll_ms(expected, ahead, chance)
    instant = room.opens_ms if view.now < room.opens_ms else room.draws_ms
    left = instant - view.now
    return min(usual, int(left + 250 + 1500 * chance)) if left > 0 else usual


def _name(kind: str, room: Room) -> str:
    return f"{kind}-{room.launch}-{room.opening}"


def _pass_cookie(room: Room, ticket_id: str, at: datetime) -> Header:
    seconds = settings.WAITING_ROOM_PASS_SECONDS
    given = Pass(ticket_id, int(at.timestamp()) + seconds)
    return set_cookie(_name("pass", room), write_pass(room.key, given), seconds)
