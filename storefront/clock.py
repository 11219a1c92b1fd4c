"""The one place where the front reads the clock."""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import UTC, datetime

_standing: ContextVar[datetime | None] = ContextVar("standing", default=None)


def now() -> datetime:
    """The present instant, aware, in UTC."""
    return _standing.get() or datetime.now(UTC)


@contextmanager
def standing_at(instant: datetime) -> Iterator[None]:
    """What is rendered within it is rendered for that instant. Nothing may be stored within it."""
    before = _standing.set(instant)
    try:
        yield
    finally:
        _standing.reset(before)
