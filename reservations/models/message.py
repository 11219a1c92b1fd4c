"""The outbox: messages owed to customers and staff; and who asked to be told."""

from __future__ import annotations

import uuid

from django.db import models
from django.db.models import Q

from reservations.models.approval import EvidenceWarning
from reservations.models.catalogue import Market, Product
from reservations.models.reservation import Reservation
from reservations.rules import lanes


class NotifyRequest(models.Model):
    """Somebody wants to be told when a product opens in a market; counts once the address is confirmed by its owner."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    product = models.ForeignKey(Product, on_delete=models.CASCADE)
    market = models.ForeignKey(Market, on_delete=models.CASCADE)
    email = models.CharField(max_length=320)
    email_key = models.CharField(max_length=320)
    language = models.CharField(max_length=12)
    created_at = models.DateTimeField()
    confirmed_at = models.DateTimeField(null=True, blank=True)
    told_at = models.DateTimeField(null=True, blank=True)
    ended_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["product", "market", "email_key"],
                condition=Q(told_at__isnull=True, ended_at__isnull=True),
                name="one_wish_to_be_told",
            )
        ]

    def __str__(self) -> str:
        return f"{self.product_id} {self.market_id}"


class MailPace(models.Model):
    """One row: when the provider will have taken everything that was handed over (`rules/pace.py`)."""

    id = models.PositiveSmallIntegerField(primary_key=True, default=1)
    free_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [models.CheckConstraint(condition=Q(id=1), name="one_mail_pace")]


class Message(models.Model):
    """A mail that is owed. It commits with its cause and is unique by (cause, kind, version).

    States: owed → queued (handed to Celery) → sending (leased by a worker) → sent; or failed (given up, staff decide);
    or uncertain (the worker died after the mail went out and before the answer came: staff decide); or withdrawn (it
    was no longer true before a worker took it).
    """

    OWED, QUEUED, SENDING, SENT, FAILED, UNCERTAIN = "owed", "queued", "sending", "sent", "failed", "uncertain"
    WITHDRAWN = "withdrawn"
    STATES = (OWED, QUEUED, SENDING, SENT, FAILED, UNCERTAIN, WITHDRAWN)
    SETTLED = (SENT, WITHDRAWN)

    reservation = models.ForeignKey(
        Reservation, null=True, on_delete=models.PROTECT, related_name="messages", db_index=False, db_constraint=False
    )
    notify_request = models.ForeignKey(
        NotifyRequest, null=True, on_delete=models.CASCADE, related_name="messages", db_index=False
    )
    warning = models.ForeignKey(
        EvidenceWarning, null=True, on_delete=models.CASCADE, related_name="messages", db_index=False
    )
    kind = models.CharField(max_length=30)
    version = models.PositiveSmallIntegerField(default=1, db_default=1)
    state = models.CharField(max_length=10, choices=[(word, word) for word in STATES], default=OWED, db_default=OWED)
    attempts = models.PositiveSmallIntegerField(default=0, db_default=0)
    lane = models.PositiveSmallIntegerField(
        default=lanes.PLAIN, db_default=lanes.PLAIN, help_text="The lower goes first (`rules/lanes.py`)."
    )
    due_at = models.DateTimeField()
    handled_at = models.DateTimeField(null=True, help_text="When it was queued, or when a worker took it.")
    journal = models.CharField(
        max_length=80,
        blank=True,
        default="",
        db_default="",
        help_text="Where the worker notes what it has handed over.",
    )
    last_error = models.CharField(max_length=300, blank=True, default="", db_default="")
    recipient = models.CharField(max_length=320, blank=True, default="", db_default="")
    subject = models.CharField(max_length=300, blank=True, default="", db_default="")
    raw = models.TextField(blank=True, default="", db_default="", help_text="The mail exactly as sent (RFC 5322).")
    sent_at = models.DateTimeField(null=True)
    bounced_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["reservation", "kind", "version"],
                condition=Q(reservation__isnull=False),
                name="one_message_per_reservation_kind_and_version",
            ),
            models.UniqueConstraint(
                fields=["notify_request", "kind", "version"],
                condition=Q(notify_request__isnull=False),
                name="one_message_per_wish_kind_and_version",
            ),
            models.UniqueConstraint(
                fields=["warning", "kind", "version"],
                condition=Q(warning__isnull=False),
                name="one_message_per_warning_kind_and_version",
            ),
            models.CheckConstraint(
                condition=Q(reservation__isnull=False, notify_request__isnull=True, warning__isnull=True)
                | Q(reservation__isnull=True, notify_request__isnull=False, warning__isnull=True)
                | Q(reservation__isnull=True, notify_request__isnull=True, warning__isnull=False),
                name="message_has_one_cause",
            ),
            models.CheckConstraint(condition=~Q(state="sent") | Q(sent_at__isnull=False), name="sent_says_when"),
        ]
        indexes = [
            models.Index(
                # To its end as the relay asks for them: else it sorts all that are owed to take a few.
                fields=["state", "lane", "due_at", "id"],
                name="message_due",
                condition=~Q(state__in=["sent", "withdrawn"]),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.pk}"
