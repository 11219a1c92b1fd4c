"""The shelf: finished answers that are the same for everybody, kept in the process, in front of Django.

A view says with `kept` for how long at most its answer may be kept; the shelf serves it for that long, and no longer
than what it was made from is true (`queries/freshness.py`).
"""

from __future__ import annotations

import io
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import wraps
from operator import itemgetter
from typing import Any
from urllib.parse import parse_qsl, urlencode

import xxhash
from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.utils.cache import patch_cache_control
from django.utils.http import parse_etags, quote_etag
from django.views.decorators.http import conditional_page

from reservations.queries.freshness import Freshness, Mark
from storefront import clock
from storefront.at_hand import leave_the_loop
from storefront.whole import whole_answer

KEEP = "X-Keep-Seconds"
# A day: what it was made from is watched, so that this only bounds how long something unwatched may last.
LONG, SHORT = "86400", "1"
PARAMETERS = frozenset({"at", "cursor", "kind", "market", "page_size", "sku", "subdivision"})
Environ = dict[str, Any]
Start = Callable[..., Any]
View = Callable[..., HttpResponseBase]


def kept(view: View) -> View:
    """The answer is the same for everybody: no cookie goes in or out, caches ask again after a second, it has an ETag.

    Only `PARAMETERS` of the API's query reach the view: nothing else can make another answer.

    The view itself may set `KEEP` to `SHORT`, when its answer tells the time.
    """

    @wraps(view)
    def answered(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        response = view(request, *args, **kwargs)
        if response.status_code == 200 and isinstance(response, HttpResponse):
            response.headers.setdefault(KEEP, LONG)
            response.headers["ETag"] = quote_etag(xxhash.xxh3_128_hexdigest(response.content))
            patch_cache_control(response, public=True, max_age=1)
        return response

    return conditional_page(answered)


@dataclass(frozen=True)
class Answer:
    """What was answered, and until when it may be answered again."""

    status: str
    headers: list[tuple[str, str]]
    etag: str
    body: bytes
    mark: Mark | None
    until: float

    def send(self, environ: Environ, start: Start) -> Iterable[bytes]:
        asked = environ.get("HTTP_IF_NONE_MATCH")
        if asked and self.etag and _matches(self.etag, asked):
            names = ("cache-control", "etag", "date", "expires")
            start("304 Not Modified", [each for each in self.headers if each[0].lower() in names])
            return []
        start(self.status, self.headers)
        return [] if environ["REQUEST_METHOD"] == "HEAD" else [self.body]


def _matches(etag: str, asked: str) -> bool:
    """If-None-Match, compared weakly (RFC 9110, 13.1.2)."""
    return "*" in (known := parse_etags(asked)) or etag.removeprefix("W/") in {
        each.removeprefix("W/") for each in known
    }


class Shelf:
    """Wraps the application. What is not for everybody passes through untouched."""

    MOST_ANSWERS, MOST_BYTES = 1000, 64_000_000

    def __init__(self, application: Callable[[Environ, Start], Iterable[bytes]]) -> None:
        self._application = application
        self._freshness = Freshness(before_asking=leave_the_loop)
        self._lock = threading.Lock()
        self._answers: OrderedDict[tuple[str, ...], Answer] = OrderedDict()
        self._bytes = 0
        self._builders: dict[tuple[str, ...], threading.Lock] = {}

    def __call__(self, environ: Environ, start: Start) -> Iterable[bytes]:
        if environ["REQUEST_METHOD"] not in ("GET", "HEAD") or "HTTP_AUTHORIZATION" in environ or not settings.SHELF:
            return self._application(environ, start)
        if not is_public(environ["PATH_INFO"]):
            return self._application(environ, start)
        query = _known_query(environ)
        key = (environ.get("HTTP_HOST", ""), environ.get("HTTP_X_FORWARDED_PROTO", ""), environ["PATH_INFO"], query)
        answer = self._find(key)
        if answer is None or not self._is_true(answer):
            answer = self._build_once(key, environ, answer)
        return answer.send(environ, start)

    def _find(self, key: tuple[str, ...]) -> Answer | None:
        """What is asked for stays; what nobody asks for goes first."""
        with self._lock:
            if key in self._answers:
                self._answers.move_to_end(key)
            return self._answers.get(key)

    def _is_true(self, answer: Answer) -> bool:
        return time.monotonic() < answer.until and answer.mark is not None and answer.mark == self._mark()

    def _mark(self) -> Mark | None:
        return self._freshness.mark(clock.now())

    def _build_once(self, key: tuple[str, ...], environ: Environ, old: Answer | None) -> Answer:
        """One builds, the others wait for what it has built."""
        leave_the_loop()
        with self._lock:
            builder = self._builders.setdefault(key, threading.Lock())
        try:
            with builder:
                answer = self._find(key)
                if answer is None or answer is old or not self._is_true(answer):
                    answer = self._build(key, environ)
                return answer
        finally:
            with self._lock:
                self._builders.pop(key, None)

    def _build(self, key: tuple[str, ...], environ: Environ) -> Answer:
        mark, began = self._mark(), time.monotonic()  # read before: what is built from older facts is never kept as new
        status, headers, body = whole_answer(self._application, _for_everybody(environ, key[-1]))
        named = {name.lower(): value for name, value in headers}
        until = began + float(named.get(KEEP.lower(), 0))
        headers = [each for each in headers if each[0].lower() not in (KEEP.lower(), "content-length", "vary")]
        headers.append(("Content-Length", str(len(body))))
        answer = Answer(status, headers, named.get("etag", ""), body, mark, until)
        if KEEP.lower() in named and "set-cookie" not in named and "cookie" not in named.get("vary", "").lower():
            self._keep(key, answer)
        return answer

    def _keep(self, key: tuple[str, ...], answer: Answer) -> None:
        with self._lock:
            old = self._answers.pop(key, None)
            self._bytes += len(answer.body) - (len(old.body) if old else 0)
            self._answers[key] = answer
            while len(self._answers) > self.MOST_ANSWERS or self._bytes > self.MOST_BYTES:
                _, oldest = self._answers.popitem(last=False)
                self._bytes -= len(oldest.body)


def is_public(path: str) -> bool:
    """Whether the answer may be one to keep: the open part of the API, and pages below a language and market."""
    if path.startswith("/api/v1/"):
        return not path.startswith(("/api/v1/reservations/", "/api/v1/allotments/"))
    parts = path.split("/")
    if len(parts) < 3 or "-" not in parts[1]:
        return path in ("/robots.txt", "/sitemap.xml")
    return parts[2] in ("", "products", "availability", "privacy", "terms", "accessibility")


def _known_query(environ: Environ) -> str:
    """The query without what no view reads, such as where an advertisement was seen; pages read none."""
    if not environ["PATH_INFO"].startswith("/api/") or not environ.get("QUERY_STRING"):
        return ""
    given = parse_qsl(environ["QUERY_STRING"], keep_blank_values=True)
    return urlencode(sorted((pair for pair in given if pair[0] in PARAMETERS), key=itemgetter(0)))


def _for_everybody(environ: Environ, query: str) -> Environ:
    """The request without what belongs to one visitor, and without conditions."""
    personal = ("HTTP_COOKIE", "HTTP_IF_NONE_MATCH", "HTTP_IF_MODIFIED_SINCE", "HTTP_RANGE", "HTTP_ACCEPT_LANGUAGE")
    plain = {name: value for name, value in environ.items() if name not in personal}
    return plain | {"REQUEST_METHOD": "GET", "QUERY_STRING": query, "wsgi.input": io.BytesIO(), "CONTENT_LENGTH": "0"}
