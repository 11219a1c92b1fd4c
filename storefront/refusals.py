"""Refusal → HTTP status and code: the one table for pages and API."""

from reservations.actions import cancelling, reserving

CODES: dict[type[Exception], tuple[int, str]] = {
    reserving.UnknownSku: (422, "unknown_sku"),
    reserving.UnknownMarket: (422, "unknown_market"),
    reserving.SubdivisionRequired: (422, "subdivision_required"),
    reserving.UnknownSubdivision: (422, "invalid"),
    reserving.NotAvailableInMarket: (451, "not_available_in_market"),
    reserving.NotOpenYet: (409, "not_open_yet"),
    reserving.LaunchPaused: (409, "launch_paused"),
    reserving.LaunchClosed: (409, "launch_closed"),
    reserving.ConsentRequired: (422, "consent_required"),
    reserving.LimitReached: (409, "limit_reached"),
    reserving.SoldOut: (409, "sold_out"),
    reserving.AllotmentExhausted: (409, "allotment_exhausted"),
    cancelling.CannotCancel: (409, "cannot_cancel"),
}
