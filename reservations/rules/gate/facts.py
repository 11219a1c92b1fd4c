"""What a decision is made of: the variant, the place, the law, the proof, and what was stopped."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, tzinfo
from functools import cached_property
from zoneinfo import ZoneInfo

EFFECTS = ("block", "waitlist", "consent", "notice")
DUTY_STAGES = ("offer", "order", "ship", "operate")
CAPABILITIES = frozenset(
    "radio bluetooth wifi camera microphone display generative_ai lithium_battery health_sensor skin_contact "
    "prescription_optics audio_output cloud_data".split()
)
OPTION_CAPABILITY = {("lenses", "prescription"): "prescription_optics"}


@dataclass(frozen=True, kw_only=True)
class Subject:
    """The variant that is judged. `conditions` holds True, False or None; a key that is absent is unknown."""

    sku: str
    product: str
    kind: str
    capabilities: frozenset[str]
    conditions: Mapping[str, bool | None] = field(default_factory=dict)
    options: Mapping[str, str] = field(default_factory=dict)
    placed_on: date | None = None

    @cached_property
    def chosen(self) -> frozenset[str]:
        """Options and the capabilities that this variant carries by choice."""
        by_choice = {OPTION_CAPABILITY[pair] for pair in self.options.items() if pair in OPTION_CAPABILITY}
        return frozenset(self.options) | frozenset(self.options.values()) | by_choice


@dataclass(frozen=True, kw_only=True)
class Destination:
    """An ISO 3166-1 country, an ISO 3166-2 subdivision or None for "not said", and the market's IANA time zone.

    `timezone` None means that no market of ours has this country.
    """

    country: str
    subdivision: str | None = None
    timezone: str | None = None

    @cached_property
    def zone(self) -> tzinfo:
        return ZoneInfo(self.timezone) if self.timezone else UTC

    def day(self, at: datetime) -> date:
        try:
            return at.astimezone(self.zone).date()
        except OverflowError:  # within a day of the first or last instant that there is
            return at.date()

    def midnight(self, day: date) -> datetime:
        return datetime.combine(day, time(), self.zone).astimezone(UTC)


@dataclass(frozen=True, kw_only=True)
class Requirement:
    """A rule of law as a row of data; the fields are those of `data/requirements.yaml`."""

    id: str
    title: str
    jurisdiction: frozenset[str]
    applies_to: frozenset[str]
    effect: str
    stage: str
    effective_from: date | None = None
    effective_to: date | None = None
    transition_until: date | None = None
    notice: str | None = None
    subdivisions: frozenset[str] = frozenset()
    exclude_subdivisions: frozenset[str] = frozenset()
    review_subdivisions: frozenset[str] = frozenset()
    product_types: frozenset[str] = frozenset()
    condition: str | None = None
    blocks_option: str | None = None
    inherits: frozenset[str] = frozenset()
    evidence_validity: str | None = None
    per_country_evidence: bool = False
    site_feature: bool = False

    @cached_property
    def notice_version(self) -> str:
        """Names the wording: another text is another version."""
        return hashlib.sha256((self.notice or "").encode()).hexdigest()[:8]

    @cached_property
    def named_subdivisions(self) -> frozenset[str]:
        return self.subdivisions | self.exclude_subdivisions | self.review_subdivisions

    def names(self, subject: Subject) -> bool:
        """By capability, kind and option: what no date changes."""
        return (
            bool(self.applies_to & subject.capabilities)
            and (not self.product_types or subject.kind in self.product_types)
            and (self.blocks_option is None or self.blocks_option in subject.chosen)
        )


@dataclass(frozen=True, kw_only=True)
class Evidence:
    """An approved document. Empty `products` and `variants` cover nothing; empty `markets` covers the jurisdiction."""

    id: str
    requirement: str
    products: frozenset[str] = frozenset()
    variants: frozenset[str] = frozenset()
    markets: frozenset[str] = frozenset()
    subdivisions: frozenset[str] = frozenset()
    issued_on: date
    expires_on: date | None = None
    withdrawn_at: datetime | None = None


@dataclass(frozen=True, kw_only=True)
class Stop:
    """A stop-sale in force in `[since, lifted_at)`; a field that is None means every one."""

    product: str | None = None
    sku: str | None = None
    country: str | None = None
    subdivision: str | None = None
    since: datetime
    lifted_at: datetime | None = None

    def bites(self, subject: Subject, destination: Destination, at: datetime) -> bool:
        return (
            self.since <= at
            and (self.lifted_at is None or at < self.lifted_at)
            and self.product in (None, subject.product)
            and self.sku in (None, subject.sku)
            and self.country in (None, destination.country)
            and self.subdivision in (None, destination.subdivision)
        )


@dataclass(frozen=True, kw_only=True)
class Passport:
    """What a product records and where that goes is told for these markets from `since` on, until a later one."""

    id: str
    product: str
    markets: frozenset[str]
    since: date


@dataclass(frozen=True)
class Facts:
    """Everything that decisions are made of, indexed once for many decisions.

    `passports` None: none is asked for.
    """

    requirements: tuple[Requirement, ...]
    evidence: tuple[Evidence, ...]
    stops: tuple[Stop, ...]
    site_features: frozenset[str]
    passports: tuple[Passport, ...] | None = None

    @cached_property
    def by_id(self) -> Mapping[str, Requirement]:
        return {requirement.id: requirement for requirement in self.requirements}

    @cached_property
    def heirs(self) -> Mapping[str, tuple[Requirement, ...]]:
        """Requirement id → the requirements of other places that inherit it."""
        found: dict[str, list[Requirement]] = {}
        for requirement in self.requirements:
            for inherited in requirement.inherits:
                found.setdefault(inherited, []).append(requirement)
        return {inherited: tuple(rows) for inherited, rows in found.items()}

    @cached_property
    def evidence_for(self) -> Mapping[str, tuple[Evidence, ...]]:
        found: dict[str, list[Evidence]] = {}
        for document in self.evidence:
            found.setdefault(document.requirement, []).append(document)
        return {requirement: tuple(rows) for requirement, rows in found.items()}

    @cached_property
    def passports_for(self) -> Mapping[tuple[str, str], tuple[Passport, ...]]:
        """Product and country → its passports, the oldest first."""
        found: dict[tuple[str, str], list[Passport]] = {}
        for row in sorted(self.passports or (), key=lambda row: (row.since, row.id)):
            for country in row.markets:
                found.setdefault((row.product, country), []).append(row)
        return {key: tuple(rows) for key, rows in found.items()}

    @cached_property
    def _reach(self) -> dict[str, tuple[Requirement, ...]]:
        return {}

    @cached_property
    def _concern(self) -> dict[tuple[object, ...], tuple[Requirement, ...]]:
        return {}

    def reaching(self, country: str) -> tuple[Requirement, ...]:
        """Requirements that can bite in a country, inherited ones included."""
        if country not in self._reach:
            local = {row.id for row in self.requirements if country in row.jurisdiction}
            waiting = list(local)
            while waiting:
                for inherited in self.by_id[waiting.pop()].inherits & self.by_id.keys() - local:
                    local.add(inherited)
                    waiting.append(inherited)
            self._reach[country] = tuple(row for row in self.requirements if row.id in local)
        return self._reach[country]

    def concerning(self, subject: Subject, country: str) -> tuple[Requirement, ...]:
        """Those of them that this variant can ever fall under, whatever the date and its conditions."""
        key = (country, subject.capabilities, subject.kind, subject.chosen)
        if key not in self._concern:
            self._concern[key] = tuple(row for row in self.reaching(country) if row.names(subject))
        return self._concern[key]


@dataclass(frozen=True)
class Question:
    """May this variant go to this destination at this instant, as far as these facts say?"""

    subject: Subject
    destination: Destination
    facts: Facts
    at: datetime

    @cached_property
    def day(self) -> date:
        """The date in the market's own time zone."""
        return self.destination.day(self.at)
