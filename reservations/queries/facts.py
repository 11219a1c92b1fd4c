"""What decisions are made of, read once and held in the process until the revision moves."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from functools import cached_property
from typing import Any

from django.db.models import Prefetch

from reservations.models import (
    Allotment,
    Deposit,
    Evidence,
    Launch,
    LaunchMarket,
    Market,
    Passport,
    Price,
    Product,
    Requirement,
    StopSale,
    Variant,
)
from reservations.queries.revisions import ByRevision, current_revision
from reservations.rules import destinations, gate, opening
from reservations.rules.money import Money
from reservations.rules.site_features import SITE_FEATURES

MOST_DECISIONS = 20_000
WITH_VARIANTS = Prefetch("variants", Variant.objects.order_by("position"))


@dataclass(frozen=True, kw_only=True)
class Offering:
    """A launch in one market: its window, and what it promises."""

    launch_id: int
    window: opening.Window
    per_customer_limit: int
    has_waiting_list: bool
    ships_from: date | None
    ships_to: date | None
    deposit: Money | None  # for each unit


@dataclass(frozen=True, kw_only=True)
class MarketTerms:
    """A market as decisions and receipts need it."""

    code: str
    timezone: str
    is_tax_included: bool
    tax_display: str
    tax_basis_points: int | None
    withdrawal_days: int | None
    subdivisions: frozenset[str]


@dataclass(frozen=True)
class Decided:
    """A decision that holds in `[since, until)`; None: no end is known."""

    decision: gate.Decision
    since: datetime
    until: datetime | None
    # What follows from it, by its form.
    shown: dict[object, Any] = field(default_factory=dict, compare=False, repr=False)

    def holds(self, at: datetime) -> bool:
        return self.since <= at and (self.until is None or at < self.until)


@dataclass(frozen=True, kw_only=True)
class World:
    """Everything that decisions need, as of one revision. What changes with each reservation is not in it."""

    revision: int | None  # None: of a transaction of its own, perhaps never committed
    facts: gate.Facts
    products: tuple[Product, ...]  # in the order of the shop, with their variants
    subjects: Mapping[str, gate.Subject]
    variant_ids: Mapping[str, tuple[int, int]]  # SKU → id of the variant, id of its product
    markets: Mapping[str, MarketTerms]
    prices: Mapping[tuple[str, str], Money]  # SKU, market → price
    offerings: Mapping[tuple[str, str], tuple[Offering, ...]]  # product, market → its launches
    # launch, SKU, market, sandbox → partner (None: sold directly) → allotment
    allotments: Mapping[tuple[int, str, str, bool], Mapping[int | None, int]]
    decided: dict[tuple[str, str, str | None], Decided] = field(default_factory=dict, compare=False, repr=False)

    def destination(self, country: str, subdivision: str | None = None) -> gate.Destination:
        """As the gate takes it: each place under its one name."""
        place = destinations.settle(country, subdivision)
        market = self.markets.get(place.country)
        timezone = market.timezone if market else None
        return gate.Destination(country=place.country, subdivision=place.subdivision, timezone=timezone)

    def skus_of(self, product: str) -> tuple[str, ...]:
        """In the order of the shop; none for an unknown product."""
        return tuple(sku for sku, subject in self.subjects.items() if subject.product == product)

    def offers(self, sku: str, country: str) -> tuple[Offering, ...]:
        """The launches of a variant in a market. No price is no offer."""
        if (sku, country) not in self.prices:
            return ()
        return self.offerings.get((self.subjects[sku].product, country), ())

    def deposit(self, sku: str, country: str, decision: gate.Decision, at: datetime) -> Money | None:
        """What is asked for each unit of a variant in a market, under a decision of the gate for it."""
        offering = current_offering(self.offers(sku, country), at)
        return deposit_of(offering, self.prices.get((sku, country)), decision)

    def passport(self, product: str, country: str, at: datetime) -> gate.Passport | None:
        """The device passport in force in a market; None where the gate refuses to reserve for want of it."""
        there = gate.Destination(country=country, timezone=self.markets[country].timezone)
        return gate.passport_in_force(self.facts, product, country, there.day(at))

    @cached_property
    def pools(self) -> Mapping[str, frozenset[int]]:
        """Market → the allotments of direct sale that serve it."""
        found = defaultdict(set)
        for (_launch, _sku, market, is_sandbox), pools in self.allotments.items():
            if not is_sandbox and None in pools:
                found[market].add(pools[None])
        return {market: frozenset(ids) for market, ids in found.items()}

    @cached_property
    def twins(self) -> Mapping[str, str]:
        """SKU → the first SKU of which the gate says the same: nothing that the facts name tells the two apart."""
        named = {sku for row in self.facts.evidence for sku in row.variants} | {stop.sku for stop in self.facts.stops}
        options = frozenset(row.blocks_option for row in self.facts.requirements if row.blocks_option)
        first: dict[object, str] = {}
        return {
            sku: sku if sku in named else first.setdefault(_traits(subject, options), sku)
            for sku, subject in self.subjects.items()
        }

    def decide(self, sku: str, country: str, subdivision: str | None, at: datetime) -> Decided:
        """The gate's decision, computed once for as long as it holds."""
        key = (self.twins[sku], country, subdivision)
        known = self.decided.get(key)
        if known is not None and known.holds(at):
            return known
        if len(self.decided) >= MOST_DECISIONS:
            self.decided.clear()
        fresh = self.decided[key] = self.decide_afresh(sku, country, subdivision, at)
        return fresh

    def decide_afresh(self, sku: str, country: str, subdivision: str | None, at: datetime) -> Decided:
        """The gate's decision for any instant, past or planned."""
        subject, destination = self.subjects[sku], self.destination(country, subdivision)
        return Decided(
            decision=gate.decide(subject=subject, destination=destination, facts=self.facts, at=at),
            since=at,
            until=gate.next_change_at(subject=subject, destination=destination, facts=self.facts, at=at),
        )


def _traits(subject: gate.Subject, options: frozenset[str]) -> tuple[object, ...]:
    """All of a variant that the gate looks at, where no fact names it."""
    conditions = frozenset(subject.conditions.items())
    return subject.product, subject.kind, subject.capabilities, conditions, subject.chosen & options, subject.placed_on


def deposit_of(offering: Offering | None, price: Money | None, decision: gate.Decision) -> Money | None:
    """What is asked for each unit to keep a place: nothing where the gate forbids it, and no more than the price."""
    each = offering.deposit if offering else None
    if each is None or price is None or each.currency != price.currency or not decision.stages["take_deposit"]:
        return None
    return Money(min(each.amount_minor, price.amount_minor), each.currency)


def current_offering(offerings: Sequence[Offering], at: datetime) -> Offering | None:
    """The one whose window speaks at `at`."""
    window = opening.current_window([each.window for each in offerings], at)
    return next((each for each in offerings if each.window == window), None)


def current_world() -> World:
    """The facts as they are committed now: one query when nothing has changed."""
    return world_of(current_revision())


@ByRevision
def world_of(revision: int) -> World:
    """The world of a revision that was just read as the current one."""
    return read_world(revision)


def read_world(revision: int | None = None) -> World:
    """The facts as the present transaction sees them, past any cache."""
    facts = gate.Facts(
        requirements=tuple(read_requirement(row) for row in Requirement.objects.order_by("id")),
        evidence=tuple(
            read_evidence(row)
            for row in Evidence.objects.exclude(status__in=[Evidence.DRAFT, Evidence.SUBMITTED]).order_by("id")
        ),
        stops=tuple(_stop(row) for row in StopSale.objects.select_related("product", "variant").order_by("id")),
        site_features=frozenset(SITE_FEATURES),
        passports=tuple(read_passport(row) for row in Passport.objects.select_related("product").order_by("id")),
    )
    variants = Variant.objects.select_related("product").order_by("product__position", "position")
    prices = Price.objects.values_list("variant__sku", "market_id", "amount_minor", "currency")
    return World(
        revision=revision,
        facts=facts,
        products=tuple(Product.objects.prefetch_related(WITH_VARIANTS).order_by("position", "pk")),
        subjects={row.sku: subject(row) for row in variants},
        variant_ids={row.sku: (row.pk, row.product_id) for row in variants},
        markets={row.code: _terms(row) for row in Market.objects.order_by("code")},
        prices={(sku, market): Money(amount, currency) for sku, market, amount, currency in prices},
        offerings=_offerings(),
        allotments=_allotments(),
    )


def _offerings() -> dict[tuple[str, str], tuple[Offering, ...]]:
    products: dict[int, list[str]] = defaultdict(list)
    for launch_id, slug in Launch.products.through.objects.values_list("launch_id", "product__slug"):
        products[launch_id].append(slug)
    asked = {(row.launch_id, row.market_id): Money(row.amount_minor, row.currency) for row in Deposit.objects.all()}
    found: dict[tuple[str, str], tuple[Offering, ...]] = {}
    for row in LaunchMarket.objects.select_related("launch").order_by("opens_at", "id"):
        offering = _offering(row, asked.get((row.launch_id, row.market_id)))
        for slug in products[row.launch_id]:
            found[slug, row.market_id] = (*found.get((slug, row.market_id), ()), offering)
    return found


def _offering(row: LaunchMarket, deposit: Money | None) -> Offering:
    launch = row.launch
    window = opening.Window(opens_at=row.opens_at, closes_at=row.closes_at, is_paused=launch.paused_at is not None)
    return Offering(
        launch_id=launch.pk,
        window=window,
        per_customer_limit=launch.per_customer_limit,
        has_waiting_list=launch.has_waiting_list,
        ships_from=launch.ships_from,
        ships_to=launch.ships_to,
        deposit=deposit,
    )


def _allotments() -> dict[tuple[int, str, str, bool], dict[int | None, int]]:
    found: dict[tuple[int, str, str, bool], dict[int | None, int]] = defaultdict(dict)
    names = ("launch_id", "variant__sku", "markets", "is_sandbox", "partner_id", "pk")
    for launch_id, sku, market, is_sandbox, partner_id, pk in Allotment.objects.exclude(markets=None).values_list(
        *names
    ):
        found[launch_id, sku, market, is_sandbox][partner_id] = pk
    return dict(found)


def _terms(row: Market) -> MarketTerms:
    return MarketTerms(
        code=row.code,
        timezone=row.timezone,
        is_tax_included=row.is_tax_included,
        tax_display=row.tax_display,
        tax_basis_points=row.tax_basis_points,
        withdrawal_days=row.withdrawal_days,
        subdivisions=frozenset(each["code"] for each in row.subdivisions),
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


def read_requirement(row: Requirement) -> gate.Requirement:
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


def read_evidence(row: Evidence) -> gate.Evidence:
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


def read_passport(row: Passport) -> gate.Passport:
    return gate.Passport(id=row.pk, product=row.product.slug, markets=frozenset(row.markets), since=row.since)


def _stop(row: StopSale) -> gate.Stop:
    return gate.Stop(
        product=row.product.slug if row.product else None,
        sku=row.variant.sku if row.variant else None,
        country=row.market_id,
        subdivision=row.subdivision or None,
        since=row.since,
        lifted_at=row.lifted_at,
    )
