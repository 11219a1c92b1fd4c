"""Requirements, evidence, stop-sales, and the decisions that follow from them."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.db.models import F, Q

from reservations.models.catalogue import Market, Product, Variant
from reservations.rules import evidence as life
from reservations.rules import gate


class Requirement(models.Model):
    """A rule of law as a dated, sourced row; the fields are explained in `docs/gate.md`."""

    id = models.SlugField(primary_key=True, max_length=80)
    title = models.CharField(max_length=200)
    authority = models.CharField(max_length=200)
    legal_basis = models.TextField()
    category = models.CharField(max_length=30)
    jurisdiction = models.JSONField()
    applies_to = models.JSONField()
    effect_when_missing = models.CharField(max_length=10, choices=[(word, word) for word in gate.EFFECTS])
    stage = models.CharField(max_length=10, choices=[(word, word) for word in gate.DUTY_STAGES])
    effective_from = models.DateField(null=True, blank=True)
    effective_to = models.DateField(null=True, blank=True)
    transition_until = models.DateField(null=True, blank=True)
    customer_facing_notice = models.TextField(blank=True)
    evidence_wanted = models.TextField()
    evidence_validity = models.CharField(max_length=10, blank=True, help_text="ISO 8601 duration, such as P2Y.")
    local_representative_required = models.BooleanField(default=False)
    per_country_evidence = models.BooleanField(default=False)
    site_feature = models.BooleanField(default=False)
    subdivisions = models.JSONField(default=list, blank=True)
    exclude_subdivisions = models.JSONField(default=list, blank=True)
    review_subdivisions = models.JSONField(default=list, blank=True)
    product_types = models.JSONField(default=list, blank=True)
    condition = models.CharField(max_length=60, blank=True)
    blocks_option = models.CharField(max_length=60, blank=True)
    inherits = models.JSONField(default=list, blank=True)
    notes = models.TextField(blank=True)
    source_title = models.CharField(max_length=300)
    source_url = models.URLField(max_length=500, blank=True)
    confidence = models.CharField(max_length=10)
    audited_on = models.DateField(null=True, blank=True)

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(effective_to__isnull=True)
                | Q(effective_from__isnull=True)
                | Q(effective_to__gt=F("effective_from")),
                name="requirement_ends_after_it_starts",
            )
        ]

    def __str__(self) -> str:
        return self.id


class Evidence(models.Model):
    """A document that meets a requirement for some products and destinations, while it is valid.

    Its life is the table of `rules/evidence.py`. Once approved it never changes (`guards.py`): another row replaces it.
    """

    DRAFT, SUBMITTED, APPROVED, WITHDRAWN = life.STATUSES

    id = models.SlugField(primary_key=True, max_length=100)
    requirement = models.ForeignKey(Requirement, on_delete=models.PROTECT, related_name="evidence")
    products = models.JSONField(default=list, blank=True, help_text="Product slugs.")
    variants = models.JSONField(default=list, blank=True, help_text="SKUs.")
    battery = models.CharField(max_length=120, blank=True, help_text="Cell or battery model, where it covers one.")
    markets = models.JSONField(default=list, blank=True, help_text="Empty: the requirement's whole jurisdiction.")
    subdivisions = models.JSONField(default=list, blank=True)
    responsible = models.CharField(
        "responsible person or importer", max_length=200, blank=True, help_text="As named in the document."
    )
    identifier = models.CharField(max_length=120)
    issuer = models.CharField(max_length=200)
    issued_on = models.DateField()
    expires_on = models.DateField(
        null=True, blank=True, help_text="Its first day without effect. Empty: the requirement's usual validity."
    )
    document = models.CharField(max_length=300, blank=True, help_text="What its file is called.")
    document_sha256 = models.CharField(max_length=64, blank=True, editable=False)
    status = models.CharField(
        max_length=10, choices=[(word, word) for word in life.STATUSES], default=DRAFT, editable=False
    )
    replaces = models.ForeignKey(
        "self", null=True, blank=True, on_delete=models.PROTECT, related_name="replaced_by", editable=False
    )
    authors = models.ManyToManyField(
        settings.AUTH_USER_MODEL, related_name="+", editable=False, help_text="Who wrote or submitted it."
    )
    submitted_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, editable=False, on_delete=models.PROTECT, related_name="+"
    )
    submitted_at = models.DateTimeField(null=True, editable=False)
    approved_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, editable=False, on_delete=models.PROTECT, related_name="+"
    )
    approved_at = models.DateTimeField(null=True, editable=False)
    withdrawn_at = models.DateTimeField(null=True, editable=False)
    is_sample = models.BooleanField(default=False, help_text="Invented for the demonstration; proves nothing.")

    class Meta:
        verbose_name_plural = "evidence"
        permissions = [
            ("approve_evidence", "Can approve, reject and withdraw evidence that somebody else submitted"),
            ("read_evidence_document", "Can read the documents of evidence and take evidence packs"),
        ]
        constraints = [
            models.CheckConstraint(
                condition=Q(expires_on__isnull=True) | Q(expires_on__gt=F("issued_on")),
                name="evidence_expires_after_issue",
            ),
            models.CheckConstraint(
                condition=~Q(status="withdrawn") | Q(withdrawn_at__isnull=False), name="withdrawn_evidence_says_when"
            ),
            models.CheckConstraint(
                condition=Q(approved_by__isnull=True)
                | (Q(submitted_by__isnull=False) & ~Q(approved_by=F("submitted_by"))),
                name="evidence_is_approved_by_a_second_person",
            ),
        ]

    def __str__(self) -> str:
        return self.id


class StopSale(models.Model):
    """Shuts a product or variant in a market or subdivision, or everywhere, at once. Empty means every one."""

    product = models.ForeignKey(Product, null=True, blank=True, on_delete=models.PROTECT)
    variant = models.ForeignKey(Variant, null=True, blank=True, on_delete=models.PROTECT)
    market = models.ForeignKey(Market, null=True, blank=True, on_delete=models.PROTECT)
    subdivision = models.CharField(max_length=6, blank=True)
    since = models.DateTimeField()
    lifted_at = models.DateTimeField(null=True, blank=True)
    reason = models.CharField(max_length=300)
    opened_by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, editable=False, on_delete=models.PROTECT)
    lift_proposed_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, editable=False, on_delete=models.PROTECT, related_name="+"
    )
    lift_proposed_at = models.DateTimeField(null=True, editable=False)
    lift_reason = models.CharField(max_length=300, blank=True, editable=False)
    lifted_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, editable=False, on_delete=models.PROTECT, related_name="+"
    )

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(lifted_by__isnull=True)
                | Q(lift_proposed_by__isnull=False) & ~Q(lifted_by=F("lift_proposed_by")),
                name="stop_sale_is_lifted_by_a_second_person",
            ),
            models.CheckConstraint(
                condition=Q(lifted_at__isnull=True) | Q(lifted_at__gte=F("since")),
                name="stop_sale_is_lifted_after_it_starts",
            ),
        ]

    def __str__(self) -> str:
        return f"Stop-sale {self.pk}: {self.reason}"


class GateRevision(models.Model):
    """One row: a number that grows whenever a fact of the gate changes, so that readers know what is stale."""

    id = models.PositiveSmallIntegerField(primary_key=True, default=1)
    number = models.PositiveBigIntegerField(default=0)

    class Meta:
        constraints = [models.CheckConstraint(condition=Q(id=1), name="one_gate_revision")]


class Decision(models.Model):
    """The gate's answer for a variant in a market without a subdivision, kept for reading until `next_change_at`."""

    variant = models.ForeignKey(Variant, on_delete=models.CASCADE, related_name="decisions")
    market = models.ForeignKey(Market, on_delete=models.CASCADE, related_name="decisions")
    answer = models.JSONField(help_text="stages, reasons, notices, disabled_features, varies_in, is_stopped")
    decided_at = models.DateTimeField()
    next_change_at = models.DateTimeField(null=True, db_index=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["variant", "market"], name="one_decision_per_variant_and_market")
        ]


class ReviewTask(models.Model):
    """Somebody wants to order to a place that the gate leaves to a person. One open task a place and product."""

    product = models.ForeignKey(Product, on_delete=models.CASCADE)
    subdivision = models.CharField(max_length=6)
    requirement = models.ForeignKey(Requirement, on_delete=models.CASCADE)
    opened_at = models.DateTimeField()
    closed_at = models.DateTimeField(null=True, blank=True)
    note = models.TextField(blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["product", "subdivision", "requirement"],
                condition=Q(closed_at__isnull=True),
                name="one_open_review_task_per_place",
            )
        ]

    def __str__(self) -> str:
        return f"Review {self.subdivision} for {self.requirement_id}"
