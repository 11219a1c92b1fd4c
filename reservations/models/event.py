"""The append-only log: who did what, when and why. Triggers in the first migration refuse updates and deletes."""

from __future__ import annotations

from django.db import models
from django.db.models import Q

from reservations.models.reservation import Reservation


class Event(models.Model):
    """One change. `subject` is "<kind>:<identifier>"; `facts` says what changed, without personal data."""

    at = models.DateTimeField()
    actor = models.CharField(max_length=80, help_text="customer, partner:<slug>, staff:<user name> or system")
    action = models.CharField(max_length=60)
    subject = models.CharField(max_length=140)
    reservation = models.ForeignKey(
        Reservation, null=True, on_delete=models.PROTECT, related_name="events", db_constraint=False
    )
    facts = models.JSONField(default=dict)
    reason = models.CharField(max_length=300, blank=True, default="", db_default="")

    class Meta:
        indexes = [
            # Those of a reservation are found by it.
            models.Index(fields=["subject"], name="event_subject", condition=Q(reservation__isnull=True)),
        ]

    def __str__(self) -> str:
        return f"{self.action} {self.subject}"
