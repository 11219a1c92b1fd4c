"""A room on the sample launch, a real Redis, and the time as the test says."""

from __future__ import annotations

import json
import re
import uuid
from collections.abc import Iterator
from datetime import datetime, timedelta
from io import BytesIO
from typing import Any, NamedTuple

import pytest
import redis
import time_machine
from django.core.signals import request_finished, request_started
from django.db import close_old_connections

from reservations.actions import drawing
from reservations.models import Launch, LaunchMarket
from reservations.queries.rooms import Room
from storefront.waiting_room.layer import WaitingRoom
from storefront.waiting_room.queue import Queue, connect
from storefront.waiting_room.rooms import Rooms
from storefront.wsgi import django_application
from tests.world import AT

OPENS = AT
FORM = "/en-de/reserve/glasses-s1/"
PAGE = "/en-de/waiting-room/"
POLL = "/en-de/waiting-room/poll/"
PRODUCT = "product=glasses-s1"
POOL = "glasses-2026:1"


class Answer(NamedTuple):
    status: int
    headers: list[tuple[str, str]]
    body: bytes

    @property
    def location(self) -> str:
        return dict(self.headers)["Location"]

    @property
    def cookies(self) -> dict[str, str]:
        pairs = [value.split(";")[0] for name, value in self.headers if name == "Set-Cookie"]
        return dict(pair.split("=", 1) for pair in pairs)  # type: ignore[misc]

    @property
    def facts(self) -> dict[str, Any]:
        return json.loads(self.body)  # type: ignore[no-any-return]

    @property
    def text(self) -> str:
        return self.body.decode()


class Visitor:
    """A browser without its screen: keeps cookies, follows nothing by itself."""

    def __init__(self, layer: WaitingRoom, cookies: dict[str, str] | None = None) -> None:
        self.layer, self.cookies = layer, cookies or {}

    def ask(self, path: str, query: str = "", method: str = "GET", body: str = "", **extra: str) -> Answer:
        told: list[Any] = []
        path, _mark, inline = path.partition("?")
        environ: dict[str, Any] = {
            "REQUEST_METHOD": method,
            "PATH_INFO": path,
            "QUERY_STRING": query or inline,
            "SERVER_NAME": "localhost",
            "SERVER_PORT": "8000",
            "SERVER_PROTOCOL": "HTTP/1.1",
            "HTTP_HOST": "localhost",
            "HTTP_COOKIE": "; ".join(f"{name}={value}" for name, value in self.cookies.items()),
            "CONTENT_TYPE": "application/x-www-form-urlencoded",
            "CONTENT_LENGTH": str(len(body)),
            "wsgi.input": BytesIO(body.encode()),
            "wsgi.errors": BytesIO(),
            "wsgi.url_scheme": "http",
            **extra,
        }
        parts = self.layer(environ, lambda status, headers, *rest: told.extend([status, headers]))
        answer = Answer(int(told[0][:3]), told[1], b"".join(parts))
        self.cookies |= answer.cookies
        return answer

    def page(self, query: str = PRODUCT) -> Answer:
        return self.ask(PAGE, query)

    def poll(self) -> dict[str, Any]:
        return self.ask(POLL, PRODUCT).facts

    @property
    def ticket(self) -> str:
        return self.cookies["ticket-glasses-2026-1"]

    @property
    def number(self) -> int:
        return int(re.search(r"data-place>(\d*)<", self.page().text)[1])  # type: ignore[index]


class Stage:
    """The room, its clock and its visitors."""

    def __init__(self, client: redis.Redis, travel: Any) -> None:
        self.client, self.travel = client, travel
        self.world = uuid.uuid4().hex  # tests that run at the same time share a Redis
        self.at = OPENS
        self.rooms = Rooms(fresh_seconds=1e6)
        self.layer = self.another_process()

    def another_process(self) -> WaitingRoom:
        return WaitingRoom(django_application, rooms=self.rooms, make_queue=self.queue)

    def notice(self) -> None:
        """What a second does: the process reads the rooms again."""
        self.rooms._renewal.renew(-1e9)

    def queue(self, key: str = POOL) -> Queue:
        return Queue(f"{key}-{self.world}", self.client, clock=lambda: int(self.at.timestamp() * 1000), fresh_seconds=0)

    def go(self, seconds: float) -> None:
        self.at += timedelta(seconds=seconds)
        self.travel.move_to(self.at)
        self.notice()

    def visitor(self, cookies: dict[str, str] | None = None) -> Visitor:
        return Visitor(self.layer, cookies)

    def crowd(self, count: int) -> list[Visitor]:
        """So many visitors in the room, in this order."""
        everybody = [self.visitor() for _ in range(count)]
        for visitor in everybody:
            visitor.page()
        return everybody

    def set(self, **values: Any) -> None:
        Launch.objects.update(**values)
        self.notice()

    def open_at(self, opens_at: datetime, **where: str) -> None:
        LaunchMarket.objects.filter(**where).update(opens_at=opens_at)
        self.notice()

    def promise_a_draw(self, minutes: int = 2, opens_in: float = 1200) -> None:
        """The opening lies ahead, and staff have set a draw."""
        self.open_at(OPENS + timedelta(seconds=opens_in))
        self.set(draw_minutes=minutes)
        drawing.prepare(launch_id=Launch.objects.get().pk, at=self.at)

    @property
    def room(self) -> Room:
        self.notice()
        return self.rooms.find("DE", "glasses-s1")  # type: ignore[return-value]


@pytest.fixture
def stage(launch_data: datetime) -> Iterator[Stage]:
    """A launch that opens this instant, first come first served, 60 a minute."""
    Launch.objects.update(has_waiting_room=True, admission_per_minute=60)
    LaunchMarket.objects.update(opens_at=OPENS)
    signals = (request_started, request_finished)  # the test's transaction outlives its requests
    for signal in signals:
        signal.disconnect(close_old_connections)
    with time_machine.travel(OPENS, tick=False) as travel:
        made = Stage(connect(), travel)
        yield made
        made.client.delete(*made.queue().keys)
    for signal in signals:
        signal.connect(close_old_connections)
