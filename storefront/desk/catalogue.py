"""Markets, products, variants and prices."""

from __future__ import annotations

from typing import Any
from zoneinfo import available_timezones

from babel.numbers import is_currency
from django import forms
from django.contrib import admin

from reservations.models import Market, Price, Product, Requirement, Variant
from storefront.desk import words
from storefront.desk.logged import Inline, Logged


class MarketForm(words.DeskForm):
    def clean_code(self) -> str:
        code: str = self.cleaned_data["code"].upper()
        if code not in words.countries():
            raise forms.ValidationError(f"{code} is no ISO 3166-1 country. Write two letters, such as DE.")
        return code

    def clean_currency(self) -> str:
        currency: str = self.cleaned_data["currency"].upper()
        if not is_currency(currency):
            raise forms.ValidationError(f"{currency} is no ISO 4217 currency. Write three letters, such as EUR.")
        return currency

    def clean_timezone(self) -> str:
        timezone: str = self.cleaned_data["timezone"]
        if timezone not in available_timezones():
            raise forms.ValidationError(f"{timezone} is no IANA time zone. Write one such as Europe/Berlin.")
        return timezone

    def clean_languages(self) -> list[str]:
        languages = self.cleaned_data["languages"]
        if not isinstance(languages, list) or not languages or not all(isinstance(each, str) for each in languages):
            raise forms.ValidationError('Name at least one language (BCP 47), such as ["de", "en"].')
        return languages

    def clean_subdivisions(self) -> list[dict[str, str]]:
        rows = self.cleaned_data["subdivisions"] or []
        if not isinstance(rows, list) or not all(isinstance(row, dict) and {*row} == {"code", "name"} for row in rows):
            raise forms.ValidationError('Write a list such as [{"code": "US-CA", "name": "California"}].')
        error = words.complaint([row["code"] for row in rows], words.SUBDIVISIONS, "subdivision")
        if error:
            raise forms.ValidationError(error)
        return rows


class ProductForm(words.DeskForm):
    words = {"capabilities": ("capability", words.capabilities)}

    def clean_conditions(self) -> dict[str, bool | None]:
        """Names that some requirement asks about, each true, false or null for "not known"."""
        given = self.cleaned_data["conditions"] or {}
        if not isinstance(given, dict) or any(value not in (True, False, None) for value in given.values()):
            raise forms.ValidationError('Write an object of true, false or null, such as {"has_battery": true}.')
        asked = Requirement.objects.exclude(condition="").values_list("condition", flat=True)
        error = words.complaint(list(given), {*asked, *self.instance.conditions}, "condition")
        if error:
            raise forms.ValidationError(error)
        return given


class VariantForm(words.DeskForm):
    words = {"without_capabilities": ("capability", words.capabilities)}


class PriceForm(forms.ModelForm):
    def clean(self) -> dict[str, Any]:
        """A price is in its market's currency and is not nothing."""
        given: dict[str, Any] = super().clean() or self.cleaned_data
        market, currency = given.get("market"), given.get("currency")
        if market and currency and currency != market.currency:
            self.add_error("currency", f"{market.code} is priced in {market.currency}.")
        if given.get("amount_minor") == 0:
            self.add_error("amount_minor", "Write the price in minor units, such as 49900 for 499.00.")
        return given


class VariantInline(Inline):
    model = Variant
    form = VariantForm
    show_change_link = True
    ordering = ["position"]


class PriceInline(Inline):
    model = Price
    form = PriceForm
    fields = ["market", "amount_minor", "currency", "is_illustrative"]
    autocomplete_fields = ["market"]
    ordering = ["market"]


@admin.register(Market)
class MarketAdmin(Logged):
    change_form_template = "admin/market.html"
    form = MarketForm
    is_gate_fact = True
    list_display = ["code", "name", "region", "currency", "tax_display", "timezone"]
    list_filter = ["region", "tax_display"]
    search_fields = ["code", "name"]
    ordering = ["code"]


@admin.register(Product)
class ProductAdmin(Logged):
    form = ProductForm
    is_gate_fact = True
    list_display = ["slug", "kind", "position"]
    search_fields = ["slug"]
    ordering = ["position"]
    inlines = [VariantInline]


@admin.register(Variant)
class VariantAdmin(Logged):
    form = VariantForm
    is_gate_fact = True
    list_display = ["sku", "product", "options"]
    list_filter = ["product"]
    list_select_related = ["product"]
    search_fields = ["sku"]
    ordering = ["product__position", "position"]
    inlines = [PriceInline]


@admin.register(Price)
class PriceAdmin(Logged):
    form = PriceForm
    list_display = ["variant", "market", "amount_minor", "currency", "is_illustrative"]
    list_filter = ["is_illustrative", "variant__product"]
    list_select_related = ["variant", "market"]
    search_fields = ["variant__sku", "market__code"]
    autocomplete_fields = ["variant", "market"]
    ordering = ["variant__sku", "market"]
