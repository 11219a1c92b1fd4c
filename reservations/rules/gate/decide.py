"""What it means: `docs/gate.md`, section 3."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from functools import cached_property

from reservations.rules.gate.applies import applying, varies_in
from reservations.rules.gate.facts import DUTY_STAGES, EFFECTS, Destination, Facts, Question, Requirement, Subject
from reservations.rules.gate.met import covers, is_met
from reservations.rules.gate.passports import is_missing, starts

STAGES = ("announce", "reserve", "take_deposit", "ship")
NO_MARKET, STOP_SALE, NEEDS_REVIEW = "no_market", "stop_sale", "needs_review"
DEVICE_PASSPORT, PASSPORT_MISSING = "device_passport", "passport_missing"

_NOTHING: frozenset[str] = frozenset()
_ALL = frozenset(STAGES)
_SELLING = _ALL - {"announce"}
_RESERVING = _SELLING - {"ship"}
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

    @cached_property
    def consents(self) -> tuple[Notice, ...]:
        return tuple(notice for notice in self.notices if notice.consent)

    @cached_property
    def versions(self) -> Mapping[str, str]:
        """Of the notices, by their ids."""
        return {notice.id: notice.version for notice in self.notices}

    @cached_property
    def switched_off(self) -> tuple[tuple[str, str], ...]:
        """Each disabled feature; beside it the title of the requirement that it goes by, empty for an option."""
        titles = {reason.requirement: reason.title for reason in self.reasons}
        return tuple((feature, titles.get(feature, "")) for feature in self.disabled_features)


def decide(*, subject: Subject, destination: Destination, facts: Facts, at: datetime) -> Decision:
    """Combine law, evidence and stop-sales into one decision; the strictest wins.

    `at` is an aware instant. Never raises for any combination of facts.
    """
    asked = Question(subject, destination, facts, at)
    forbidden: set[str] = set()
    reasons: list[Reason] = []
    notices: list[Notice] = []
    disabled: set[str] = set()
    for row in applying(asked):
        met = is_met(row, asked)
        forbids = _NOTHING if met else _forbids(row, destination)
        if forbids:
            forbidden |= forbids
            reasons.append(_reason(row, asked))
        elif not met and row.stage == "operate" and row.effect in ("block", "waitlist"):
            disabled.add(row.blocks_option or row.id)
            reasons.append(_reason(row, asked))
        if row.notice and not (met and row.stage == "ship"):
            notices.append(_notice(row))
    is_stopped = any(stop.bites(subject, destination, at) for stop in facts.stops)
    if is_stopped:
        forbidden |= _SELLING
        reasons.append(_STOPPED)
    if destination.timezone is None:
        forbidden |= _ALL
        reasons.append(_NOWHERE)
    elif is_missing(facts, subject.product, destination.country, asked.day):
        forbidden |= _RESERVING
        reasons.append(_untold(asked))
    return Decision(
        stages={stage: stage not in forbidden for stage in STAGES},
        reasons=tuple(sorted(reasons, key=lambda row: _strictness(row.effect, row.stage, row.requirement))),
        notices=tuple(sorted(notices, key=lambda row: _strictness(row.effect, row.stage, row.id))),
        disabled_features=tuple(sorted(disabled)),
        varies_in=varies_in(asked),
        is_stopped=is_stopped,
    )


_STOPPED = Reason(requirement=STOP_SALE, title="Stop-sale", stage="offer", effect="waitlist", code=STOP_SALE)
_NOWHERE = Reason(requirement=NO_MARKET, title="No market", stage="offer", effect="block", code=NO_MARKET)


def _untold(asked: Question) -> Reason:
    """Nobody was told yet what the device records there."""
    coming = (day for day in starts(asked.facts, asked.subject.product, asked.destination.country) if day > asked.day)
    return Reason(
        requirement=DEVICE_PASSPORT,
        title="Device passport",
        stage="order",
        effect="waitlist",
        code=PASSPORT_MISSING,
        until=min(coming, default=None),
    )


def _is_in_review(row: Requirement, destination: Destination) -> bool:
    return destination.subdivision in row.review_subdivisions


def _forbids(row: Requirement, destination: Destination) -> frozenset[str]:
    """What a requirement that is not met forbids; in a place under review, selling."""
    return _SELLING if _is_in_review(row, destination) else FORBIDS.get((row.effect, row.stage), _NOTHING)


def _reason(row: Requirement, asked: Question) -> Reason:
    if _is_in_review(row, asked.destination):
        return Reason(requirement=row.id, title=row.title, stage=row.stage, effect="block", code=NEEDS_REVIEW)
    day = asked.day
    mine = sorted(
        (
            document
            for document in asked.facts.evidence_for.get(row.id, ())
            if covers(document, row, asked.subject, asked.destination)
        ),
        key=lambda document: (document.issued_on, document.id),
    )
    coming = next((each for each in mine if each.issued_on > day and each.withdrawn_at is None), None)
    lapsed = next((each for each in reversed(mine) if each.issued_on <= day), None)
    ends: list[date | None] = [row.effective_to, coming.issued_on if coming else None]
    named = coming or lapsed
    return Reason(
        requirement=row.id,
        title=row.title,
        stage=row.stage,
        effect=row.effect,
        evidence=named.id if named else None,
        until=min((on for on in ends if on is not None and on > day), default=None),
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
