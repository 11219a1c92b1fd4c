"""HTTP as bytes: raw requests for the load generator, and one plain request at a time to look at an answer."""

from __future__ import annotations

import http.client
import sys
from collections.abc import Mapping
from http import HTTPStatus

from storefront.rehearsal import wires
from storefront.rehearsal.wires import write_request

__all__ = ["NUMBER", "Answer", "ask", "is_up", "write_request"]

NUMBER = "##########"  # the load generator puts a number of ten digits here, another one in each request


class Answer(wires.Answer):
    """An answer that knows what was expected."""

    def expect(self, *statuses: int) -> Answer:
        """Itself, or the end of the bench."""
        if self.status not in statuses:
            sys.exit(f"expected {statuses}, got {self.status}: {self.body[:600]}")
        return self


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
