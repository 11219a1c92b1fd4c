"""Markets, products, variants and prices."""

from django.contrib import admin

from reservations.models import Market, Price, Product, Variant
from storefront.desk.logged import Logged


class VariantInline(admin.TabularInline):
    model = Variant
    extra = 0
    show_change_link = True


class PriceInline(admin.TabularInline):
    model = Price
    extra = 0
    fields = ["market", "amount_minor", "currency", "is_illustrative"]
    autocomplete_fields = ["market"]


@admin.register(Market)
class MarketAdmin(Logged):
    is_gate_fact = True
    list_display = ["code", "name", "region", "currency", "tax_display", "timezone"]
    list_filter = ["region", "tax_display"]
    search_fields = ["code", "name"]
    ordering = ["code"]


@admin.register(Product)
class ProductAdmin(Logged):
    is_gate_fact = True
    list_display = ["slug", "kind", "position"]
    search_fields = ["slug"]
    ordering = ["position"]
    inlines = [VariantInline]


@admin.register(Variant)
class VariantAdmin(Logged):
    is_gate_fact = True
    list_display = ["sku", "product", "options"]
    list_filter = ["product"]
    list_select_related = ["product"]
    search_fields = ["sku"]
    ordering = ["product__position", "position"]
    inlines = [PriceInline]


@admin.register(Price)
class PriceAdmin(Logged):
    list_display = ["variant", "market", "amount_minor", "currency", "is_illustrative"]
    list_filter = ["is_illustrative", "variant__product"]
    list_select_related = ["variant", "market"]
    search_fields = ["variant__sku", "market__code"]
    autocomplete_fields = ["variant", "market"]
    ordering = ["variant__sku", "market"]
