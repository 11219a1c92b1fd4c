"""A crowd of visitors in one process: each with cookies, a place in the waiting room, and a form to send."""

from __future__ import annotations

import asyncio
import json
import re
import time
from collections import Counter
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from http import HTTPStatus
from urllib.parse import urlencode, urlsplit

from bench.customers import API, HOT_MARKET, HOT_PRODUCT, Offer, write_body, write_headers
from bench.wire import Answer, write_request

PREFIX = f"/en-{HOT_MARKET.lower()}"
ROOM = f"{PREFIX}/waiting-room/"
QUERY = f"?product={HOT_PRODUCT}"
FORM = f"{PREFIX}/reserve/{HOT_PRODUCT}/"
CONNECTIONS = 256
AGAIN_SECONDS = 0.5
FIELD = re.compile(r'<input type="(?:hidden|checkbox)" name="([^"]+)" value="([^"]*)"')


class Wires:
    """Connections that are kept and shared. A broken one raises OSError and is made anew."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._free: list[tuple[asyncio.StreamReader, asyncio.StreamWriter]] = []
        self._room = asyncio.Semaphore(CONNECTIONS)

    async def ask(self, path: str, headers: Mapping[str, str] | None = None, body: str | None = None) -> Answer:
        async with self._room, self._wire() as (reader, writer):
            writer.write(write_request("GET" if body is None else "POST", path, headers, body or ""))
            return await _read(reader)

    @asynccontextmanager
    async def _wire(self) -> AsyncIterator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
        wire = self._free.pop() if self._free else await asyncio.open_connection("127.0.0.1", self._port)
        try:
            yield wire
        except BaseException:
            wire[1].close()
            raise
        self._free.append(wire)

    def close(self) -> None:
        for _, writer in self._free:
            writer.close()


async def _read(reader: asyncio.StreamReader) -> Answer:
    try:
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
        fields = [line.partition(": ") for line in head[1:] if line]
        headers = {name.lower(): value for name, _, value in fields}
        headers["cookies"] = "; ".join(value.split(";")[0] for name, _, value in fields if name.lower() == "set-cookie")
        body = await _read_body(reader, headers)
    except asyncio.IncompleteReadError as error:
        raise ConnectionResetError from error
    return Answer(int(head[0].split(" ")[1]), headers, body.decode())


async def _read_body(reader: asyncio.StreamReader, headers: Mapping[str, str]) -> bytes:
    if headers.get("transfer-encoding") != "chunked":
        return await reader.readexactly(int(headers.get("content-length", 0)))
    parts = []
    while size := int(await reader.readuntil(b"\r\n"), 16):
        parts.append((await reader.readexactly(size + 2))[:-2])
    await reader.readexactly(2)
    return b"".join(parts)


@dataclass
class Told:
    """What the crowd was told, seen from outside."""

    answers: Counter[int] = field(default_factory=Counter)
    cut_off: int = 0
    tickets: int = 0
    refused: Counter[str] = field(default_factory=Counter)
    references: dict[str, str] = field(default_factory=dict)  # e-mail → reference, of each yes on the website
    orders: dict[str, tuple[str, int]] = field(default_factory=dict)  # e-mail → id and place, of each yes of the API
    trouble_at: list[float] = field(default_factory=list)


@dataclass
class Crowd:
    """`until` is the instant (monotonic) at which everybody goes home."""

    wires: Wires
    until: float
    told: Told = field(default_factory=Told)

    async def visit(self, number: int, arrives: float) -> None:
        """Queue up, wait, fill in the form, send it."""
        await _sleep_until(arrives)
        cookies: dict[str, str] = {}
        answer = await self._ask(f"{ROOM}{QUERY}", cookies)
        if answer is None:
            return
        self.told.tickets += 1
        while answer.status == HTTPStatus.OK:
            facts = json.loads(answer.body) if answer.body.startswith("{") else {}
            if facts.get("state") == "admitted":
                break
            if not await self._pause(facts.get("poll_ms", 3000) / 1000):
                return
            answer = await self._ask(f"{ROOM}poll/{QUERY}", cookies)
            if answer is None:
                return
        await self._reserve(number, cookies)

    async def _reserve(self, number: int, cookies: dict[str, str]) -> None:
        page = await self._ask(FORM, cookies)
        if page is None or page.status != HTTPStatus.OK:
            return
        email = f"visitor-{number}@crowd.example"
        fields = {
            name: value
            for name, value in FIELD.findall(page.body)
            if name in ("csrfmiddlewaretoken", "attempt") or name.startswith("consent_")
        }
        fields |= {"variant": "S1-BLK", "quantity": "1", "email": email, "name": "Ada Lovelace"}
        answer = await self._ask(FORM, cookies, urlencode(fields))
        if answer is None:
            return
        if answer.status == HTTPStatus.SEE_OTHER and "/r/" in answer.headers["location"]:
            self.told.references[email] = urlsplit(answer.headers["location"]).path.split("/")[3]
        else:
            code = re.search(r'data-code="([^"]+)"', answer.body)
            self.told.refused[code[1] if code else f"status {answer.status}"] += 1

    async def order(self, number: int, arrives: float, offer: Offer, api_key: str) -> None:
        """A partner's order, sent again with its key until it is answered."""
        await _sleep_until(arrives)
        name = f"{number:010d}"
        answer = await self._ask(f"{API}/reservations/", {}, write_body(offer, name), write_headers(api_key, name))
        if answer is not None and answer.status == HTTPStatus.CREATED:
            made = json.loads(answer.body)
            self.told.orders[f"customer-{name}@bench.example"] = (made["id"], made["place"]["number"])
        elif answer is not None:
            self.told.refused[json.loads(answer.body)["code"]] += 1

    async def _ask(
        self, path: str, cookies: dict[str, str], body: str | None = None, headers: Mapping[str, str] | None = None
    ) -> Answer | None:
        """Again and again while the site is in trouble or cuts us off; None when it is time to go home."""
        while time.monotonic() < self.until:
            fields = {"Cookie": "; ".join(f"{name}={value}" for name, value in cookies.items())} if cookies else {}
            if body is not None and headers is None:
                fields |= {"Content-Type": "application/x-www-form-urlencoded"}
            try:
                answer = await self.wires.ask(path, {**fields, **(headers or {})}, body)
            except OSError:
                self.told.cut_off += 1
                self.told.trouble_at.append(time.monotonic())
                await asyncio.sleep(AGAIN_SECONDS)
                continue
            self.told.answers[answer.status] += 1
            for pair in filter(None, answer.headers["cookies"].split("; ")):
                name, _, value = pair.partition("=")
                cookies[name] = value
            if answer.status < HTTPStatus.INTERNAL_SERVER_ERROR:
                return answer
            self.told.trouble_at.append(time.monotonic())
            await asyncio.sleep(AGAIN_SECONDS)
        return None

    async def _pause(self, seconds: float) -> bool:
        """Whether there is still time afterwards."""
        await asyncio.sleep(max(0, min(seconds, self.until - time.monotonic())))
        return time.monotonic() < self.until


async def _sleep_until(instant: float) -> None:
    await asyncio.sleep(max(0, instant - time.monotonic()))
