"""The shelf: what is the same for everybody is made once, and never served when it is no longer true."""

from __future__ import annotations

import io
import threading
from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta
from typing import Any

import pytest
import time_machine
from django.conf import settings
from django.core.signals import request_finished, request_started
from django.db import close_old_connections

from reservations.actions.deciding import rebuild_decisions
from reservations.actions.reserving import reserve
from reservations.models import Allotment, Market, StopSale
from reservations.queries.freshness import Freshness
from reservations.rules import opening
from storefront.shelf import Shelf
from storefront.wsgi import django_application
from tests.world import AT, OPENS_AT, allotment, wish

pytestmark = [pytest.mark.django_db, pytest.mark.both_databases]
API = "/api/v1/products/glasses-s1/"
PAGES = [
    "/en-de/",
    "/en-de/products/glasses-s1/",
    "/en-de/availability/",
    "/en-de/privacy/",
    "/en-de/terms/",
    "/robots.txt",
]
OPEN = ["/api/v1/products/", f"{API}?market=DE", f"{API}availability/", "/api/v1/markets/", "/api/v1/launches/"]


class Reader:
    """A shelf on Django, and how often Django was asked."""

    def __init__(self) -> None:
        self.asked = 0
        self.shelf = Shelf(self._django)

    def _django(self, environ: dict[str, Any], start: Any) -> Iterable[bytes]:
        self.asked += 1
        return django_application(environ, start)

    def get(self, url: str, method: str = "GET", **headers: str) -> tuple[int, dict[str, str], str]:
        path, _, query = url.partition("?")
        environ = {
            "REQUEST_METHOD": method, "PATH_INFO": path, "QUERY_STRING": query, "SERVER_NAME": "localhost",
            "SERVER_PORT": "80", "HTTP_HOST": "localhost", "wsgi.url_scheme": "http", "wsgi.input": io.BytesIO(),
            "wsgi.errors": io.StringIO(), **{f"HTTP_{name.upper()}": value for name, value in headers.items()},
        }  # fmt: skip
        told: list[Any] = []
        body = b"".join(self.shelf(environ, lambda *given: told.extend(given)))
        return int(told[0].split()[0]), {name.lower(): value for name, value in told[1]}, body.decode()

    def status(self, url: str = f"{API}availability/?market=DE") -> str:
        _, _, body = self.get(url)
        return body.partition('"status":"')[2].partition('"')[0]


@pytest.fixture
def moment(launch_data: datetime) -> Iterator[Any]:
    signals = (request_started, request_finished)  # the test's transaction outlives its requests
    for signal in signals:
        signal.disconnect(close_old_connections)
    with time_machine.travel(AT, tick=False) as traveller:
        yield traveller
    for signal in signals:
        signal.connect(close_old_connections)


@pytest.fixture
def reader(moment: Any, monkeypatch: pytest.MonkeyPatch) -> Reader:
    monkeypatch.setattr(Freshness, "SECONDS", 0.0)  # asks the database each time
    return Reader()


@pytest.mark.parametrize("url", PAGES + OPEN)
def test_what_is_public_is_made_once_and_carries_nothing_personal(reader: Reader, url: str) -> None:
    first = reader.get(url, cookie="sessionid=x; csrftoken=y; place=de-ch", accept_language="de")
    again = reader.get(url)
    assert first == again and first[0] == 200 and reader.asked == 1
    assert "set-cookie" not in first[1] and "vary" not in first[1] and "x-keep-seconds" not in first[1]
    assert first[1]["cache-control"] == "public, max-age=1" and first[1]["etag"]


@pytest.mark.parametrize("url", PAGES + OPEN)
def test_who_knows_it_already_is_told_so(reader: Reader, url: str) -> None:
    _, headers, _ = reader.get(url)
    for known in (headers["etag"], f'"other", W/{headers["etag"].removeprefix("W/")}', "*"):
        status, told, body = reader.get(url, if_none_match=known)
        assert (status, body, told["etag"]) == (304, "", headers["etag"]) and reader.asked == 1
    assert reader.get(url, if_none_match='"other"')[0] == 200


def test_a_head_request_has_the_same_headers_and_no_body(reader: Reader) -> None:
    _, headers, _ = reader.get(API)
    assert reader.get(API, method="HEAD") == (200, headers, "")


@pytest.mark.parametrize(
    "url", ["/", "/en-de/reserve/glasses-s1/", "/en-de/notify/?product=glasses-s1", "/health/live", "/en-de/nowhere/"]
)
def test_what_is_somebodys_own_passes_through(reader: Reader, url: str) -> None:
    reader.get(url)
    reader.get(url)
    assert reader.asked == 2


def test_what_is_not_there_is_not_kept(reader: Reader) -> None:
    assert [reader.get("/api/v1/products/none/")[0] for _ in range(2)] == [404, 404] and reader.asked == 2


def test_what_no_view_reads_makes_no_answer_of_its_own(reader: Reader) -> None:
    page = "/en-de/products/glasses-s1/"
    assert reader.get(f"{page}?utm_source=x") == reader.get(f"{page}?fbclid=y") == reader.get(page)
    assert reader.get(f"{API}?utm_source=x&market=DE") == reader.get(f"{API}?market=DE") and reader.asked == 2


def test_a_request_with_a_key_passes_through(reader: Reader) -> None:
    for _ in range(2):
        assert reader.get("/api/v1/products/", authorization="Bearer x")[0] == 200
    assert reader.asked == 2


def test_a_stop_sale_is_seen_at_once(reader: Reader) -> None:
    assert reader.status() == "open"
    page = reader.get("/en-de/products/glasses-s1/")[2]
    StopSale.objects.create(market_id="DE", since=AT, reason="recall")
    rebuild_decisions(at=AT, cause="stop-sale")
    assert reader.status() == "paused" and reader.get("/en-de/products/glasses-s1/")[2] != page


def test_a_change_that_went_past_the_actions_is_seen_too(reader: Reader) -> None:
    assert '"withdrawal' not in reader.get("/api/v1/markets/DE/")[2]
    Market.objects.filter(code="DE").update(name="Allemagne")
    assert "Allemagne" in reader.get("/api/v1/markets/DE/")[2]


def test_a_reservation_among_many_makes_nothing_anew(reader: Reader) -> None:
    assert reader.status() == "open"
    reserve(wish=wish(), at=AT)
    assert reader.status() == "open" and reader.asked == 1


def test_the_last_unit_is_seen(reader: Reader) -> None:
    Allotment.objects.filter(pk=allotment().pk).update(capacity=1)
    assert reader.status() == "open"
    reserve(wish=wish(), at=AT)
    assert reader.status() == "waitlist"


def test_of_the_last_few_each_is_seen(reader: Reader) -> None:
    Allotment.objects.filter(pk=allotment().pk).update(capacity=opening.FEW)
    for left in (20, 19, 18):
        assert f"{left} left" in reader.get("/en-de/products/glasses-s1/")[2]
        reserve(wish=wish(email=f"c{left}@x.example"), at=AT)


def test_an_opening_is_seen_on_the_instant(reader: Reader, moment: Any) -> None:
    moment.move_to(OPENS_AT - timedelta(milliseconds=1))
    assert reader.status() == "announced"
    moment.move_to(OPENS_AT)
    assert reader.status() == "open"


def test_a_crowd_has_an_answer_built_once(moment: Any) -> None:
    reader = Reader()
    reader.shelf._freshness.mark(AT)
    gate, seen = threading.Barrier(8), []
    body = b"x" * 100

    def slow(environ: dict[str, Any], start: Any) -> Iterable[bytes]:
        reader.asked += 1
        threading.Event().wait(0.1)
        start("200 OK", [("ETag", '"1"'), ("X-Keep-Seconds", "60")])
        return [body]

    reader.shelf._application = slow
    reader.shelf._freshness.SECONDS = 60  # type: ignore[misc]  # the threads have no database of this test

    def ask() -> None:
        gate.wait()
        seen.append(reader.get(API)[0])

    threads = [threading.Thread(target=ask) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert seen == [200] * 8 and reader.asked == 1


def test_many_urls_do_not_fill_the_memory(reader: Reader, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Shelf, "MOST_ANSWERS", 3)
    for code in ("DE", "FR", "IT", "DE", "JP", "KR"):
        reader.get(f"/api/v1/markets/{code}/")
    assert [key[2][-3:-1] for key in reader.shelf._answers] == ["DE", "JP", "KR"] and not reader.shelf._builders
    assert reader.shelf._bytes == sum(len(each.body) for each in reader.shelf._answers.values())


def test_the_shelf_is_on_where_the_shop_is_served() -> None:
    assert settings.SHELF
