"""What a customer was shown and agreed to after reserving. Append-only."""

from __future__ import annotations

from django.db import models

from reservations.models.reservation import Reservation
from reservations.models.wording import Wording


class Acceptance(models.Model):
    """At `at` the customer was shown `wording` and agreed to every consent in it. Triggers refuse another story."""

    reservation = models.ForeignKey(Reservation, on_delete=models.PROTECT, related_name="acceptances")
    wording = models.ForeignKey(Wording, on_delete=models.PROTECT, related_name="+")
    at = models.DateTimeField()
    actor = models.CharField(max_length=80)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["reservation", "wording"], name="a_wording_is_accepted_once")]

    def __str__(self) -> str:
        return f"{self.reservation_id} {self.wording_id[:12]}"
