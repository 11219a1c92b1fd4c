"""What one person proposes and a second one decides, and the warnings that evidence ends."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.db.models import F, Q

from reservations.models.compliance import Evidence


class ProposedChange(models.Model):
    """A change of requirements and evidence, with what it changes, that takes effect when a second person confirms it.

    `before` and `after` are {table: {id: {field: value}}}: all fields of a row that is new, else those that differ.
    `missing` is {table: [id]}: what an imported file does not name, and what stays. `cells` is {count, first}: how
    many decisions would have changed when it was proposed, and the first of them.
    """

    PROPOSED, APPLIED, REJECTED = "proposed", "applied", "rejected"
    STATUSES = (PROPOSED, APPLIED, REJECTED)

    title = models.CharField(max_length=200)
    status = models.CharField(max_length=10, choices=[(word, word) for word in STATUSES], default=PROPOSED)
    before = models.JSONField()
    after = models.JSONField()
    missing = models.JSONField(default=dict)
    cells = models.JSONField(default=dict)
    files = models.JSONField(default=dict, help_text="File name: SHA-256 of what was uploaded.")
    base_sha256 = models.CharField(max_length=64, help_text="Names the rows that it was compared with.")
    proposed_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    proposed_at = models.DateTimeField()
    decided_by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.PROTECT, related_name="+")
    decided_at = models.DateTimeField(null=True)
    reason = models.CharField(max_length=300, blank=True, help_text="Why it was rejected.")

    class Meta:
        permissions = [("decide_proposedchange", "Can confirm and reject changes that somebody else proposed")]
        constraints = [
            models.CheckConstraint(
                condition=Q(status="proposed", decided_by__isnull=True, decided_at__isnull=True)
                | Q(status__in=["applied", "rejected"], decided_by__isnull=False, decided_at__isnull=False),
                name="decided_change_says_who_and_when",
            ),
            models.CheckConstraint(
                condition=~Q(status="applied") | ~Q(decided_by=F("proposed_by")),
                name="change_is_confirmed_by_a_second_person",
            ),
        ]

    def __str__(self) -> str:
        return self.title


class EvidenceWarning(models.Model):
    """Somebody is told, once, that evidence ends within so many days."""

    evidence = models.ForeignKey(Evidence, on_delete=models.PROTECT, related_name="warnings")
    days = models.PositiveSmallIntegerField()
    officer = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="+")
    made_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["evidence", "days", "officer"], name="one_warning_per_evidence_and_days")
        ]

    def __str__(self) -> str:
        return f"{self.evidence_id}, {self.days} days"
