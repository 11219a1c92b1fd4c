"""What somebody who waits is told, in the language of the page."""

from __future__ import annotations

from functools import lru_cache

from babel.numbers import format_decimal
from django.utils import translation
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from reservations.queries import texts
from storefront.waiting_room.wait import Wait

BEFORE, DRAW, WAITING, STOPPED, ADMITTED = "before", "draw", "waiting", "stopped", "admitted"


@lru_cache(maxsize=10_000)
def number(language: str, value: int) -> str:
    """A whole number as the reader writes it."""
    return str(format_decimal(value, locale=texts.locale(language)))


@lru_cache(maxsize=100)
def title(language: str, state: str) -> str:
    with translation.override(language):
        return {
            BEFORE: _("You are in the waiting room"),
            DRAW: _("You take part in the draw"),
            WAITING: _("You are in the queue"),
            STOPPED: _("You are in the queue"),
            ADMITTED: _("It is your turn"),
        }[state]


@lru_cache(maxsize=10_000)
def ahead(language: str, count: int) -> str:
    """Places before one's own: some may belong to people who have left."""
    with translation.override(language):
        if count <= 0:
            return _("You are next.")
        words = ngettext(
            "At most %(count)s person is ahead of you.", "At most %(count)s people are ahead of you.", count
        )
        return words % {"count": number(language, count)}


@lru_cache(maxsize=1000)
def expected(language: str, state: str, wait: Wait | None) -> str:
    """How long it will take, or why nobody can say."""
    with translation.override(language):
        if state == BEFORE:
            return _("Your turn comes after the opening.")
        if state == DRAW:
            return _("Your number is drawn as soon as the window closes.")
        if state == STOPPED:
            return _("Nobody is let in at the moment. Your place is kept.")
        if wait is None:
            return _("We cannot tell yet how long it will take.")
        return _range(language, wait)


def _range(language: str, wait: Wait) -> str:
    if wait.high <= 1:
        return _("Expected wait: less than a minute.")
    facts = {"low": number(language, wait.low), "high": number(language, wait.high)}
    if wait.low < 1:
        return _("Expected wait: less than %(high)s minutes.") % facts
    return _("Expected wait: between %(low)s and %(high)s minutes.") % facts
