"""What a customer has to do by when, as a file for their calendar: in the mail, and on their page."""

from __future__ import annotations

from datetime import datetime
from urllib.parse import urlsplit

from django.conf import settings
from django.utils.translation import gettext as _

from reservations.gateways import calendar
from reservations.models import Reservation
from reservations.queries import links, texts
from reservations.rules import lifecycle


def deadline_file(row: Reservation, *, ends_at: datetime, made_at: datetime) -> bytes:
    """In the active language (RFC 5545). A later file about the same reservation takes the place of the earlier."""
    product = {"product": texts.translated(row.variant.product.name)}
    is_due = row.status == lifecycle.AWAITING_PAYMENT
    return calendar.deadline_file(
        uid=f"{row.pk}@{urlsplit(settings.SITE_URL).hostname}",
        title=(_("Pay the deposit by now: %(product)s") if is_due else _("Order by now: %(product)s")) % product,
        description=_("After that the place goes to the next."),
        url=settings.SITE_URL + links.reservation_path(row),
        ends_at=ends_at,
        made_at=made_at,
    )
