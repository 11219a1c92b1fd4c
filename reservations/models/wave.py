"""Waves of supply, what was said of delivery, and invitations to order."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.db import models
from django.db.models import F, Q

from reservations.models.launch import Allotment, Launch
from reservations.models.reservation import Reservation

# A person who has acted is never deleted.
PERSON: dict[str, Any] = {"on_delete": models.PROTECT, "related_name": "+", "null": True}


class Wave(models.Model):
    """Units that arrive in one window of days. Planned, proposed by one person, released by another, or dropped."""

    PLANNED, PROPOSED, RELEASED, DROPPED = "planned", "proposed", "released", "dropped"
    STATES = (PLANNED, PROPOSED, RELEASED, DROPPED)

    launch = models.ForeignKey(Launch, on_delete=models.PROTECT, related_name="waves")
    number = models.PositiveSmallIntegerField(help_text="The order of the waves of a launch.")
    ships_from = models.DateField()
    ships_to = models.DateField()
    state = models.CharField(max_length=10, choices=[(word, word) for word in STATES], default=PLANNED)
    proposed_by = models.ForeignKey(settings.AUTH_USER_MODEL, **PERSON)
    proposed_at = models.DateTimeField(null=True)
    released_by = models.ForeignKey(settings.AUTH_USER_MODEL, **PERSON)
    released_at = models.DateTimeField(null=True)

    class Meta:
        permissions = [("release_wave", "Can release a wave that another person proposed")]
        constraints = [
            models.UniqueConstraint(fields=["launch", "number"], name="a_wave_has_its_number"),
            models.CheckConstraint(condition=Q(ships_to__gte=F("ships_from")), name="wave_ships_in_order"),
            models.CheckConstraint(
                condition=~Q(state="released")
                | Q(released_at__isnull=False, proposed_by__isnull=False, released_by__isnull=False)
                & ~Q(released_by=F("proposed_by")),
                name="wave_is_released_by_a_second_person",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.launch}, wave {self.number}"


class WaveSupply(models.Model):
    """Units of a wave for one allotment: a variant and a pool of markets."""

    wave = models.ForeignKey(Wave, on_delete=models.CASCADE, related_name="supplies")
    allotment = models.ForeignKey(Allotment, on_delete=models.PROTECT, related_name="supplies")
    quantity = models.PositiveIntegerField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["wave", "allotment"], name="one_supply_per_wave_and_allotment"),
            models.CheckConstraint(condition=Q(quantity__gte=1), name="supply_has_a_unit"),
        ]

    def __str__(self) -> str:
        return f"{self.wave}, {self.allotment}: {self.quantity}"


class ShipEstimate(models.Model):
    """What a customer was told of delivery, and what they answered. The promise ledger: it only grows."""

    reservation = models.ForeignKey(Reservation, on_delete=models.PROTECT, related_name="estimates", db_index=False)
    number = models.PositiveSmallIntegerField(help_text="1 for the first after the receipt.")
    wave = models.ForeignKey(Wave, on_delete=models.PROTECT, related_name="+", db_index=False)
    computed_at = models.DateTimeField()
    ships_from = models.DateField()
    ships_to = models.DateField()
    must_choose = models.BooleanField(default=False, help_text="The law asks for the customer's consent to the delay.")
    answer_by = models.DateField(null=True)
    source = models.CharField(max_length=100, blank=True, help_text="The law that gives the choice.")

    class Meta:
        constraints = [models.UniqueConstraint(fields=["reservation", "number"], name="an_estimate_has_its_number")]
        indexes = [models.Index(fields=["answer_by"], name="estimate_due", condition=Q(must_choose=True))]

    def __str__(self) -> str:
        return f"{self.reservation_id} {self.ships_from} to {self.ships_to}"


class Invitation(models.Model):
    """A customer is asked to order before a deadline, which runs only from the delivery of the invitation.

    Open until `ended_at`; `outcome` then says how. `next_at` is the instant at which something is due: None while the
    invitation is on its way, or has bounced.
    """

    OUTCOMES = ("ordered", "lapsed", "set_aside", "cancelled", "revoked")

    reservation = models.ForeignKey(Reservation, on_delete=models.PROTECT, related_name="invitations", db_index=False)
    number = models.PositiveSmallIntegerField(help_text="1 for the first invitation of a reservation.")
    wave = models.ForeignKey(Wave, on_delete=models.PROTECT, related_name="invitations", db_index=False)
    hours = models.PositiveSmallIntegerField()
    invited_at = models.DateTimeField()
    message_version = models.PositiveSmallIntegerField(help_text="The mail from whose delivery the clock runs.")
    delivered_at = models.DateTimeField(null=True)
    ends_at = models.DateTimeField(null=True)
    reminders = models.PositiveSmallIntegerField(default=0)
    reminded_at = models.DateTimeField(null=True, help_text="When the last reminder was delivered.")
    next_at = models.DateTimeField(null=True)
    bounced_at = models.DateTimeField(null=True)
    ended_at = models.DateTimeField(null=True)
    outcome = models.CharField(max_length=10, blank=True, choices=[(word, word) for word in OUTCOMES])

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["reservation", "number"], name="an_invitation_has_its_number"),
            models.UniqueConstraint(
                fields=["reservation"], condition=Q(ended_at__isnull=True), name="one_open_invitation_per_reservation"
            ),
            models.CheckConstraint(
                condition=~Q(outcome="lapsed") | Q(delivered_at__isnull=False, reminded_at__isnull=False),
                name="no_lapse_without_a_delivered_reminder",
            ),
        ]
        indexes = [
            models.Index(fields=["next_at"], name="invitation_due", condition=Q(ended_at__isnull=True)),
        ]

    def __str__(self) -> str:
        return f"{self.reservation_id} invitation {self.number}"
