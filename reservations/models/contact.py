"""A new address that its owner has yet to confirm."""

from __future__ import annotations

import uuid

from django.db import models
from django.db.models import Q

from reservations.models.reservation import Reservation


class AddressChange(models.Model):
    """The e-mail address a customer wants; it counts once the link that was mailed to it is followed."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    reservation = models.ForeignKey(Reservation, on_delete=models.PROTECT, related_name="address_changes")
    number = models.PositiveSmallIntegerField()
    email = models.CharField(max_length=320)
    asked_at = models.DateTimeField()
    confirmed_at = models.DateTimeField(null=True)
    ended_at = models.DateTimeField(null=True, help_text="When it was confirmed, or another took its place.")

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["reservation", "number"], name="an_address_change_has_its_number"),
            models.UniqueConstraint(
                fields=["reservation"], condition=Q(ended_at__isnull=True), name="one_open_address_change"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.reservation_id} address {self.number}"
