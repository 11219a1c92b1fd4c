"""A reservation and the place it holds."""

from __future__ import annotations

import uuid
from datetime import datetime
from typing import Any

from django.db import models
from django.db.models import Q

from reservations.models.catalogue import Market, Variant
from reservations.models.launch import Allotment, Launch
from reservations.models.partner import Partner
from reservations.models.wording import Wording
from reservations.rules import lifecycle

UNCHECKED: dict[str, Any] = {"db_index": False, "db_constraint": False}


class Reservation(models.Model):
    """A claim on units of a variant, with a place number in its allotment and a receipt of what was promised.

    `receipt` holds the price, tax and terms as they stood at `created_at`, `wording` the notices; nothing rewrites
    them. There is an index for each question that is asked, and none beside: each costs every reservation.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    reference = models.CharField(max_length=12)
    status = models.CharField(max_length=16, choices=[(word, word) for word in lifecycle.STATUSES])
    # A guard checks them all at once (`guards.py`), not each row by row.
    launch = models.ForeignKey(Launch, on_delete=models.PROTECT, related_name="reservations", **UNCHECKED)
    variant = models.ForeignKey(Variant, on_delete=models.PROTECT, related_name="reservations", **UNCHECKED)
    market = models.ForeignKey(Market, on_delete=models.PROTECT, related_name="reservations", **UNCHECKED)
    allotment = models.ForeignKey(Allotment, on_delete=models.PROTECT, related_name="reservations", **UNCHECKED)
    subdivision = models.CharField(max_length=6, blank=True)
    quantity = models.PositiveIntegerField()
    place_number = models.PositiveIntegerField()
    language = models.CharField(max_length=12)
    email = models.CharField(max_length=320)
    email_key = models.CharField(max_length=320)
    name = models.CharField(max_length=200)
    phone = models.CharField(max_length=40, blank=True)
    unit_price_minor = models.PositiveBigIntegerField()
    currency = models.CharField(max_length=3)
    receipt = models.JSONField()
    wording = models.ForeignKey(Wording, on_delete=models.PROTECT, related_name="+", **UNCHECKED)
    partner = models.ForeignKey(
        Partner, null=True, blank=True, on_delete=models.PROTECT, related_name="reservations", **UNCHECKED
    )
    partner_reference = models.CharField(max_length=100, blank=True)
    attempt = models.UUIDField(null=True, help_text="The form that was sent: a second click finds the first.")
    is_sandbox = models.BooleanField(default=False)
    created_at = models.DateTimeField()
    confirmed_at = models.DateTimeField(null=True, blank=True)
    ended_at = models.DateTimeField(null=True, blank=True, help_text="When it left the line.")
    # Its later life. A new reservation has none of these, and its insert leaves them out (`actions/storing.py`).
    behind = models.PositiveIntegerField(null=True, help_text="Who moved in stands behind this number, by its instant.")
    is_paused = models.BooleanField(default=False, db_default=False, help_text="Waves pass over it; its rank is kept.")
    wave = models.ForeignKey(
        "reservations.Wave", null=True, on_delete=models.PROTECT, related_name="reservations", db_index=False
    )
    expires_at = models.DateTimeField(
        null=True, help_text="The deadline of its deposit, or of its delivered invitation."
    )
    pair = models.UUIDField(null=True, help_text="Two that share it are invited together or not at all.")
    address = models.JSONField(null=True)
    settled_variant = models.ForeignKey(
        Variant, null=True, on_delete=models.PROTECT, related_name="+", help_text="The size, chosen later.", **UNCHECKED
    )
    kit_asked_at = models.DateTimeField(null=True, help_text="When a sizing kit was asked for.")

    LATER_LIFE = (
        *("ended_at", "behind", "is_paused", "wave", "pair", "address"),
        *("settled_variant", "kit_asked_at"),
    )

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["allotment", "place_number"], name="a_place_is_held_once"),
            models.UniqueConstraint(fields=["reference"], name="a_reference_is_one_reservation"),
            models.UniqueConstraint(
                fields=["attempt"], condition=Q(attempt__isnull=False), name="a_form_is_one_reservation"
            ),
            models.CheckConstraint(condition=Q(quantity__gte=1), name="reservation_has_a_unit"),
            models.CheckConstraint(condition=Q(status__in=lifecycle.STATUSES), name="reservation_status_is_known"),
            models.CheckConstraint(
                condition=~Q(status__in=lifecycle.ASSURED) | Q(confirmed_at__isnull=False), name="confirmed_says_when"
            ),
            models.CheckConstraint(
                condition=~Q(status__in=lifecycle.GONE) | Q(ended_at__isnull=False), name="gone_says_when"
            ),
            models.CheckConstraint(
                condition=~Q(status__in=[lifecycle.INVITED, lifecycle.CONVERTED]) | Q(wave__isnull=False),
                name="invited_in_a_wave",
            ),
            models.CheckConstraint(
                condition=~Q(status=lifecycle.AWAITING_PAYMENT) | Q(expires_at__isnull=False),
                name="awaiting_payment_says_until_when",
            ),
        ]
        indexes = [
            # Of the many that are confirmed none needs these: who waits, who left, who moved in, who is in a wave.
            models.Index(
                fields=["allotment", "created_at", "place_number"],
                name="reservation_waiting",
                condition=Q(status=lifecycle.WAITLISTED),
            ),
            models.Index(
                fields=["allotment", "place_number"], name="reservation_left", condition=Q(status__in=lifecycle.GONE)
            ),
            models.Index(
                fields=["allotment", "created_at"], name="reservation_moved_in", condition=Q(behind__isnull=False)
            ),
            models.Index(fields=["wave", "allotment"], name="reservation_wave", condition=Q(wave__isnull=False)),
            models.Index(fields=["pair"], name="reservation_pair", condition=Q(pair__isnull=False)),
            models.Index(
                fields=["partner", "created_at", "id"], name="reservation_partner", condition=Q(partner__isnull=False)
            ),
            models.Index(fields=["email_key"], name="reservation_email_key"),
            models.Index(
                fields=["expires_at"], name="reservation_unpaid", condition=Q(status=lifecycle.AWAITING_PAYMENT)
            ),
            models.Index(fields=["-created_at", "-id"], name="reservation_newest"),
        ]

    def __str__(self) -> str:
        return self.reference

    @property
    def rank(self) -> tuple[datetime, int]:
        """Its order in the line."""
        return self.created_at, self.place_number

    @property
    def shown(self) -> list[dict[str, Any]]:
        """What the customer was shown when reserving: `wording`, and when each consent of it was given."""
        given = self.created_at.isoformat()
        return [{**notice, "accepted_at": given if notice["consent"] else None} for notice in self.wording.notices]


class VacatedPlace(models.Model):
    """A number whose reservation moved to another line. It is not given again, so that nobody's number changes."""

    allotment = models.ForeignKey(Allotment, on_delete=models.PROTECT, related_name="vacated", db_index=False)
    place_number = models.PositiveIntegerField()
    reservation = models.ForeignKey(Reservation, on_delete=models.PROTECT, related_name="vacated")
    left_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["allotment", "place_number"], name="a_vacated_place_is_left_once")
        ]

    def __str__(self) -> str:
        return f"{self.allotment_id} {self.place_number}"
