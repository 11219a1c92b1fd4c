"""The provable draw: a seed that is promised before, and the frozen list it ordered."""

from __future__ import annotations

from django.db import models
from django.db.models import F, Q

from reservations.models.launch import Launch


class Draw(models.Model):
    """The draw of one opening of a launch. The seed stays secret until `drawn_at`; the commitment never does."""

    launch = models.ForeignKey(Launch, on_delete=models.PROTECT, related_name="draws")
    opening = models.PositiveSmallIntegerField(help_text="1: the launch's earliest opening instant, 2: the next …")
    opens_at = models.DateTimeField()
    closes_at = models.DateTimeField(help_text="Who arrives before it takes part.")
    seed = models.CharField(max_length=64, editable=False)
    commitment = models.CharField(max_length=64)
    drawn_at = models.DateTimeField(null=True, blank=True)
    tickets = models.JSONField(default=list, help_text="Ticket ids, random, in the order of their code points.")
    tickets_digest = models.CharField(max_length=64, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["launch", "opening"], name="one_draw_per_opening"),
            models.CheckConstraint(condition=Q(closes_at__gt=F("opens_at")), name="draw_closes_after_it_opens"),
            models.CheckConstraint(
                condition=Q(drawn_at__isnull=True) | ~Q(tickets_digest=""), name="drawn_list_has_its_digest"
            ),
        ]

    def __str__(self) -> str:
        return f"Draw of {self.launch_id}, opening {self.opening}"
