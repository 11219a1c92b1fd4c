"""Visitors who read pages, wait, fill in forms, click twice, lose their connection, or leave."""

from __future__ import annotations

import asyncio
import json
import re
import time
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from http import HTTPStatus
from urllib.parse import urlencode, urlsplit

from storefront.rehearsal import plan
from storefront.rehearsal.plan import Visit
from storefront.rehearsal.wires import Answer, Wires

RESERVATIONS = "/api/v1/reservations/"
AGAIN_SECONDS = 0.5
FIELD = re.compile(r'<input type="(?:hidden|checkbox)" name="([^"]+)" value="([^"]*)"')
PLACES = re.compile(r'<option value="([A-Z]{2}-[^"]+)"')


@dataclass(frozen=True)
class Sample:
    """One request: `at` seconds after the opening, how long it took, and what came of it."""

    at: float
    what: str
    status: int
    seconds: float


@dataclass
class Seen:
    """What visitors saw."""

    samples: list[Sample] = field(default_factory=list)
    arrivals: list[float] = field(default_factory=list)
    waiting: list[tuple[float, int]] = field(default_factory=list)  # at, how many wait in the room then
    tickets: int = 0  # visitors who have a place in the waiting room, or were let through at once
    yes: dict[str, list[str]] = field(default_factory=dict)  # e-mail → each reference that was told
    places: dict[str, int] = field(default_factory=dict)  # reference → place, as the API told it
    no: Counter[str] = field(default_factory=Counter)
    cut_off: int = 0
    gave_up: int = 0


@dataclass
class Visitors:
    """`opens` and `until`: when it opens and when everybody goes home (monotonic seconds)."""

    wires: Wires
    api_key: str
    opens: float
    until: float
    seen: Seen = field(default_factory=Seen)
    in_room: int = 0

    async def come(self, visit: Visit) -> None:
        """One visit, from arrival to leaving."""
        await asyncio.sleep(max(0, self.opens + visit.at - time.monotonic()))
        self.seen.arrivals.append(visit.at)
        cookies: dict[str, str] = {}
        if visit.by_api:
            await self._order(visit)
        elif visit.kind == plan.LEAVES:
            await self._ask("page", f"{_prefix(visit)}products/{visit.offer.product}/", cookies)
            await self._ask("page", _form(visit), cookies)
        elif await self._wait(visit, cookies):
            await self._reserve(visit, cookies)

    async def _wait(self, visit: Visit, cookies: dict[str, str]) -> bool:
        """Through the waiting room, if there is one. False: it was time to go home."""
        query = f"?product={visit.offer.product}"
        answer = await self._ask("room", f"{_prefix(visit)}waiting-room/{query}", cookies)
        self.seen.tickets += answer is not None
        self._note_waiting(1)
        try:
            while answer is not None and answer.status == HTTPStatus.OK:
                facts = json.loads(answer.body) if answer.body.startswith("{") else {}
                if facts.get("state") == "admitted":
                    return True
                await asyncio.sleep(max(0, min(facts.get("poll_ms", 1000) / 1000, self.until - time.monotonic())))
                answer = await self._ask("room", f"{_prefix(visit)}waiting-room/poll/{query}", cookies)
            return answer is not None
        finally:
            self._note_waiting(-1)

    def _note_waiting(self, change: int) -> None:
        self.in_room += change
        self.seen.waiting.append((time.monotonic() - self.opens, self.in_room))

    async def _reserve(self, visit: Visit, cookies: dict[str, str]) -> None:
        page = await self._ask("page", f"{_form(visit)}?variant={visit.offer.sku}", cookies)
        if page is None or page.status != HTTPStatus.OK:
            return
        fields = dict(FIELD.findall(page.body)) | {"variant": visit.offer.sku, "quantity": "1", "name": "Ada Lovelace"}
        fields = {name: value for name, value in fields.items() if name != "show"}
        fields["email"] = _email(visit)
        if place := PLACES.search(page.body):
            fields["subdivision"] = place[1]
        headers = {"Content-Type": "application/x-www-form-urlencoded"}
        for answer in await self._send(visit, "form", _form(visit), headers, urlencode(fields), cookies):
            location = answer.headers.get("location", "")
            if "/r/" in location:
                self._note_yes(visit, urlsplit(location).path.split("/")[3])
            elif "/waiting-room/" in location:  # the broker forgot the turn: queue up again
                if await self._wait(visit, cookies):
                    await self._reserve(visit, cookies)
            else:
                code = re.search(r'data-code="([^"]+)"', answer.body)
                self.seen.no[code[1] if code else f"form {answer.status}"] += 1

    async def _order(self, visit: Visit) -> None:
        """A partner's order, sent again under its key until it is answered."""
        fields = {
            "market": visit.offer.market,
            "language": "en",
            "email": _email(visit),
            "name": "Ada Lovelace",
            "lines": [{"sku": visit.offer.sku, "quantity": 1}],
            "consents": [{"id": name, "version": version} for name, version in visit.offer.consents],
        }
        headers = {
            "Authorization": f"Bearer {self.api_key}",
            "Content-Type": "application/json",
            "Idempotency-Key": f"rehearsal-{visit.number}-{self.opens:.3f}",
        }
        for answer in await self._send(visit, "API", RESERVATIONS, headers, json.dumps(fields), {}):
            told = json.loads(answer.body)
            if answer.status == HTTPStatus.CREATED:
                self._note_yes(visit, told["reference"])
                self.seen.places[told["reference"]] = told["place"]["number"]
            else:
                self.seen.no[told["code"]] += 1

    async def _send(
        self, visit: Visit, what: str, path: str, headers: Mapping[str, str], body: str, cookies: dict[str, str]
    ) -> list[Answer]:
        """Once; twice at the same moment; or cut off and then again: as the visitor is."""
        if visit.kind == plan.IS_CUT_OFF:
            await self.wires.send_and_leave(path, {**headers, **_cookie(cookies)}, body)
            self.seen.cut_off += 1
        times = 2 if visit.kind == plan.CLICKS_TWICE else 1
        answers = await asyncio.gather(*(self._ask(what, path, dict(cookies), body, headers) for _ in range(times)))
        return [answer for answer in answers if answer is not None]

    def _note_yes(self, visit: Visit, reference: str) -> None:
        self.seen.yes.setdefault(_email(visit), []).append(reference)

    async def _ask(
        self,
        what: str,
        path: str,
        cookies: dict[str, str],
        body: str | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Answer | None:
        """Again and again while the site is in trouble; None when it is time to go home."""
        while time.monotonic() < self.until:
            began = time.monotonic()
            try:
                answer = await self.wires.ask(path, {**(headers or {}), **_cookie(cookies)}, body)
            except OSError:
                answer = None
            status = answer.status if answer else 0
            self.seen.samples.append(Sample(began - self.opens, what, status, time.monotonic() - began))
            if answer is not None and status < HTTPStatus.INTERNAL_SERVER_ERROR:
                for pair in filter(None, answer.headers["cookies"].split("; ")):
                    name, _, value = pair.partition("=")
                    cookies[name] = value
                return answer
            await asyncio.sleep(AGAIN_SECONDS)
        self.seen.gave_up += 1
        return None


def _prefix(visit: Visit) -> str:
    return f"/en-{visit.offer.market.lower()}/"


def _form(visit: Visit) -> str:
    return f"{_prefix(visit)}reserve/{visit.offer.product}/"


def _email(visit: Visit) -> str:
    return f"visitor-{visit.number}@rehearsal.example"


def _cookie(cookies: Mapping[str, str]) -> dict[str, str]:
    return {"Cookie": "; ".join(f"{name}={value}" for name, value in cookies.items())} if cookies else {}
