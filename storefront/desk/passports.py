"""Device passports as staff read them: they come from `passports.yaml`."""

from __future__ import annotations

from django.contrib import admin

from reservations.models import Passport
from storefront.desk.logged import ReadOnly


@admin.register(Passport)
class PassportAdmin(ReadOnly):
    """What customers, bystanders and partners are told about a product, market by market."""

    list_display = ["id", "product", "version", "since", "where", "contact", "is_sample"]
    list_select_related = ["product"]
    list_filter = ["product", "is_sample"]
    search_fields = ["id", "product__slug"]
    ordering = ["product__position", "id"]

    @admin.display(description="Markets")
    def where(self, row: Passport) -> str:
        return ", ".join(row.markets)
