"""Places that are kept while the law forbids what was promised, and how far the gate's sweep has come."""

from __future__ import annotations

from django.db import models
from django.db.models import F, Q

from reservations.models.reservation import Reservation


class Hold(models.Model):
    """A reservation that may not go on in `[since, released_at)`. Its place and its number stay as they are."""

    reservation = models.ForeignKey(Reservation, on_delete=models.PROTECT, related_name="holds", db_index=False)
    number = models.PositiveSmallIntegerField(help_text="1 for the first hold of a reservation.")
    requirement = models.CharField(max_length=80, help_text="The requirement that forbids it, or stop_sale.")
    title = models.CharField(max_length=200)
    code = models.CharField(max_length=20)
    evidence = models.CharField(max_length=100, blank=True, help_text="The document that is no longer valid.")
    since = models.DateTimeField()
    released_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["reservation", "number"], name="a_hold_has_its_number"),
            models.UniqueConstraint(
                fields=["reservation"], condition=Q(released_at__isnull=True), name="one_open_hold_per_reservation"
            ),
            models.CheckConstraint(
                condition=Q(released_at__isnull=True) | Q(released_at__gte=F("since")), name="hold_ends_after_it_began"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.reservation_id} {self.requirement}"


class GateSweep(models.Model):
    """One row: up to which revision of the facts, and to which date of them, everything was followed."""

    id = models.PositiveSmallIntegerField(primary_key=True, default=1)
    revision = models.PositiveBigIntegerField(null=True)
    look_at = models.DateTimeField(null=True, help_text="The next instant at which a date of the facts begins.")

    class Meta:
        constraints = [models.CheckConstraint(condition=Q(id=1), name="one_gate_sweep")]
