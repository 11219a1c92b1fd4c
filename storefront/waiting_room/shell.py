"""The page of the room: rendered by Django once for everybody, filled in for each."""

from __future__ import annotations

import time
from html import escape
from io import BytesIO
from typing import Any, NamedTuple
from urllib.parse import urlencode, urlsplit

from django.conf import settings

from reservations.queries.rooms import Room
from storefront.at_hand import leave_the_loop
from storefront.waiting_room.answers import Answer, Environ, Header, Request
from storefront.whole import whole_answer

KEEP_SECONDS = 5.0
SORRY = b"We cannot show this page at the moment. Your place is kept: please load it again in a few seconds.\n"
MARKS = ("state", "title", "place", "ahead_words", "wait_words", "poll_ms", "link", "challenge", "form", "left")
_OWN_HEADERS = ("set-cookie", "cache-control", "content-length", "expires", "vary")


class Shell(NamedTuple):
    made_at: float
    headers: list[Header]
    body: bytes


def mark(name: str) -> str:
    """What stands in the shell where a visitor's own word goes."""
    return f"%%{name}%%"


class Shells:
    """Pages as Django made them in the last seconds."""

    def __init__(self, application: Any) -> None:
        self._application = application
        self._kept: dict[tuple[str, str, str], Shell] = {}

    def page(self, request: Request, room: Room, kind: str, facts: dict[str, Any], *cookies: Header) -> Answer:
        """The page of a kind (queue or door) with a visitor's own words in it.

        While Django cannot make one, the last one stands; before the first there is only a 503.
        """
        shell = self._shell(request, room, kind)
        if shell is None:
            return Answer(503, [("Content-Type", "text/plain; charset=utf-8"), ("Retry-After", "5"), *cookies], SORRY)
        body = shell.body
        for name in MARKS:
            value = facts.get(name)
            body = body.replace(mark(name).encode(), escape("" if value is None else str(value)).encode())
        return Answer(200, [*shell.headers, *cookies], body)

    def _shell(self, request: Request, room: Room, kind: str) -> Shell | None:
        key = (request.prefix, request.product, kind)
        kept = self._kept.get(key)
        if kept is not None and time.monotonic() - kept.made_at < KEEP_SECONDS:
            return kept
        leave_the_loop()
        made = self._render(request, room, kind)
        if made is not None:
            self._kept[key] = made
        return made or kept

    def _render(self, request: Request, room: Room, kind: str) -> Shell | None:
        asked = _environ(request, room) | {"WAITING_ROOM_KIND": kind}
        status, told, body = whole_answer(self._application, asked)
        if not status.startswith("200"):
            return None
        headers = [header for header in told if header[0].lower() not in _OWN_HEADERS]
        return Shell(time.monotonic(), headers, body)


def _environ(request: Request, room: Room) -> Environ:
    """A request of our own for the page, without anything of the visitor's."""
    site = urlsplit(settings.SITE_URL)
    kept = {name: value for name, value in request.environ.items() if name.startswith("wsgi.") or name in _SERVER}
    return kept | {
        "REQUEST_METHOD": "GET",
        "PATH_INFO": f"{request.prefix}waiting-room/",
        "QUERY_STRING": urlencode({"product": request.product}),
        "HTTP_HOST": site.netloc,
        "HTTP_X_FORWARDED_PROTO": site.scheme,
        "wsgi.url_scheme": site.scheme,
        "wsgi.input": BytesIO(),
        "WAITING_ROOM": room,
    }


_SERVER = ("SERVER_NAME", "SERVER_PORT", "SERVER_PROTOCOL", "SCRIPT_NAME", "REMOTE_ADDR")
