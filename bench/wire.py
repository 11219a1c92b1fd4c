"""HTTP as bytes: raw requests for the load generator, and one plain request at a time to look at an answer."""

from __future__ import annotations

import http.client
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from http import HTTPStatus

NUMBER = "##########"  # the load generator puts a number of ten digits here, another one in each request


@dataclass(frozen=True)
class Answer:
    status: int
    headers: Mapping[str, str]
    body: str

    def expect(self, *statuses: int) -> Answer:
        """Itself, or the end of the bench."""
        if self.status not in statuses:
            sys.exit(f"expected {statuses}, got {self.status}: {self.body[:600]}")
        return self


def write_request(method: str, path: str, headers: Mapping[str, str] | None = None, body: str = "") -> bytes:
    """One HTTP/1.1 request on a connection that is kept."""
    fields = {"Host": "localhost", **(headers or {})}
    if method == "POST":
        fields["Content-Length"] = str(len(body.encode()))
    head = "".join(f"{name}: {value}\r\n" for name, value in fields.items())
    return f"{method} {path} HTTP/1.1\r\n{head}\r\n{body}".encode()


def ask(port: int, path: str, headers: Mapping[str, str] | None = None, body: str | None = None) -> Answer:
    """GET, or POST when there is a body."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    try:
        content = None if body is None else body.encode()
        fields = {"Host": "localhost", **(headers or {})}
        connection.request("GET" if body is None else "POST", path, content, fields)
        response = connection.getresponse()
        cookies = "; ".join(value.split(";")[0] for value in response.headers.get_all("Set-Cookie", []))
        found = {name.lower(): value for name, value in response.getheaders()} | {"cookies": cookies}
        return Answer(response.status, found, response.read().decode())
    finally:
        connection.close()


def is_up(port: int, path: str) -> bool:
    try:
        return ask(port, path).status == HTTPStatus.OK
    except (OSError, http.client.HTTPException):
        return False
