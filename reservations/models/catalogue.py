"""Markets, products, variants and prices: what can be wanted, and where."""

from __future__ import annotations

from django.db import models


class Market(models.Model):
    """A destination country (ISO 3166-1 alpha-2) that we serve, with its currency, languages and tax display."""

    code = models.CharField(max_length=2, primary_key=True)
    name = models.CharField(max_length=80)
    region = models.CharField(max_length=20)
    currency = models.CharField(max_length=3)
    languages = models.JSONField(default=list)
    tax_basis_points = models.PositiveIntegerField(
        null=True, blank=True, help_text="1900 is 19 %. Empty: none, or set by place."
    )
    tax_display = models.CharField(
        max_length=16,
        choices=[(word, word) for word in ("law", "convention", "exclusive", "not_applicable")],
        help_text="Why a price shows tax included; exclusive: it does not.",
    )
    timezone = models.CharField(max_length=40)
    withdrawal_days = models.PositiveSmallIntegerField(null=True, blank=True)
    digital_consent_age = models.PositiveSmallIntegerField(null=True, blank=True)
    subdivisions = models.JSONField(default=list, help_text="[{code, name}], ISO 3166-2.")
    notes = models.TextField(blank=True)

    def __str__(self) -> str:
        return f"{self.code} {self.name}"

    @property
    def is_tax_included(self) -> bool:
        return self.tax_display in ("law", "convention")


class Product(models.Model):
    """Glasses, a ring or earphones. Texts are {language: text}; capabilities and conditions feed the gate."""

    KINDS = [(kind, kind) for kind in ("glasses", "ring", "earphones")]

    slug = models.SlugField(unique=True)
    kind = models.CharField(max_length=12, choices=KINDS)
    name = models.JSONField(default=dict)
    tagline = models.JSONField(default=dict)
    capabilities = models.JSONField(default=list)
    conditions = models.JSONField(default=dict)
    specs = models.JSONField(default=dict, help_text="{name: {value, source}}")
    placed_on = models.DateField(null=True, blank=True, help_text="First placed on the market; empty: not known.")
    position = models.PositiveSmallIntegerField(default=0)

    def __str__(self) -> str:
        return self.slug


class Variant(models.Model):
    """What is reserved, by its SKU."""

    sku = models.CharField(max_length=40, unique=True)
    product = models.ForeignKey(Product, on_delete=models.PROTECT, related_name="variants")
    options = models.JSONField(default=dict)
    without_capabilities = models.JSONField(default=list, blank=True)
    position = models.PositiveSmallIntegerField(default=0)

    def __str__(self) -> str:
        return self.sku


class Price(models.Model):
    """The consumer price of a variant in a market, in minor units of the market's currency."""

    variant = models.ForeignKey(Variant, on_delete=models.CASCADE, related_name="prices")
    market = models.ForeignKey(Market, on_delete=models.CASCADE, related_name="prices")
    amount_minor = models.PositiveBigIntegerField()
    currency = models.CharField(max_length=3)
    is_illustrative = models.BooleanField(
        default=False, help_text="Sample data that the seller replaces before a real launch."
    )

    class Meta:
        constraints = [models.UniqueConstraint(fields=["variant", "market"], name="one_price_per_variant_and_market")]

    def __str__(self) -> str:
        return f"{self.variant_id} {self.market_id}: {self.amount_minor} {self.currency} (minor units)"
