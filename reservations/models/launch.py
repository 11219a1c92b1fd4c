"""Launches, their windows per market, and the capacity they hand out."""

from __future__ import annotations

from django.db import models
from django.db.models import F, Q

from reservations.models.catalogue import Market, Product, Variant
from reservations.models.partner import Partner
from reservations.rules import places


class Launch(models.Model):
    """Opens products in markets at an instant."""

    slug = models.SlugField(unique=True)
    name = models.JSONField(default=dict)
    products = models.ManyToManyField(Product, related_name="launches")
    per_customer_limit = models.PositiveSmallIntegerField(default=2, help_text="Units of one product for one customer.")
    has_waiting_list = models.BooleanField(default=True)
    paused_at = models.DateTimeField(null=True, blank=True)
    invitation_hours = models.PositiveSmallIntegerField(
        default=72, help_text="How long an invited customer has to order, from the delivery of the invitation."
    )
    saves_card = models.BooleanField(
        default=True,
        db_default=True,
        help_text="Stripe keeps the card of a deposit, so that it can be used again for the balance.",
    )
    ships_from = models.DateField(null=True, blank=True)
    ships_to = models.DateField(null=True, blank=True)
    has_waiting_room = models.BooleanField(
        default=False, help_text="The reservation form asks for a turn, given in the waiting room."
    )
    admission_per_minute = models.PositiveIntegerField(
        default=600, help_text="How many are let in from the waiting room. Acts at once; 0: nobody for now."
    )
    has_challenge = models.BooleanField(
        default=False, help_text="A bot challenge before a ticket: a proof of work, or 20 seconds of patience."
    )
    draw_minutes = models.PositiveSmallIntegerField(
        null=True,
        blank=True,
        help_text="Who arrives in the first so many minutes has the same chance. Empty: first come, first served.",
    )

    class Meta:
        verbose_name_plural = "launches"
        constraints = [
            models.CheckConstraint(condition=Q(per_customer_limit__gte=1), name="launch_allows_one_unit"),
            models.CheckConstraint(
                condition=Q(ships_to__isnull=True) | Q(ships_to__gte=F("ships_from")),
                name="launch_ship_window_is_in_order",
            ),
            models.CheckConstraint(condition=Q(invitation_hours__gte=24), name="launch_invites_for_a_day"),
            models.CheckConstraint(
                condition=Q(draw_minutes__isnull=True) | Q(draw_minutes__gte=1), name="launch_draw_takes_a_minute"
            ),
        ]

    def __str__(self) -> str:
        return self.slug


class LaunchMarket(models.Model):
    """The half-open range [opens_at, closes_at) in which a launch takes reservations in one market."""

    launch = models.ForeignKey(Launch, on_delete=models.CASCADE, related_name="windows")
    market = models.ForeignKey(Market, on_delete=models.CASCADE, related_name="windows")
    opens_at = models.DateTimeField()
    closes_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["launch", "market"], name="one_window_per_launch_and_market"),
            models.CheckConstraint(
                condition=Q(closes_at__isnull=True) | Q(closes_at__gt=F("opens_at")),
                name="launch_closes_after_it_opens",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.market_id} from {self.opens_at:%Y-%m-%d %H:%M:%S}"


class Allotment(models.Model):
    """Capacity of a variant for a pool of markets and a channel.

    The counters change in the transaction that changes the line: `held` units, `waiting` reservations, `gone` numbers
    whose holder left the line, the `last_place` that was given and the instant of the last in the line.
    """

    launch = models.ForeignKey(Launch, on_delete=models.PROTECT, related_name="allotments")
    variant = models.ForeignKey(Variant, on_delete=models.PROTECT, related_name="allotments")
    pool = models.CharField(max_length=60)
    partner = models.ForeignKey(
        Partner, null=True, blank=True, on_delete=models.PROTECT, help_text="Empty: sold directly."
    )
    is_sandbox = models.BooleanField(default=False, editable=False)
    markets = models.ManyToManyField(Market, through="AllotmentMarket", related_name="allotments")
    capacity = models.PositiveIntegerField()
    held_back = models.PositiveIntegerField(
        default=0, db_default=0, help_text="Units of the capacity that are kept for support and not given out."
    )
    held = models.PositiveIntegerField(default=0, editable=False)
    waiting = models.PositiveIntegerField(default=0, editable=False)
    gone = models.PositiveIntegerField(default=0, editable=False)
    last_place = models.PositiveIntegerField(default=0, editable=False)
    last_at = models.DateTimeField(null=True, editable=False)

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(held__lte=F("capacity") - F("held_back")), name="allotment_never_oversold"
            ),
            # Two, since NULLs differ from each other in an index and SQLite has no way to say otherwise.
            models.UniqueConstraint(
                fields=["launch", "variant", "pool", "is_sandbox"],
                condition=Q(partner__isnull=True),
                name="one_direct_allotment_per_pool",
            ),
            models.UniqueConstraint(
                fields=["launch", "variant", "pool", "partner", "is_sandbox"], name="one_partner_allotment_per_pool"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.variant}, {self.pool}"

    @property
    def line(self) -> places.Line:
        """The counters, as the rules of places read them."""
        return places.Line(
            capacity=self.capacity - self.held_back,
            held=self.held,
            waiting=self.waiting,
            gone=self.gone,
            last_place=self.last_place,
            last_at=self.last_at,
        )

    @property
    def left(self) -> int:
        return self.line.left


class AllotmentMarket(models.Model):
    """A market of a pool."""

    allotment = models.ForeignKey(Allotment, on_delete=models.CASCADE)
    market = models.ForeignKey(Market, on_delete=models.CASCADE)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["allotment", "market"], name="market_once_in_a_pool")]


class CustomerLimit(models.Model):
    """How many units of a product one customer holds in a launch. Kept in the reserving and cancelling transactions."""

    launch = models.ForeignKey(Launch, on_delete=models.CASCADE, db_index=False, db_constraint=False)
    product = models.ForeignKey(Product, on_delete=models.CASCADE, db_index=False, db_constraint=False)
    email_key = models.CharField(max_length=320)
    is_sandbox = models.BooleanField(default=False)
    quantity = models.PositiveIntegerField()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["launch", "product", "email_key", "is_sandbox"], name="one_limit_per_customer"
            )
        ]
