"""Partners, their API keys, and the answers kept for their idempotency keys."""

from __future__ import annotations

from django.db import models
from django.db.models import Q


class Partner(models.Model):
    """A carrier or retailer that reserves for its customers."""

    slug = models.SlugField(unique=True)
    name = models.CharField(max_length=120)

    def __str__(self) -> str:
        return self.name


class ApiKey(models.Model):
    """A bearer key, of which only the SHA-256 is kept: it is random, so that nothing slower is needed."""

    partner = models.ForeignKey(Partner, on_delete=models.CASCADE, related_name="api_keys")
    prefix = models.CharField(max_length=24, editable=False)
    digest = models.CharField(max_length=64, unique=True, editable=False)
    scopes = models.JSONField(default=list)
    is_sandbox = models.BooleanField(default=False)
    created_at = models.DateTimeField(editable=False)
    revoked_at = models.DateTimeField(null=True, blank=True)

    def __str__(self) -> str:
        return f"{self.prefix}…"


class IdempotencyKey(models.Model):
    """The first answer to a request that may come again. It commits with what the request stored."""

    partner = models.ForeignKey(Partner, on_delete=models.CASCADE, db_index=False, db_constraint=False)
    key = models.CharField(max_length=255)
    is_sandbox = models.BooleanField(default=False)
    body_digest = models.CharField(max_length=64)
    created_at = models.DateTimeField()
    status = models.PositiveSmallIntegerField()
    answer = models.JSONField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["key", "partner", "is_sandbox"], name="one_answer_per_idempotency_key"),
            models.CheckConstraint(condition=Q(status__gte=200, status__lt=500), name="failed_answers_are_not_kept"),
        ]
