"""One act on many reservations, proposed by one person and carried out by another."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.db.models import F, Q

from reservations.models.wave import PERSON


class BulkAct(models.Model):
    """`pks` are the reservations that were shown when it was proposed; `target` is where a move leads."""

    CANCEL, REVOKE, MOVE = "cancel", "revoke", "move"
    KINDS = (CANCEL, REVOKE, MOVE)
    PROPOSED, RUNNING, DONE, DROPPED = "proposed", "running", "done", "dropped"
    STATES = (PROPOSED, RUNNING, DONE, DROPPED)

    kind = models.CharField(max_length=10, choices=[(word, word) for word in KINDS])
    pks = models.JSONField()
    target = models.JSONField(default=dict, blank=True)
    reason = models.CharField(max_length=300)
    state = models.CharField(max_length=10, choices=[(word, word) for word in STATES], default=PROPOSED)
    proposed_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    proposed_at = models.DateTimeField()
    decided_by = models.ForeignKey(settings.AUTH_USER_MODEL, **PERSON)
    decided_at = models.DateTimeField(null=True)
    done = models.PositiveIntegerField(null=True, help_text="How many were changed.")
    refused = models.JSONField(default=dict, help_text="How many were not, by the code of the refusal.")

    class Meta:
        permissions = [("carry_out_bulkact", "Can carry out what another person proposed")]
        constraints = [
            models.CheckConstraint(
                condition=~Q(state__in=["running", "done"])
                | Q(decided_at__isnull=False, decided_by__isnull=False) & ~Q(decided_by=F("proposed_by")),
                name="bulk_act_is_done_by_a_second_person",
            )
        ]

    def __str__(self) -> str:
        return f"{self.kind} {len(self.pks)} reservations"
