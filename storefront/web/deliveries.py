"""When a reservation is delivered, what was said of it before, and what is asked of its holder."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

from django.utils.translation import gettext as _

from reservations.models import Reservation
from reservations.queries import texts
from reservations.queries.places import Standing
from reservations.rules import lifecycle


def delivery(row: Reservation, standing: Standing) -> dict[str, Any]:
    """The window as last computed, with the day of it; and every window that was said before, with how it fared."""
    zone, kept = row.market.timezone, row.receipt["ships"]
    said = [(row.created_at, kept["from"], kept["to"])] if kept["from"] and kept["to"] else []
    estimates = row.estimates.order_by("number")
    said += [(each.computed_at, each.ships_from.isoformat(), each.ships_to.isoformat()) for each in estimates]
    if not said:
        return {"window": None, "history": []}
    at, begins, ends = said[-1]
    return {
        "window": (texts.day(begins), texts.day(ends)),
        "computed": texts.instant(at, zone),
        "history": [
            {"said": texts.instant(before[0], zone), "start": texts.day(before[1]), "end": texts.day(before[2]),
             "fared": _fared(before, after)}
            for before, after in pairwise(said)
        ],
    }  # fmt: skip


def _fared(before: tuple[Any, str, str], after: tuple[Any, str, str]) -> str:
    """What became of a window: ISO dates compare as text."""
    if after[2] > before[2]:
        return _("It became later.")
    return _("It became earlier.") if after[2] < before[2] else _("It was made more exact.")


def asks(row: Reservation) -> dict[str, Any] | None:
    """What the holder is asked to do now, and until when."""
    if row.status == lifecycle.AWAITING_PAYMENT and row.expires_at:
        until, iso = texts.instant(row.expires_at, row.market.timezone), row.expires_at.isoformat()
        return {"what": "pay", "until": until, "until_iso": iso}
    if row.status == lifecycle.INVITED:
        invitation = row.invitations.filter(ended_at=None).first()
        ends_at = invitation.ends_at if invitation else None
        return {
            "what": "order",
            "hours": invitation.hours if invitation else row.launch.invitation_hours,
            "until": texts.instant(ends_at, row.market.timezone) if ends_at else None,
            "until_iso": ends_at.isoformat() if ends_at else None,
            "has_bounced": bool(invitation and invitation.bounced_at),
        }
    delay = row.estimates.filter(must_choose=True).order_by("-number").first()
    if delay is None or row.status not in (lifecycle.WAITLISTED, lifecycle.CONFIRMED):
        return None
    return {"what": "choose", "until": texts.day(delay.answer_by or delay.ships_to), "source": delay.source}
