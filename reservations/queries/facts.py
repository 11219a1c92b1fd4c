"""The facts of the gate, read once and held in the process until the revision moves."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

from reservations.models import Evidence, GateRevision, Market, Requirement, StopSale, Variant
from reservations.rules import gate
from reservations.rules.site_features import SITE_FEATURES


@dataclass(frozen=True)
class World:
    """Everything that decisions need, as of one revision."""

    facts: gate.Facts
    subjects: dict[str, gate.Subject]
    timezones: dict[str, str]

    def destination(self, country: str, subdivision: str | None = None) -> gate.Destination:
        return gate.Destination(country=country, subdivision=subdivision, timezone=self.timezones.get(country))


def current_world() -> World:
    """The facts as they are committed now: one query when nothing has changed."""
    number = GateRevision.objects.filter(id=1).values_list("number", flat=True).first() or 0
    return _world(number)


@lru_cache(maxsize=2)
def _world(revision: int) -> World:
    return read_world()


def read_world() -> World:
    """The facts as the present transaction sees them, past any cache."""
    facts = gate.Facts(
        requirements=tuple(_requirement(row) for row in Requirement.objects.order_by("id")),
        evidence=tuple(
            _evidence(row)
            for row in Evidence.objects.exclude(status__in=[Evidence.DRAFT, Evidence.SUBMITTED]).order_by("id")
        ),
        stops=tuple(_stop(row) for row in StopSale.objects.select_related("product", "variant").order_by("id")),
        site_features=frozenset(SITE_FEATURES),
    )
    variants = Variant.objects.select_related("product").order_by("product__position", "position")
    return World(
        facts=facts,
        subjects={row.sku: subject(row) for row in variants},
        timezones=dict(Market.objects.values_list("code", "timezone")),
    )


def subject(variant: Variant) -> gate.Subject:
    product = variant.product
    return gate.Subject(
        sku=variant.sku,
        product=product.slug,
        kind=product.kind,
        capabilities=frozenset(product.capabilities) - frozenset(variant.without_capabilities),
        conditions=product.conditions,
        options=variant.options,
        placed_on=product.placed_on,
    )


def _requirement(row: Requirement) -> gate.Requirement:
    return gate.Requirement(
        id=row.id,
        title=row.title,
        jurisdiction=frozenset(row.jurisdiction),
        applies_to=frozenset(row.applies_to),
        effect=row.effect_when_missing,
        stage=row.stage,
        effective_from=row.effective_from,
        effective_to=row.effective_to,
        transition_until=row.transition_until,
        notice=row.customer_facing_notice or None,
        subdivisions=frozenset(row.subdivisions),
        exclude_subdivisions=frozenset(row.exclude_subdivisions),
        review_subdivisions=frozenset(row.review_subdivisions),
        product_types=frozenset(row.product_types),
        condition=row.condition or None,
        blocks_option=row.blocks_option or None,
        inherits=frozenset(row.inherits),
        evidence_validity=row.evidence_validity or None,
        per_country_evidence=row.per_country_evidence,
        site_feature=row.site_feature,
    )


def _evidence(row: Evidence) -> gate.Evidence:
    return gate.Evidence(
        id=row.id,
        requirement=row.requirement_id,
        products=frozenset(row.products),
        variants=frozenset(row.variants),
        markets=frozenset(row.markets),
        subdivisions=frozenset(row.subdivisions),
        issued_on=row.issued_on,
        expires_on=row.expires_on,
        withdrawn_at=row.withdrawn_at,
    )


def _stop(row: StopSale) -> gate.Stop:
    return gate.Stop(
        product=row.product.slug if row.product else None,
        sku=row.variant.sku if row.variant else None,
        country=row.market_id,
        subdivision=row.subdivision or None,
        since=row.since,
        lifted_at=row.lifted_at,
    )
