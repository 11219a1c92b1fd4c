"""HTTP: /v1/ for the library, /pay/ for customers, /admin/ for tests."""

from __future__ import annotations

import base64
import json
import socket
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import urlsplit

from stripe_standin import forms, money, pages
from stripe_standin.admin import Admin
from stripe_standin.api import Answer, Api, error
from stripe_standin.books import Books
from stripe_standin.faults import Fault, Faults, kill_caller
from stripe_standin.hooks import Hooks, public
from stripe_standin.money import Refused

KEYS = ("sk_test_", "rk_test_")
BEFORE: dict[str, Answer] = {
    "rate_limit": error("Too many requests.", 429, kind="invalid_request_error", code="rate_limit"),
    "lock": error(
        "This object cannot be accessed right now because another API request or Stripe process is currently "
        "accessing it.",
        429,
        code="lock_timeout",
    ),
    "error_before": error("Something went wrong on Stripe's end.", 500, kind="api_error"),
}


class Server(ThreadingHTTPServer):
    request_queue_size = 256
    daemon_threads = True

    def __init__(
        self, host: str, port: int, *, books: Books, hooks: Hooks, currencies: set[str], any_expiry: bool = False
    ) -> None:
        super().__init__((host, port), Handler)
        self.books, self.hooks, self.faults = books, hooks, Faults()
        self.api = Api(books, base=f"http://{host}:{port}", currencies=currencies, any_expiry=any_expiry)
        self.admin = Admin(self.books, self.hooks, self.faults)
        self.requests: list[dict[str, Any]] = []


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: Server

    def setup(self) -> None:
        self.request.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        super().setup()

    def log_message(self, *words: object) -> None:
        """Nothing: tests read /admin/requests."""

    def do_GET(self) -> None:
        self._serve("GET")

    def do_POST(self) -> None:
        self._serve("POST")

    def do_DELETE(self) -> None:
        self._serve("DELETE")

    def _serve(self, method: str) -> None:
        url = urlsplit(self.path)
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0)).decode()
        if url.path.startswith("/v1/"):
            self._api(method, url.path, forms.flat(body or url.query))
        elif url.path.startswith("/pay/"):
            self._pay(method, url.path, forms.flat(body))
        elif url.path.startswith("/admin/"):
            status, answer = self.server.admin.answer(method, url.path, json.loads(body or "{}"), self.server.requests)
            self._json(status, answer)
        elif url.path == "/health":
            self._json(200, {"status": "ok"})
        else:
            self._html(200, pages.list_page(self.server.books))

    def _api(self, method: str, path: str, fields: dict[str, str]) -> None:
        if self.server.admin.is_away():
            self._drop()
            return
        if not self._key().startswith(KEYS):
            self._json(*error("Invalid API Key provided.", 401))
            return
        fault = self.server.faults.take(method, path, fields)
        if fault and fault.fault == "kill_before":
            self._kill()
            return
        if fault and fault.fault in BEFORE:
            self._json(*BEFORE[fault.fault])
            return
        key = self.headers.get("Idempotency-Key", "")
        answer, is_replayed = self.server.api.call(method, path, fields, key)
        self.server.requests.append(
            {"method": method, "path": path, "key": key, "status": answer[0], "replayed": is_replayed}
        )
        if fault and not self._after(fault, method, path, fields, key):
            return
        self._json(*answer, replayed=is_replayed)

    def _after(self, fault: Fault, method: str, path: str, fields: dict[str, str], key: str) -> bool:
        """The work is done; whether it is answered as usual."""
        if fault.fault == "kill_after":
            self._kill()
        elif fault.fault == "error_after":
            answer = error("Something went wrong on Stripe's end.", 500, kind="api_error")
            if key:
                self.server.api.keep(key, {"method": method, "path": path, "fields": fields}, answer)
            self._json(*answer)
        elif fault.fault == "timeout":
            time.sleep(fault.seconds)
            self._drop()
        else:
            time.sleep(fault.seconds)
            return True
        return False

    def _key(self) -> str:
        kind, _, value = self.headers.get("Authorization", "").partition(" ")
        if kind == "Basic":
            return base64.b64decode(value).decode().partition(":")[0]
        return value

    def _kill(self) -> None:
        kill_caller(self.client_address[1], self.server.server_address[1])
        self._drop()

    def _drop(self) -> None:
        """End the connection without an answer."""
        self.close_connection = True
        self.connection.shutdown(socket.SHUT_RDWR)

    def _pay(self, method: str, path: str, fields: dict[str, str]) -> None:
        _, _, identifier, *rest = path.split("/")
        books = self.server.books
        with books.lock:
            session = books.get(identifier, "checkout.session")
            if session is None:
                self._html(404, pages.page("Not found", "<p>There is no such page.</p>"))
            elif session["status"] == "complete":
                self._redirect(pages.success_url(session))
            elif method == "GET" or session["status"] == "expired":
                shown = pages.authenticate_page(session) if rest == ["authenticate"] else pages.pay_page(books, session)
                self._html(200, shown)
            else:
                self._take_payment(session, rest, fields)

    def _take_payment(self, session: Any, rest: list[str], fields: dict[str, str]) -> None:
        books = self.server.books
        try:
            if rest == ["authenticate"]:
                outcome = money.authenticate(books, session, succeeds=fields.get("result") == "complete")
            else:
                outcome = money.pay(
                    books, session, number=fields.get("number", ""), method=fields.get("method", "card")
                )
        except Refused as refused:
            self._html(402, pages.pay_page(books, session, refused.message))
            return
        if outcome == "declined":
            self._html(402, pages.pay_page(books, books.objects[session["id"]], "Your card was declined."))
        elif outcome == "authenticate":
            self._redirect(f"/pay/{session['id']}/authenticate")
        else:
            self._redirect(pages.success_url(session))

    def _json(self, status: int, answer: Any, *, replayed: bool = False) -> None:
        headers = {"Content-Type": "application/json", "Request-Id": f"req_{time.monotonic_ns():x}"}
        if replayed:
            headers["Idempotent-Replayed"] = "true"
        self._answer(status, json.dumps(public(answer)).encode(), headers)

    def _html(self, status: int, content: bytes) -> None:
        self._answer(status, content, {"Content-Type": "text/html; charset=utf-8"})

    def _redirect(self, to: str) -> None:
        self._answer(303, b"", {"Location": to})

    def _answer(self, status: int, content: bytes, headers: dict[str, str]) -> None:
        try:
            self.send_response(status)
            for name, value in {**headers, "Content-Length": str(len(content))}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(content)
        except OSError:  # whoever asked is gone
            self.close_connection = True
