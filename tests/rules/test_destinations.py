"""What the gate answers for each row of `destinations.md`, and that the rows leave nothing out."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from reservations.rules import gate, opening
from tests.rules.shipped import shipped

LETTERS = dict(zip("ARDS", gate.STAGES, strict=True))
PLENTY = opening.Supply(left=100, has_waiting_list=True)
CODES = (
    "GB-NIR UA-43 UA-40 UA-14 UA-09 UA-23 UA-65 ES-CN ES-CE ES-ML FI-01 FR-971 FR-972 FR-973 FR-974 FR-976 GP MQ GF RE "
    "YT GL SJ CA-QC XK HK MO TW CN CH LI CN-HK CN-MO CN-TW NO-21 NO-22"
).split()


@dataclass(frozen=True)
class Row:
    """One line of the table."""

    line: int
    sku: str
    to: str
    at: str
    proven: str
    may: str
    status: str
    decides: tuple[str, ...]

    @property
    def subject(self) -> gate.Subject:
        sku, *words = self.sku.split()
        subject = shipped().subjects[sku]
        for verb, what in zip(words[::2], words[1::2], strict=True):
            match verb:
                case "without":
                    subject = replace(subject, capabilities=subject.capabilities - {what})
                case "unknown":
                    known = {name: value for name, value in subject.conditions.items() if name != what}
                    subject = replace(subject, conditions=known)
                case "placed":
                    subject = replace(subject, placed_on=date.fromisoformat(what))
                case _:
                    raise ValueError(f"line {self.line}: {verb}")
        return subject

    @property
    def instant(self) -> datetime:
        zone = shipped().destination(self.to).timezone
        return datetime.fromisoformat(self.at).replace(tzinfo=ZoneInfo(zone) if zone else UTC)

    @property
    def facts(self) -> gate.Facts:
        if self.proven == "sample":
            return shipped().facts
        found = re.fullmatch(r"all(?: but (.+))?", self.proven)
        assert found is not None, f"line {self.line}: {self.proven}"
        return shipped().proven(except_for=(found[1] or "").split())

    @property
    def rules(self) -> tuple[str, ...]:
        """Every rule that is named to decide."""
        return tuple(word.lstrip("+~=-") for word in self.decides if word != "…")

    def decide(self, facts: gate.Facts) -> gate.Decision:
        there = shipped().destination(self.to)
        return gate.decide(subject=self.subject, destination=there, facts=facts, at=self.instant)


def read_rows() -> list[Row]:
    lines = Path(__file__).with_name("destinations.md").read_text().splitlines()
    cells = {number: [cell.strip() for cell in line.strip("|").split("|")] for number, line in enumerate(lines, 1)}
    found = [(number, row) for number, row in cells.items() if lines[number - 1].startswith("|")]
    rows = [(number, row) for number, row in found if row[0] != "sku" and not row[0].startswith("---")]
    return [
        Row(number, sku, to, at, proven, may, status, tuple(decides.split()))
        for number, (sku, to, at, proven, may, status, decides) in rows
    ]


ROWS = read_rows()


def without_proof(facts: gate.Facts, rule: str) -> gate.Facts:
    papers = tuple(paper for paper in facts.evidence if paper.requirement != rule)
    return replace(facts, evidence=papers, site_features=facts.site_features - {rule})


@pytest.mark.parametrize("row", ROWS, ids=[f"{row.line}: {row.sku} to {row.to} at {row.at}" for row in ROWS])
def test_the_gate_answers_what_the_table_says(row: Row) -> None:
    facts = row.facts
    decision = row.decide(facts)
    assert "".join(letter if decision.stages[stage] else "-" for letter, stage in LETTERS.items()) == row.may
    window = shipped().windows.get((row.subject.product, shipped().destination(row.to).country))
    supply = PLENTY if window else None
    assert opening.status(decision=decision, window=window, supply=supply, at=row.instant) == row.status

    reasons = [reason.requirement for reason in decision.reasons]
    forbids = [word for word in row.decides if word[0] not in "+~=-"]
    if forbids[-1:] == ["…"]:
        assert reasons[: len(forbids) - 1] == forbids[:-1] and len(reasons) >= len(forbids)
    else:
        assert reasons == forbids
    notices = {notice.id: notice.consent for notice in decision.notices}
    for mark, rule in ((word[0], word[1:]) for word in row.decides if word[0] in "+~=-"):
        if mark in "+~":
            assert notices.get(rule) is (mark == "+"), rule
        elif mark == "-":
            assert rule not in notices and rule not in reasons, rule
        else:
            unproven = row.decide(without_proof(facts, rule))
            assert rule not in reasons and rule in [reason.requirement for reason in unproven.reasons], rule


def test_every_row_names_a_rule_that_there_is() -> None:
    known = {row.id for row in shipped().facts.requirements} | {gate.NO_MARKET, gate.DEVICE_PASSPORT}
    assert len(ROWS) >= 120 and all(row.decides and set(row.rules) <= known for row in ROWS)


def test_every_market_and_every_part_with_rules_of_its_own_is_there() -> None:
    named = {row.to for row in ROWS}
    parts = {part for rule in shipped().facts.requirements for part in rule.named_subdivisions}
    assert named >= set(shipped().timezones) | parts | set(CODES)


def test_every_rule_decides_somewhere() -> None:
    deciding = {rule for row in ROWS if row.proven != "all" for rule in row.rules if f"-{rule}" not in row.decides}
    assert deciding >= {row.id for row in shipped().facts.requirements}


def test_every_capability_is_dropped_and_frees_of_a_rule() -> None:
    dropped = {word for row in ROWS for word in re.findall(r"without (\w+)", row.sku) if row.decides[-1][0] == "-"}
    assert dropped == gate.CAPABILITIES


def test_every_effect_at_every_stage_is_there_proven_and_not() -> None:
    by_id = shipped().facts.by_id
    used = {(row.effect, row.stage) for row in by_id.values()}
    for proven in ("all but ", "all"):
        rows = [row for row in ROWS if (row.proven == proven if proven == "all" else row.proven.startswith(proven))]
        found = {(by_id[rule].effect, by_id[rule].stage) for row in rows for rule in row.rules if rule in by_id}
        assert found == used


def test_both_sides_of_every_date_of_law_are_there() -> None:
    for rule in shipped().facts.requirements:
        for day in (rule.effective_from, rule.effective_to, rule.transition_until):
            if day is not None:
                sides = [f"{day - timedelta(days=1)} 23:59", f"{day} 00:00"]
                rows = [row for row in ROWS if row.at in sides and rule.id in row.rules]
                assert {row.at for row in rows} == set(sides), f"{rule.id} at {day}"
                assert any(f"-{rule.id}" in row.decides for row in rows), f"{rule.id} at {day}"
