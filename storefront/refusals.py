"""Refusal → HTTP status and code: the one table for pages and API."""

from reservations.actions import lines, relocating, sizing, wishes

CODES: dict[type[Exception], tuple[int, str]] = {
    wishes.UnknownSku: (422, "unknown_sku"),
    wishes.UnknownMarket: (422, "unknown_market"),
    wishes.SubdivisionRequired: (422, "subdivision_required"),
    wishes.UnknownSubdivision: (422, "invalid"),
    wishes.UnknownPostcode: (422, "invalid"),
    wishes.PostcodeElsewhere: (422, "invalid"),
    wishes.NotAvailableInMarket: (451, "not_available_in_market"),
    wishes.NotOpenYet: (409, "not_open_yet"),
    wishes.LaunchPaused: (409, "launch_paused"),
    wishes.LaunchClosed: (409, "launch_closed"),
    wishes.ConsentRequired: (422, "consent_required"),
    wishes.LimitReached: (409, "limit_reached"),
    wishes.SoldOut: (409, "sold_out"),
    wishes.AllotmentExhausted: (409, "allotment_exhausted"),
    relocating.MoreUnits: (422, "more_units"),
    relocating.OtherProduct: (422, "other_product"),
    relocating.NothingChanges: (422, "nothing_changes"),
    sizing.UnknownSize: (422, "unknown_size"),
    lines.CannotMove: (409, "cannot_change"),
}
