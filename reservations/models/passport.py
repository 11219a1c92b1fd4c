"""Device passports: what a product records, where it goes, and how one objects."""

from __future__ import annotations

from django.db import models

from reservations.models.catalogue import Product


class Passport(models.Model):
    """What is told about a product in some markets, from `since` on, until a later one. Read from `passports.yaml`.

    `records` is [{what, capability, starts, signal, where, kept}], in the words of `launchdata/passports.py`;
    `processor` {name, country, model} is who answers what goes to the cloud.
    """

    id = models.SlugField(primary_key=True, max_length=100)
    product = models.ForeignKey(Product, on_delete=models.PROTECT, related_name="passports")
    version = models.CharField(max_length=40)
    since = models.DateField(help_text="In the market's own time zone.")
    markets = models.JSONField()
    records = models.JSONField()
    processor = models.JSONField()
    contact = models.EmailField(help_text="Where one objects, and asks for what is kept.")
    is_sample = models.BooleanField(default=False, help_text="Invented for the demonstration.")

    def __str__(self) -> str:
        return self.id
