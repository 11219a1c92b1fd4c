"""What was decided, and on what: append-only."""

from __future__ import annotations

from django.db import models

from reservations.models.catalogue import Market, Variant


class PastDecision(models.Model):
    """The answer for a variant in a market from `at` on, until the next of the same cell."""

    variant = models.ForeignKey(Variant, on_delete=models.PROTECT, related_name="+", db_index=False)
    market = models.ForeignKey(Market, on_delete=models.PROTECT, related_name="+", db_index=False)
    at = models.DateTimeField()
    cause = models.CharField(max_length=300)
    answer = models.JSONField()

    class Meta:
        indexes = [models.Index(fields=["variant", "market", "at"], name="past_decision")]

    def __str__(self) -> str:
        return f"{self.variant_id} {self.market_id} {self.at:%Y-%m-%d %H:%M}"


class KeptFacts(models.Model):
    """Everything that decisions were made of, once for each different content. `content` is JSON, deflated (zlib)."""

    digest = models.CharField(primary_key=True, max_length=64)
    content = models.BinaryField()


class KnownFacts(models.Model):
    """From `at` on these facts were the known ones, until the next row."""

    at = models.DateTimeField(db_index=True)
    facts = models.ForeignKey(KeptFacts, on_delete=models.PROTECT, related_name="+")
