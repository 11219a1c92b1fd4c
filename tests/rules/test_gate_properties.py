"""What is true of the gate whatever the law says: over made-up facts, and over those that ship."""

from __future__ import annotations

import random
from collections.abc import Iterable
from dataclasses import replace
from datetime import UTC, date, datetime, time

import pycountry
from hypothesis import given, settings
from hypothesis import strategies as st

from reservations.rules import gate
from tests.rules.shipped import shipped

MANY = settings(max_examples=400, deadline=None)
FEW = settings(max_examples=60, deadline=None)
FEW_DAYS = [date(year, month, 1) for year in (2025, 2026, 2027) for month in (1, 5, 9)]  # few, so that they meet
FEW_INSTANTS = [datetime.combine(day, hour, UTC) for day in FEW_DAYS for hour in (time(0), time(12), time(22, 30))]
DAYS, INSTANTS = st.sampled_from(FEW_DAYS), st.sampled_from(FEW_INSTANTS)
RANDOM = st.randoms(use_true_random=False)

# Narrow choices, most of them the plain one, so that rules, documents and places often meet.
IDS = st.sampled_from(["a", "b", "c", gate.GRANT_REQUIREMENT])


def mostly(plain: object, *others: st.SearchStrategy) -> st.SearchStrategy:
    """Three times in four the plain value."""
    return st.integers(0, 3).flatmap(lambda number: st.one_of(*others) if number == 0 else st.just(plain))


def some(*words: str) -> st.SearchStrategy[frozenset[str]]:
    return st.frozensets(st.sampled_from(words), min_size=1, max_size=2)


NONE: frozenset[str] = frozenset()
made_up_rules = st.builds(
    gate.Requirement,
    id=IDS,
    title=st.just("A rule"),
    jurisdiction=mostly(frozenset({"DE"}), some("DE", "FR"), st.just(NONE)),
    applies_to=some("radio", "camera", "microphone"),
    effect=st.sampled_from(gate.EFFECTS),
    stage=st.sampled_from(gate.DUTY_STAGES),
    notice=mostly(None, st.just("Read this.")),
    effective_from=st.none() | DAYS,
    effective_to=mostly(None, DAYS),
    transition_until=st.none() | DAYS,
    subdivisions=mostly(NONE, some("DE-BE", "DE-BY")),
    exclude_subdivisions=mostly(NONE, some("DE-BE", "DE-BY")),
    review_subdivisions=mostly(NONE, some("DE-BE", "DE-BY")),
    product_types=mostly(NONE, st.just(frozenset({"ring"}))),
    condition=mostly(None, st.sampled_from(["wired_charging", gate.GRANT_CONDITION])),
    inherits=mostly(NONE, st.frozensets(IDS, max_size=2)),
    evidence_validity=mostly(None, st.just("P1Y")),
    per_country_evidence=st.booleans(),
    site_feature=st.booleans(),
)
made_up_papers = st.builds(
    gate.Evidence,
    id=st.sampled_from("pqrs"),
    requirement=IDS,
    products=mostly(frozenset({"glasses"}), st.just(frozenset({"ring"}))),
    markets=mostly(frozenset({"DE"}), st.just(NONE), st.just(frozenset({"FR"}))),
    subdivisions=mostly(NONE, some("DE-BE", "DE-BY")),
    issued_on=mostly(date(2025, 1, 1), DAYS),
    expires_on=mostly(None, DAYS),
    withdrawn_at=mostly(None, INSTANTS),
)
made_up_stops = st.builds(gate.Stop, country=st.just("DE"), subdivision=st.none() | st.just("DE-BY"), since=INSTANTS)
made_up_passports = st.builds(
    gate.Passport,
    id=IDS,
    product=st.sampled_from(["glasses", "ring"]),
    markets=st.frozensets(st.sampled_from(["DE", "FR"])),
    since=DAYS,
)
made_up_facts = st.builds(
    gate.Facts,
    st.lists(made_up_rules, max_size=4, unique_by=lambda row: row.id).map(tuple),
    st.lists(made_up_papers, max_size=4, unique_by=lambda row: row.id).map(tuple),
    mostly((), st.tuples(made_up_stops)),
    mostly(NONE, st.frozensets(IDS, max_size=2)),
    st.none() | st.lists(made_up_passports, max_size=3, unique_by=lambda row: row.id).map(tuple),
)
made_up_subjects = st.builds(
    gate.Subject,
    sku=st.just("S1"),
    product=st.just("glasses"),
    kind=st.just("glasses"),
    capabilities=some("radio", "camera"),
    conditions=st.dictionaries(st.just("wired_charging"), st.booleans() | st.none()),
    placed_on=st.none() | DAYS,
)
made_up_places = st.builds(
    gate.Destination,
    country=st.just("DE"),
    subdivision=st.sampled_from([None, "DE-BE", "DE-BY"]),
    timezone=mostly("Europe/Berlin", st.none()),
)

RULES, PAPERS = shipped().facts.requirements, shipped().facts.evidence
SUBJECTS = st.sampled_from(sorted(shipped().subjects.values(), key=lambda subject: subject.sku))
PLACES = st.sampled_from(
    sorted(
        {code for row in RULES for code in row.jurisdiction | row.named_subdivisions}
        | {part.code for part in pycountry.subdivisions if part.parent_code is None}
    )
).map(shipped().destination)


def forbidden(subject: gate.Subject, to: gate.Destination, facts: gate.Facts, at: datetime) -> set[str]:
    decision = gate.decide(subject=subject, destination=to, facts=facts, at=at)
    return {stage for stage, allowed in decision.stages.items() if not allowed}


def with_rule(facts: gate.Facts, *rows: gate.Requirement) -> gate.Facts:
    return replace(facts, requirements=(*facts.requirements, *rows))


def with_papers(facts: gate.Facts, papers: Iterable[gate.Evidence]) -> gate.Facts:
    return replace(facts, evidence=(*facts.evidence, *papers))


def shuffled(facts: gate.Facts, rng: random.Random) -> gate.Facts:
    names = ["requirements", "evidence", "stops", *(["passports"] if facts.passports is not None else [])]
    rows = {name: list(getattr(facts, name)) for name in names}
    for each in rows.values():
        rng.shuffle(each)
    return replace(facts, **{name: tuple(each) for name, each in rows.items()})


@MANY
@given(made_up_facts, made_up_rules, made_up_subjects, made_up_places, INSTANTS)
def test_a_further_requirement_never_opens_anything(
    facts: gate.Facts, extra: gate.Requirement, subject: gate.Subject, to: gate.Destination, at: datetime
) -> None:
    after = with_rule(facts, replace(extra, id="extra"))
    assert forbidden(subject, to, facts, at) <= forbidden(subject, to, after, at)


@MANY
@given(made_up_facts, st.lists(made_up_papers, min_size=1, max_size=9), made_up_subjects, made_up_places, INSTANTS)
def test_further_evidence_never_shuts_anything(
    facts: gate.Facts, extra: list[gate.Evidence], subject: gate.Subject, to: gate.Destination, at: datetime
) -> None:
    after = with_papers(facts, [replace(paper, id=f"extra-{number}") for number, paper in enumerate(extra)])
    assert forbidden(subject, to, after, at) <= forbidden(subject, to, facts, at)


@MANY
@given(made_up_facts, made_up_subjects, made_up_places, INSTANTS, RANDOM)
def test_the_order_of_rows_never_matters(
    facts: gate.Facts, subject: gate.Subject, to: gate.Destination, at: datetime, rng: random.Random
) -> None:
    asked = {"subject": subject, "destination": to, "at": at}
    again = shuffled(facts, rng)
    assert gate.decide(**asked, facts=facts) == gate.decide(**asked, facts=again)
    assert gate.next_change_at(**asked, facts=facts) == gate.next_change_at(**asked, facts=again)


@MANY
@given(made_up_facts, made_up_subjects, made_up_places, INSTANTS)
def test_nothing_changes_before_the_next_change(
    facts: gate.Facts, subject: gate.Subject, to: gate.Destination, at: datetime
) -> None:
    def decided(instant: datetime) -> gate.Decision:
        return gate.decide(subject=subject, destination=to, facts=facts, at=instant)

    change = gate.next_change_at(subject=subject, destination=to, facts=facts, at=at)
    assert change is None or (change > at and decided(change) != decided(at))
    until = [instant for instant in FEW_INSTANTS if instant > at and (change is None or instant < change)]
    assert all(decided(instant) == decided(at) for instant in until)


@FEW
@given(st.sets(st.sampled_from(RULES)), st.sampled_from(RULES), SUBJECTS, PLACES, INSTANTS)
def test_a_further_requirement_of_the_shipped_law_never_opens_anything(
    rows: set[gate.Requirement], extra: gate.Requirement, subject: gate.Subject, to: gate.Destination, at: datetime
) -> None:
    facts = replace(shipped().facts, requirements=tuple(row for row in rows if row is not extra))
    assert forbidden(subject, to, facts, at) <= forbidden(subject, to, with_rule(facts, extra), at)


@FEW
@given(st.data(), made_up_rules, SUBJECTS, PLACES, INSTANTS)
def test_a_new_requirement_beside_the_shipped_law_never_opens_anything(
    data: st.DataObject, new: gate.Requirement, subject: gate.Subject, to: gate.Destination, at: datetime
) -> None:
    """It may stand where another stands, or inherit it elsewhere."""
    facts = shipped().facts
    like = data.draw(st.sampled_from(facts.concerning(subject, to.country) or RULES))
    twin = replace(like, id="twin", effect=new.effect, stage=new.stage, condition=new.condition)
    heir = replace(new, id="heir", jurisdiction=frozenset({to.country}), inherits=frozenset({like.id}))
    assert forbidden(subject, to, facts, at) <= forbidden(subject, to, with_rule(facts, twin, heir), at)


@FEW
@given(st.sets(st.sampled_from(PAPERS)), st.sampled_from(PAPERS), SUBJECTS, PLACES, INSTANTS)
def test_further_evidence_for_the_shipped_law_never_shuts_anything(
    papers: set[gate.Evidence], extra: gate.Evidence, subject: gate.Subject, to: gate.Destination, at: datetime
) -> None:
    facts = replace(shipped().facts, evidence=tuple(paper for paper in papers if paper is not extra))
    assert forbidden(subject, to, with_papers(facts, [extra]), at) <= forbidden(subject, to, facts, at)


@FEW
@given(st.data(), st.lists(made_up_papers, min_size=1, max_size=3), SUBJECTS, PLACES, INSTANTS)
def test_a_new_document_for_the_shipped_law_never_shuts_anything(
    data: st.DataObject, new: list[gate.Evidence], subject: gate.Subject, to: gate.Destination, at: datetime
) -> None:
    facts = shipped().facts
    rule = data.draw(st.sampled_from(facts.concerning(subject, to.country) or RULES))
    there = {"requirement": rule.id, "products": frozenset({subject.product}), "markets": frozenset({to.country})}
    papers = [replace(paper, id=f"new-{number}", **there) for number, paper in enumerate(new)]
    assert forbidden(subject, to, with_papers(facts, papers), at) <= forbidden(subject, to, facts, at)


@FEW
@given(SUBJECTS, PLACES, INSTANTS, RANDOM)
def test_the_order_of_the_shipped_rows_never_matters(
    subject: gate.Subject, to: gate.Destination, at: datetime, rng: random.Random
) -> None:
    asked = {"subject": subject, "destination": to, "at": at}
    assert gate.decide(**asked, facts=shipped().facts) == gate.decide(**asked, facts=shuffled(shipped().facts, rng))
