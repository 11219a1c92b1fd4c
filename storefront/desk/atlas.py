"""The map and the matrix for staff, and one cell of them explained with its requirements and documents."""

from __future__ import annotations

from typing import Any

from django import forms
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString

from reservations.models import Market, Product, Variant
from reservations.queries import texts
from reservations.queries.availability import Availability, availabilities
from reservations.queries.facts import current_world
from reservations.queries.matrix import FIRST_DAY, LAST_DAY, Matrix, beginning, matrix
from reservations.rules import gate, opening
from storefront import clock
from storefront.desk import tables
from storefront.web import words, world

DATE = forms.DateInput(attrs={"type": "date", "min": FIRST_DAY.isoformat(), "max": LAST_DAY.isoformat()})


class DayField(forms.DateField):
    """A day that law and launches are known for; empty means now."""

    def __init__(self) -> None:
        super().__init__(label="On the day", required=False, help_text="Empty: now.", widget=DATE)

    def clean(self, value: Any) -> Any:
        day = super().clean(value)
        if day and not FIRST_DAY <= day <= LAST_DAY:
            raise forms.ValidationError(f"Choose a day from {FIRST_DAY} to {LAST_DAY}.")
        return day


def _states() -> list[tuple[str, str]]:
    return [("", "Any"), *((status, words.status_words(status)) for status in opening.STATUSES)]


class MapForm(forms.Form):
    """Which map: the product, the day, and whether of one state alone."""

    product = forms.ModelChoiceField(
        Product.objects.order_by("position"), to_field_name="slug", required=False, empty_label=None
    )
    on = DayField()
    only = forms.ChoiceField(label="State", required=False, choices=_states)


class CellForm(forms.Form):
    """One cell: a variant in a market, or in a part of it, on a day."""

    variant = forms.ModelChoiceField(Variant.objects.order_by("sku"), to_field_name="sku")
    market = forms.ModelChoiceField(Market.objects.order_by("code"))
    subdivision = forms.CharField(required=False, max_length=6, help_text="ISO 3166-2, such as UA-43.")
    on = DayField()

    def clean(self) -> dict[str, Any]:
        given: dict[str, Any] = super().clean() or self.cleaned_data
        market, part = given.get("market"), (given.get("subdivision") or "").upper()
        if market and part and part not in {each["code"] for each in market.subdivisions}:
            self.add_error("subdivision", f"{part} is no part of {market.pk}. Write one of its ISO 3166-2 codes.")
        given["subdivision"] = part or None
        return given


def map_context(form: MapForm) -> dict[str, Any]:
    """The chosen map and the matrix beside it."""
    given = form.cleaned_data
    day, only = given["on"], given["only"]
    found = matrix(at=beginning(day) if day else clock.now(), is_replay=day is not None)
    slug = given["product"].slug if given["product"] else found.products[0].slug
    on = day.isoformat() if day else ""
    shown = [code for code, cell in found.of(slug).items() if not only or cell.status == only]
    return {
        "name": texts.translated(next(row.name for row in found.products if row.slug == slug)),
        "map": world.draw(found.of(slug), only=only, url=lambda cell: cell_url(cell, on)),
        "products": [texts.translated(row.name) for row in found.products],
        "rows": [_row(found, code, on) for code in shown],
        "at_words": str(day) if day else tables.instant(clock.now()),
    }


def _row(found: Matrix, code: str, on: str) -> dict[str, Any]:
    cells = [found.cells[row.slug, code] for row in found.products]
    return {
        "code": code,
        "country": texts.country(code),
        "cells": [
            {
                "url": cell_url(cell, on),
                "status_words": words.status_words(cell.status),
                "status": cell.status,
                "reasons": [reason.requirement for reason in cell.decision.reasons[:2]],
                "more": max(0, len(cell.decision.reasons) - 2),
            }
            for cell in cells
        ],
    }


def cell_url(cell: Availability, on: str) -> str:
    return f"{reverse('admin:decision_cell')}?variant={cell.sku}&market={cell.market}&on={on}"


def cell_context(form: CellForm) -> dict[str, Any]:
    """What the facts known now make of one cell, with the rows of law and the documents behind it."""
    given = form.cleaned_data
    day, sku, market = given["on"], given["variant"].sku, given["market"].pk
    at = beginning(day) if day else clock.now()
    place = (market, given["subdivision"])
    [row] = availabilities(skus=[sku], at=at, destinations=[place], is_replay=day is not None)
    passport = current_world().passport(given["variant"].product.slug, market, at)
    return {
        "found": {
            "status": row.status,
            "status_words": words.status_words(row.status),
            "stages": tables.table(
                ["Stage", "Allowed"],
                [(stage, "yes" if allowed else "no") for stage, allowed in row.decision.stages.items()],
            ),
            "reasons": _reasons(row.decision),
            "notices": tables.table(
                ["Requirement", "Text", "Version", "Consent"],
                [
                    (_requirement(each.id), each.text, each.version, "asked for" if each.consent else "")
                    for each in row.decision.notices
                ],
            ),
            "facts": tables.facts(
                [
                    ("Next known change", tables.instant(row.next_change_at) or "none"),
                    ("Left", "not offered" if row.left is None else row.left),
                    ("The rules differ in", ", ".join(row.decision.varies_in) or "no part"),
                    ("Switched off", ", ".join(row.decision.disabled_features) or "nothing"),
                    ("Device passport", passport.id if passport else "missing"),
                ]
            ),
            "replay_url": f"{reverse('admin:decision_replay')}?variant={sku}&market={market}&at={at:%Y-%m-%dT%H:%M}",
        }
    }


def _reasons(decision: gate.Decision) -> SafeString:
    rows = [
        (
            _requirement(each.requirement),
            each.title,
            f"{each.effect} at {each.stage}",
            each.code,
            _evidence(each.evidence),
            each.until or "",
        )
        for each in decision.reasons
    ]
    return tables.table(["Requirement", "Title", "What it does", "Why", "Document", "Until"], rows)


def _requirement(pk: str) -> object:
    """Stop-sales, passports and places that are no market are no rows of law."""
    return pk if pk in (gate.STOP_SALE, gate.DEVICE_PASSPORT, gate.NO_MARKET) else _link("requirement", pk)


def _evidence(pk: str | None) -> object:
    return _link("evidence", pk) if pk else "none"


def _link(name: str, pk: str) -> SafeString:
    return format_html('<a href="{}">{}</a>', reverse(f"admin:reservations_{name}_change", args=[pk]), pk)
