"""Ask a WSGI application and take its answer whole."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

Environ = dict[str, Any]
Header = tuple[str, str]


def whole_answer(
    application: Callable[[Environ, Callable[..., Any]], Iterable[bytes]], environ: Environ
) -> tuple[str, list[Header], bytes]:
    """Status line, headers and body (PEP 3333)."""
    told: list[Any] = []

    def start(status: str, headers: list[Header], *_: Any) -> None:
        told[:] = [status, headers]

    parts = application(environ, start)
    try:
        body = b"".join(parts)
    finally:
        close = getattr(parts, "close", None)
        if close:
            close()
    return told[0], list(told[1]), body
