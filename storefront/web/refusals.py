"""Each refusal as a customer reads it."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.utils.translation import gettext as _

from reservations.actions import wishes
from reservations.queries import texts
from storefront.refusals import CODES
from storefront.web import words
from storefront.web.site import Site


def explain(refusal: wishes.Refusal, site: Site, card: dict[str, Any]) -> dict[str, Any]:
    """Code, title, sentence, the next date when there is one, and where to be told."""
    status, code = CODES[type(refusal)]
    change_at: datetime | None = None
    reasons: list[str] = []
    if isinstance(refusal, wishes.NotOpenYet):
        change_at = refusal.opens_at
    if isinstance(refusal, wishes.NotAvailableInMarket):
        change_at = refusal.next_change_at
        reasons = [words.reason_title(reason) for reason in refusal.decision.reasons]
    limit = refusal.limit if isinstance(refusal, wishes.LimitReached) else 0
    title, sentence = _words(code, site.country, limit)
    return {
        "code": code,
        "status": status,
        "title": title,
        "sentence": sentence,
        "reasons": reasons,
        "next": texts.instant(change_at, site.market.timezone) if change_at else None,
        "notify_url": card["notify_url"],
    }


def _words(code: str, country: str, limit: int) -> tuple[str, str]:
    facts = {"country": country, "limit": limit}
    title, sentence = {
        "unknown_sku": (_("This variant is not there."), _("Choose one of the variants below.")),
        "unknown_market": (_("We do not deliver there."), _("Choose another delivery country.")),
        "subdivision_required": (_("%(country)s: say where."), _("The rules differ within the country: choose the state, province or region.")),
        "invalid": (_("%(country)s: please check the address."), _("Region and postcode must belong to this country and to each other.")),
        "not_available_in_market": (_("%(country)s: not possible yet."), _("We may not take this reservation for the reasons named here.")),
        "not_open_yet": (_("Reservations are not open yet."), _("Nothing was stored. Come back at the opening, or let us tell you.")),
        "launch_paused": (_("Reservations are stopped for the moment."), _("Nothing was stored. Places that are held stay held.")),
        "launch_closed": (_("Reservations are closed."), _("Nothing was stored. We can tell you when the next ones open.")),
        "consent_required": (_("Please agree to the points below."), _("A text may have changed since you opened this page: read it again and tick the boxes.")),
        "limit_reached": (_("One customer may reserve at most %(limit)s."), _("You hold as many as one customer may. Cancel one to reserve another.")),
        "sold_out": (_("All units are taken."), _("Nothing was stored. We can tell you when more are there.")),
        "more_units": (_("A change cannot take more units."), _("Reserve another place for more.")),
        "other_product": (_("A change keeps the product."), _("Reserve another place for another product.")),
        "nothing_changes": (_("It is so already."), _("Choose something else, or go back.")),
        "allotment_exhausted": (_("All units are taken."), _("Nothing was stored. We can tell you when more are there.")),
    }[code]  # fmt: skip
    return title % facts, sentence % facts


def reservation_words(status: str) -> str:
    return {
        "awaiting_payment": _("Held until the deposit is paid"),
        "confirmed": _("Confirmed"),
        "waitlisted": _("On the waiting list"),
        "invited": _("Your turn to order"),
        "converted": _("Ordered"),
        "cancelled": _("Cancelled"),
        "expired": _("Place let go"),
        "revoked": _("Taken back"),
    }[status]


def event_words(action: str) -> str:
    return {
        "reservation.confirmed": _("Reserved and confirmed"),
        "reservation.waitlisted": _("Entered on the waiting list"),
        "reservation.awaiting_payment": _("Reserved; the place is held until the deposit is paid"),
        "reservation.paid": _("Deposit settled: confirmed"),
        "reservation.unpaid": _("No deposit came while the place was held"),
        "reservation.promoted": _("A place was freed"),
        "reservation.cancelled": _("Cancelled"),
        "reservation.on_hold": _("On hold; the place is kept"),
        "reservation.released": _("No longer on hold"),
        "reservation.moved": _("Changed; the rank is kept"),
        "reservation.invited": _("Invited to order"),
        "reservation.converted": _("Ordered"),
        "reservation.set_aside": _("Wave skipped; the rank is kept"),
        "reservation.paused": _("Waves pass over it until you are ready"),
        "reservation.resumed": _("Ready for the next wave"),
        "reservation.expired": _("The invitation ended without an order"),
        "reservation.put_back": _("Put back in line"),
        "reservation.revoked": _("Taken back by us"),
        "reservation.amended": _("Name or address changed"),
        "reservation.address_asked": _("New e-mail address asked to be confirmed"),
        "reservation.address_changed": _("E-mail address changed; older links are dead"),
        "reservation.mail_bounced": _("A letter of ours came back"),
        "reservation.mail_complained": _("A letter of ours was called unwanted"),
        "reservation.size_chosen": _("Size chosen; the place is kept"),
        "reservation.kit_asked": _("Sizing kit asked for"),
        "reservation.paired": _("Invited together with another from now on"),
        "reservation.parted": _("No longer in a pair"),
        "reservation.delay_accepted": _("You would rather wait"),
        "reservation.consented": _("Read and agreed again"),
    }.get(action, action)
