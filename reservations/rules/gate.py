"""May this variant be announced, reserved, charged and shipped to this destination at this instant, and why?

The rule of `docs/gate.md`, whole. `decide` is pure and total: the same facts give the same decision whatever the order
of the rows, for any past or planned instant, and what is unknown counts against opening.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from functools import cached_property
from zoneinfo import ZoneInfo

STAGES = ("announce", "reserve", "take_deposit", "ship")
EFFECTS = ("block", "waitlist", "consent", "notice")
DUTY_STAGES = ("offer", "order", "ship", "operate")
CAPABILITIES = frozenset(
    "radio bluetooth wifi camera microphone display generative_ai lithium_battery health_sensor skin_contact "
    "prescription_optics audio_output cloud_data".split()
)
GRANT_CONDITION, GRANT_REQUIREMENT = "no_fcc_grant_yet", "us-fcc-part-15-certification"
OPTION_CAPABILITY = {("lenses", "prescription"): "prescription_optics"}
NO_MARKET, STOP_SALE, NEEDS_REVIEW = "no_market", "stop_sale", "needs_review"

_ALL = frozenset(STAGES)
_SELLING = _ALL - {"announce"}
_SHIPPING = frozenset({"ship"})
# What an unmet requirement forbids. Every (effect, stage) pair that is absent forbids nothing.
FORBIDS: dict[tuple[str, str], frozenset[str]] = {
    ("block", "offer"): _ALL,
    ("block", "order"): _ALL,
    ("waitlist", "offer"): _SELLING,
    ("waitlist", "order"): _SELLING,
    ("block", "ship"): _SHIPPING,
    ("waitlist", "ship"): _SHIPPING,
    ("notice", "ship"): _SHIPPING,
    ("consent", "ship"): _SHIPPING,
}
_DURATION = re.compile(r"^P(?:(\d+)Y)?(?:(\d+)M)?(?:(\d+)D)?$")


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
        return at.astimezone(self.zone).date()

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
class Reason:
    """One requirement that forbids a stage. `evidence` names a document that is no longer or not yet valid."""

    requirement: str
    title: str
    stage: str
    effect: str
    code: str = "unmet"
    evidence: str | None = None
    until: date | None = None


@dataclass(frozen=True, kw_only=True)
class Notice:
    """A text that the law wants shown; `consent` says that the customer is asked to affirm it before reserving."""

    id: str
    version: str
    text: str
    consent: bool
    effect: str
    stage: str


@dataclass(frozen=True, kw_only=True)
class Decision:
    stages: Mapping[str, bool]
    reasons: tuple[Reason, ...]
    notices: tuple[Notice, ...]
    disabled_features: tuple[str, ...]
    varies_in: tuple[str, ...]
    is_stopped: bool

    @property
    def consents(self) -> tuple[Notice, ...]:
        return tuple(notice for notice in self.notices if notice.consent)


@dataclass(frozen=True)
class Facts:
    """Everything that decisions are made of, indexed once for many decisions."""

    requirements: tuple[Requirement, ...]
    evidence: tuple[Evidence, ...]
    stops: tuple[Stop, ...]
    site_features: frozenset[str]

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
    def _reach(self) -> dict[str, tuple[Requirement, ...]]:
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


def decide(*, subject: Subject, destination: Destination, facts: Facts, at: datetime) -> Decision:
    """Combine law, evidence and stop-sales into one decision; the strictest wins.

    `at` is an aware instant. Never raises for any combination of facts.
    """
    day = destination.day(at)
    forbidden: set[str] = set()
    reasons: list[Reason] = []
    notices: list[Notice] = []
    disabled: set[str] = set()
    for row in _applying(subject, destination, facts, day, at):
        document = _valid_evidence(row, subject, destination, facts, day, at)
        in_review = destination.subdivision in row.review_subdivisions
        is_met = not in_review and (document is not None or (row.site_feature and row.id in facts.site_features))
        forbids = (
            frozenset() if is_met else (_SELLING if in_review else FORBIDS.get((row.effect, row.stage), frozenset()))
        )
        if forbids:
            forbidden |= forbids
            reasons.append(_reason(row, subject, destination, facts, day, in_review=in_review))
        if not is_met and row.stage == "operate" and row.effect in ("block", "waitlist"):
            disabled.add(row.blocks_option or row.id)
            reasons.append(_reason(row, subject, destination, facts, day, in_review=False))
        if row.notice and not (is_met and row.stage == "ship"):
            notices.append(_notice(row))
    is_stopped = any(stop.bites(subject, destination, at) for stop in facts.stops)
    if is_stopped:
        forbidden |= _SELLING
        reasons.append(
            Reason(requirement=STOP_SALE, title="Stop-sale", stage="offer", effect="waitlist", code=STOP_SALE)
        )
    if destination.timezone is None:
        forbidden |= _ALL
        reasons.append(Reason(requirement=NO_MARKET, title="No market", stage="offer", effect="block", code=NO_MARKET))
    return Decision(
        stages={stage: stage not in forbidden for stage in STAGES},
        reasons=tuple(sorted(reasons, key=lambda row: _strictness(row.effect, row.stage, row.requirement))),
        notices=tuple(sorted(notices, key=lambda row: _strictness(row.effect, row.stage, row.id))),
        disabled_features=tuple(sorted(disabled)),
        varies_in=_varies_in(subject, destination, facts, day, at),
        is_stopped=is_stopped,
    )


def next_change_at(*, subject: Subject, destination: Destination, facts: Facts, at: datetime) -> datetime | None:
    """The earliest instant after `at` at which `decide` answers differently if no fact is entered; None if never."""
    now = decide(subject=subject, destination=destination, facts=facts, at=at)
    for instant in _turning_points(subject, destination, facts, at):
        if decide(subject=subject, destination=destination, facts=facts, at=instant) != now:
            return instant
    return None


def asks_subdivision(*, subject: Subject, destination: Destination, facts: Facts, at: datetime) -> bool:
    """Whether the country has a rule for this variant that depends on the subdivision."""
    return bool(_varies_in(subject, destination, facts, destination.day(at), at))


def _applying(
    subject: Subject, destination: Destination, facts: Facts, day: date, at: datetime
) -> Iterable[Requirement]:
    return (row for row in facts.reaching(destination.country) if _applies(row, subject, destination, facts, day, at))


def _applies(
    row: Requirement, subject: Subject, destination: Destination, facts: Facts, day: date, at: datetime
) -> bool:
    return (
        _concerns(row, subject, destination, facts, day, at)
        and _covers_subdivision(row, destination)
        and _reaches(row, subject, destination, facts, day, at, frozenset())
    )


def _concerns(
    row: Requirement, subject: Subject, destination: Destination, facts: Facts, day: date, at: datetime
) -> bool:
    """Everything but the place: capability, kind, option, condition, dates."""
    return (
        bool(row.applies_to & subject.capabilities)
        and (not row.product_types or subject.kind in row.product_types)
        and (row.blocks_option is None or row.blocks_option in subject.chosen)
        and _in_force(row, subject, day)
        and _condition_holds(row, subject, destination, facts, day, at)
    )


def _in_force(row: Requirement, subject: Subject, day: date) -> bool:
    if row.effective_from is not None and day < row.effective_from:
        return False
    if row.effective_to is not None and day >= row.effective_to:
        return False
    is_older = (
        row.effective_from is not None and subject.placed_on is not None and subject.placed_on < row.effective_from
    )
    return not (row.transition_until is not None and is_older and day < row.transition_until)


def _condition_holds(
    row: Requirement, subject: Subject, destination: Destination, facts: Facts, day: date, at: datetime
) -> bool:
    if row.condition is None:
        return True
    if row.condition == GRANT_CONDITION:
        grant = facts.by_id.get(GRANT_REQUIREMENT)
        return grant is None or _valid_evidence(grant, subject, destination, facts, day, at) is None
    return subject.conditions.get(row.condition) is not False


def _covers_subdivision(row: Requirement, destination: Destination) -> bool:
    if destination.subdivision in row.exclude_subdivisions:
        return False
    only_in = row.subdivisions | row.review_subdivisions if row.subdivisions else frozenset()
    return not only_in or destination.subdivision in only_in


def _reaches(
    row: Requirement,
    subject: Subject,
    destination: Destination,
    facts: Facts,
    day: date,
    at: datetime,
    seen: frozenset[str],
) -> bool:
    """In the jurisdiction, or inherited from a requirement that applies here itself."""
    if destination.country in row.jurisdiction:
        return True
    return any(
        heir.id not in seen
        and _concerns(heir, subject, destination, facts, day, at)
        and _covers_subdivision(heir, destination)
        and _reaches(heir, subject, destination, facts, day, at, seen | {row.id})
        for heir in facts.heirs.get(row.id, ())
    )


def _valid_evidence(
    row: Requirement, subject: Subject, destination: Destination, facts: Facts, day: date, at: datetime
) -> Evidence | None:
    valid = (
        document
        for document in facts.evidence_for.get(row.id, ())
        if _covers(document, row, subject, destination)
        and document.issued_on <= day
        and (document.withdrawn_at is None or at < document.withdrawn_at)
        and ((expiry := expires_on(document, row)) is None or day < expiry)
    )
    return min(valid, key=lambda document: document.id, default=None)


def _covers(document: Evidence, row: Requirement, subject: Subject, destination: Destination) -> bool:
    if subject.product not in document.products and subject.sku not in document.variants:
        return False
    if document.subdivisions and destination.subdivision not in document.subdivisions:
        return False
    if document.markets:
        return destination.country in document.markets
    return not row.per_country_evidence


def expires_on(document: Evidence, row: Requirement) -> date | None:
    """First day on which the document no longer counts: its own expiry, else the usual validity, else None."""
    if document.expires_on is not None:
        return document.expires_on
    return add_duration(document.issued_on, row.evidence_validity) if row.evidence_validity else None


def add_duration(day: date, duration: str) -> date:
    """Add an ISO 8601 date duration (PnYnMnD). A 29 February becomes 1 March in a common year.

    Raises ValueError for any other text.
    """
    match = _DURATION.match(duration)
    if match is None or not any(match.groups()):
        raise ValueError(f"not an ISO 8601 duration of years, months or days: {duration!r}")
    years, months, days = (int(part or 0) for part in match.groups())
    month_index = day.year * 12 + day.month - 1 + years * 12 + months
    first = date(month_index // 12, month_index % 12 + 1, 1)
    next_first = date((month_index + 1) // 12, (month_index + 1) % 12 + 1, 1)
    return min(first + timedelta(days=day.day - 1), next_first) + timedelta(days=days)


def _reason(
    row: Requirement, subject: Subject, destination: Destination, facts: Facts, day: date, *, in_review: bool
) -> Reason:
    mine = sorted(
        (doc for doc in facts.evidence_for.get(row.id, ()) if _covers(doc, row, subject, destination)),
        key=lambda doc: (doc.issued_on, doc.id),
    )
    coming = next((doc for doc in mine if doc.issued_on > day and doc.withdrawn_at is None), None)
    lapsed = next((doc for doc in reversed(mine) if doc.issued_on <= day), None)
    ends = [on for on in (row.effective_to, coming.issued_on if coming else None) if on is not None and on > day]
    named = coming or lapsed
    return Reason(
        requirement=row.id,
        title=row.title,
        stage=row.stage,
        effect="block" if in_review else row.effect,
        code=NEEDS_REVIEW if in_review else "unmet",
        evidence=None if in_review or named is None else named.id,
        until=None if in_review else min(ends, default=None),
    )


def _notice(row: Requirement) -> Notice:
    return Notice(
        id=row.id,
        version=row.notice_version,
        text=row.notice or "",
        consent=row.effect == "consent" and row.stage != "operate",
        effect=row.effect,
        stage=row.stage,
    )


def _strictness(effect: str, stage: str, identifier: str) -> tuple[int, int, str]:
    return EFFECTS.index(effect), DUTY_STAGES.index(stage), identifier


def _varies_in(subject: Subject, destination: Destination, facts: Facts, day: date, at: datetime) -> tuple[str, ...]:
    """Subdivisions of an unspecified destination where another decision may hold."""
    if destination.subdivision is not None:
        return ()
    prefix = destination.country + "-"
    return tuple(
        sorted(
            {
                subdivision
                for row in facts.reaching(destination.country)
                if row.named_subdivisions and _concerns(row, subject, destination, facts, day, at)
                for subdivision in row.named_subdivisions
                if subdivision.startswith(prefix)
            }
        )
    )


def _turning_points(subject: Subject, destination: Destination, facts: Facts, at: datetime) -> list[datetime]:
    days: set[date] = set()
    instants: set[datetime] = set()
    rows = facts.reaching(destination.country)
    grant = facts.by_id.get(GRANT_REQUIREMENT)
    for row in (*rows, *([grant] if grant is not None and grant not in rows else [])):
        days |= {on for on in (row.effective_from, row.effective_to, row.transition_until) if on is not None}
        for document in facts.evidence_for.get(row.id, ()):
            if _covers(document, row, subject, destination):
                days |= {on for on in (document.issued_on, expires_on(document, row)) if on is not None}
                instants |= {document.withdrawn_at} - {None}  # type: ignore[arg-type]
    for stop in facts.stops:
        instants |= {instant for instant in (stop.since, stop.lifted_at) if instant is not None}
    instants |= {destination.midnight(on) for on in days}
    return sorted(instant for instant in instants if instant > at)
