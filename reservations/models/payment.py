"""Deposits that launches ask for, payments, refunds, what Stripe told, what staff settle, and orders handed over."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.db import models
from django.db.models import Q

from reservations.models.catalogue import Market
from reservations.models.launch import Launch
from reservations.models.reservation import Reservation
from reservations.rules import payments
from reservations.rules.money import Money


def _words(words: tuple[str, ...]) -> list[tuple[str, str]]:
    return [(word, word) for word in words]


class Deposit(models.Model):
    """What a launch asks for each unit when it reserves in a market. It is refundable, and counts towards the price."""

    launch = models.ForeignKey(Launch, on_delete=models.CASCADE, related_name="deposits")
    market = models.ForeignKey(Market, on_delete=models.CASCADE, related_name="deposits")
    amount_minor = models.PositiveBigIntegerField(help_text="For each unit, in minor units of the currency (ISO 4217).")
    currency = models.CharField(max_length=3, editable=False)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["launch", "market"], name="one_deposit_per_launch_and_market"),
            models.CheckConstraint(condition=Q(amount_minor__gte=1), name="deposit_is_something"),
        ]

    def __str__(self) -> str:
        return f"{self.launch}, {self.market_id}: {self.amount_minor} {self.currency}"


class Payment(models.Model):
    """One attempt to collect a deposit or a balance: one page of Stripe's, one idempotency key, one charge at most.

    It is stored before Stripe hears of it. `next_at` is when Stripe is to be asked about it; None: not before an event.
    """

    reservation = models.ForeignKey(Reservation, on_delete=models.PROTECT, related_name="payments", db_index=False)
    purpose = models.CharField(max_length=10, choices=_words(payments.PURPOSES))
    attempt = models.PositiveSmallIntegerField(help_text="1 for the first of this purpose.")
    amount_minor = models.PositiveBigIntegerField()
    currency = models.CharField(max_length=3)
    state = models.CharField(max_length=10, choices=_words(payments.STATES), default=payments.BEGUN)
    began_at = models.DateTimeField()
    session_id = models.CharField(max_length=100, blank=True)
    session_url = models.TextField(blank=True)
    intent_id = models.CharField(max_length=100, blank=True)
    charge_id = models.CharField(max_length=100, blank=True)
    customer_id = models.CharField(max_length=100, blank=True)
    fee_minor = models.BigIntegerField(null=True)
    fee_currency = models.CharField(max_length=3, blank=True)
    captured_at = models.DateTimeField(null=True)
    ended_at = models.DateTimeField(null=True)
    declined = models.CharField(max_length=60, blank=True, help_text="The code of the last decline.")
    kept_minor = models.PositiveBigIntegerField(default=0, help_text="What staff decided not to refund, with a reason.")
    next_at = models.DateTimeField(null=True)
    tries = models.PositiveSmallIntegerField(default=0)
    last_error = models.CharField(max_length=300, blank=True)

    class Meta:
        permissions = [("refund_payment", "Can refund a payment in part, or keep a part of it")]
        constraints = [
            models.UniqueConstraint(fields=["reservation", "purpose", "attempt"], name="a_payment_is_one_attempt"),
            models.UniqueConstraint(
                fields=["reservation", "purpose"],
                condition=Q(state__in=payments.UNDER_WAY),
                name="one_payment_under_way",
            ),
            models.UniqueConstraint(
                fields=["session_id"], condition=~Q(session_id=""), name="a_session_is_one_payment"
            ),
            models.UniqueConstraint(fields=["intent_id"], condition=~Q(intent_id=""), name="an_intent_is_one_payment"),
            models.CheckConstraint(condition=Q(amount_minor__gte=1), name="payment_is_something"),
            models.CheckConstraint(
                condition=~Q(state=payments.CAPTURED) | Q(captured_at__isnull=False) & ~Q(intent_id=""),
                name="captured_says_when_and_where",
            ),
            models.CheckConstraint(condition=Q(state__in=payments.STATES), name="payment_state_is_known"),
        ]
        indexes = [
            models.Index(fields=["next_at"], name="payment_due", condition=Q(next_at__isnull=False)),
            models.Index(fields=["state", "currency"], name="payment_by_currency"),
        ]

    def __str__(self) -> str:
        return f"{self.purpose} {self.reservation} attempt {self.attempt}"

    @property
    def amount(self) -> Money:
        return Money(self.amount_minor, self.currency)

    @property
    def key(self) -> str:
        """The idempotency key: who pays what, and which attempt."""
        return f"payment:{self.reservation_id}:{self.purpose}:{self.attempt}"


class Refund(models.Model):
    """Money that goes back to where it came from. Owed in the transaction of its cause; sent after it.

    The rows of a payment never add up to more than it captured (`actions/refunding.py`, and the books).
    """

    payment = models.ForeignKey(Payment, on_delete=models.PROTECT, related_name="refunds", db_index=False)
    number = models.PositiveSmallIntegerField(help_text="1 for the first of a payment.")
    amount_minor = models.PositiveBigIntegerField()
    reason = models.CharField(max_length=10, choices=_words(payments.REASONS))
    note = models.CharField(max_length=300, blank=True)
    state = models.CharField(max_length=10, choices=_words(payments.REFUND_STATES), default=payments.OWED)
    attempt = models.PositiveSmallIntegerField(default=1)
    stripe_id = models.CharField(max_length=100, blank=True)
    owed_at = models.DateTimeField()
    settled_at = models.DateTimeField(null=True)
    failure = models.CharField(max_length=100, blank=True)
    next_at = models.DateTimeField(null=True)
    tries = models.PositiveSmallIntegerField(default=0)
    last_error = models.CharField(max_length=300, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["payment", "number"], name="a_refund_has_its_number"),
            models.UniqueConstraint(fields=["stripe_id"], condition=~Q(stripe_id=""), name="a_refund_of_stripe_is_one"),
            models.CheckConstraint(condition=Q(amount_minor__gte=1), name="refund_is_something"),
            models.CheckConstraint(condition=Q(state__in=payments.REFUND_STATES), name="refund_state_is_known"),
        ]
        indexes = [models.Index(fields=["next_at"], name="refund_due", condition=Q(next_at__isnull=False))]

    def __str__(self) -> str:
        return f"refund {self.number} of {self.payment}"

    @property
    def amount(self) -> Money:
        return Money(self.amount_minor, self.payment.currency)

    @property
    def key(self) -> str:
        """The idempotency key. Another attempt gets another, after Stripe has been asked whether the first worked."""
        return f"refund:{self.payment.key}:{self.number}:{self.attempt}"


class StripeEvent(models.Model):
    """The inbox: what Stripe told, as it came, each once. What is in it is only believed after asking Stripe again."""

    NEW, DONE, WAITING, POISON = "new", "done", "waiting", "poison"
    STATES = (NEW, DONE, WAITING, POISON)

    id = models.CharField(max_length=100, primary_key=True)
    type = models.CharField(max_length=100)
    body = models.TextField()
    received_at = models.DateTimeField()
    state = models.CharField(max_length=10, choices=_words(STATES), default=NEW)
    tries = models.PositiveSmallIntegerField(default=0)
    next_at = models.DateTimeField(null=True)
    last_error = models.CharField(max_length=300, blank=True)
    done_at = models.DateTimeField(null=True)

    class Meta:
        indexes = [models.Index(fields=["next_at"], name="stripe_event_due", condition=Q(next_at__isnull=False))]

    def __str__(self) -> str:
        return f"{self.type} {self.id}"


class MoneyTask(models.Model):
    """What a person has to look at: a refund that failed, books that differ, a dispute, an event nobody understands."""

    REFUND_FAILED, REFUND_PENDING, DIFFERENCE = "refund_failed", "refund_pending", "difference"
    DISPUTE, FRAUD_WARNING, POISON, REFUSED = "dispute", "fraud_warning", "poison_event", "refused"
    STOP_ORDER = "stop_order"
    KINDS = (REFUND_FAILED, REFUND_PENDING, DIFFERENCE, DISPUTE, FRAUD_WARNING, POISON, REFUSED, STOP_ORDER)

    kind = models.CharField(max_length=20, choices=_words(KINDS))
    subject = models.CharField(max_length=140, help_text="As in the log: payment:17, refund:4, intent:pi_…")
    reservation = models.ForeignKey(Reservation, null=True, on_delete=models.PROTECT, related_name="money_tasks")
    sentence = models.CharField(max_length=300)
    fix = models.CharField(max_length=30, blank=True, help_text="What the button does.")
    facts = models.JSONField(default=dict)
    opened_at = models.DateTimeField()
    closed_at = models.DateTimeField(null=True)
    closed_by = models.CharField(max_length=80, blank=True)
    note = models.CharField(max_length=300, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["kind", "subject"], condition=Q(closed_at__isnull=True), name="one_open_money_task"
            )
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.subject}"


PERSON: dict[str, Any] = {"on_delete": models.PROTECT, "related_name": "+", "null": True}


class HandOver(models.Model):
    """A paid order for whoever fulfils it: told once by a signed event (`sent_at`), exported once, or cancelled before.

    One that is cancelled after is told of once more (`stop_sent_at`), and a person is asked to stop it.
    """

    reservation = models.OneToOneField(Reservation, on_delete=models.PROTECT, related_name="hand_over")
    made_at = models.DateTimeField()
    order = models.JSONField(help_text="Address, lines and amounts, as handed over.")
    next_at = models.DateTimeField(null=True)
    tries = models.PositiveSmallIntegerField(default=0)
    sent_at = models.DateTimeField(null=True)
    last_error = models.CharField(max_length=300, blank=True)
    cancelled_at = models.DateTimeField(null=True)
    stop_sent_at = models.DateTimeField(null=True)
    exported_at = models.DateTimeField(null=True)
    exported_by = models.ForeignKey(settings.AUTH_USER_MODEL, **PERSON)

    class Meta:
        indexes = [models.Index(fields=["next_at"], name="hand_over_due", condition=Q(next_at__isnull=False))]

    def __str__(self) -> str:
        return f"order {self.reservation}"
