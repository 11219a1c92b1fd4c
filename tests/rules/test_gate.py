"""The gate, sentence by sentence (docs/gate.md)."""

from __future__ import annotations

import random
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest

from reservations.rules import gate

AT = datetime(2026, 11, 25, 12, tzinfo=UTC)
ALL, SELLING, SHIPPING = set(gate.STAGES), set(gate.STAGES) - {"announce"}, {"ship"}
GLASSES = gate.Subject(
    sku="S1", product="glasses", kind="glasses", capabilities=frozenset({"radio", "camera", "prescription_optics"})
)
GERMANY = gate.Destination(country="DE", timezone="Europe/Berlin")


def rule(**changes: object) -> gate.Requirement:
    fields: dict[str, object] = {
        "id": "rule",
        "title": "A rule",
        "jurisdiction": frozenset({"DE"}),
        "applies_to": frozenset({"radio"}),
        "effect": "waitlist",
        "stage": "offer",
    }
    return gate.Requirement(**(fields | changes))  # type: ignore[arg-type]


def paper(**changes: object) -> gate.Evidence:
    fields: dict[str, object] = {
        "id": "paper",
        "requirement": "rule",
        "products": frozenset({"glasses"}),
        "issued_on": date(2026, 1, 1),
    }
    return gate.Evidence(**(fields | changes))  # type: ignore[arg-type]


def decide(
    *rows: gate.Requirement,
    evidence: tuple[gate.Evidence, ...] = (),
    stops: tuple[gate.Stop, ...] = (),
    features: frozenset[str] = frozenset(),
    subject: gate.Subject = GLASSES,
    to: gate.Destination = GERMANY,
    at: datetime = AT,
) -> gate.Decision:
    facts = gate.Facts(rows, evidence, stops, features)
    return gate.decide(subject=subject, destination=to, facts=facts, at=at)


def forbidden(decision: gate.Decision) -> set[str]:
    return {stage for stage, allowed in decision.stages.items() if not allowed}


@pytest.mark.parametrize(
    ("effect", "stage", "unmet"),
    [
        ("block", "offer", ALL),
        ("block", "order", ALL),
        ("waitlist", "offer", SELLING),
        ("waitlist", "order", SELLING),
        ("block", "ship", SHIPPING),
        ("waitlist", "ship", SHIPPING),
        ("notice", "ship", SHIPPING),
        ("consent", "ship", SHIPPING),
        ("notice", "offer", set()),
        ("notice", "order", set()),
        ("notice", "operate", set()),
        ("consent", "offer", set()),
        ("consent", "order", set()),
        ("consent", "operate", set()),
        ("block", "operate", set()),
        ("waitlist", "operate", set()),
    ],
)
def test_an_unmet_requirement_forbids_its_stages_and_a_met_one_none(effect: str, stage: str, unmet: set[str]) -> None:
    row = rule(effect=effect, stage=stage)
    assert forbidden(decide(row)) == unmet
    assert forbidden(decide(row, evidence=(paper(),))) == set()
    named = {reason.requirement for reason in decide(row).reasons}
    assert named == ({"rule"} if unmet or (stage == "operate" and effect in ("block", "waitlist")) else set())


def test_a_notice_stays_whether_met_or_not_except_at_ship_once_met() -> None:
    for stage in ("offer", "order", "operate"):
        row = rule(effect="notice", stage=stage, notice="Read this.")
        assert (
            [n.text for n in decide(row).notices]
            == [n.text for n in decide(row, evidence=(paper(),)).notices]
            == ["Read this."]
        )
    row = rule(effect="notice", stage="ship", notice="Not yet approved.")
    assert len(decide(row).notices) == 1
    assert decide(row, evidence=(paper(),)).notices == ()


def test_a_blocking_requirement_shows_its_notice_too() -> None:
    row = rule(effect="waitlist", notice="Return it for recycling.")
    assert decide(row, evidence=(paper(),)).notices[0].consent is False


def test_a_consent_is_asked_at_offer_and_order_and_only_listed_at_operate() -> None:
    for stage, asked in (("offer", True), ("order", True), ("operate", False)):
        assert decide(rule(effect="consent", stage=stage, notice="I agree.")).notices[0].consent is asked


def test_a_feature_that_may_not_operate_is_disabled() -> None:
    assert decide(rule(effect="block", stage="operate", id="face-search")).disabled_features == ("face-search",)


@pytest.mark.parametrize(
    ("changes", "applies"),
    [
        ({"jurisdiction": frozenset({"FR"})}, False),
        ({"applies_to": frozenset({"microphone"})}, False),
        ({"product_types": frozenset({"ring"})}, False),
        ({"product_types": frozenset({"glasses"})}, True),
        ({"blocks_option": "prescription_optics"}, False),
        ({"condition": "wired_charging"}, True),
        ({"effective_from": date(2026, 11, 25)}, True),
        ({"effective_from": date(2026, 11, 26)}, False),
        ({"effective_to": date(2026, 11, 25)}, False),
        ({"effective_to": date(2026, 11, 26)}, True),
        ({"exclude_subdivisions": frozenset({"DE-BE"})}, True),
        ({"subdivisions": frozenset({"DE-BE"})}, False),
    ],
)
def test_a_requirement_applies_when_place_product_and_dates_say_so(changes: dict[str, object], applies: bool) -> None:
    assert (forbidden(decide(rule(**changes))) != set()) is applies


def test_a_variant_that_drops_a_capability_drops_its_rules() -> None:
    without = replace(GLASSES, capabilities=GLASSES.capabilities - {"camera"})
    row = rule(applies_to=frozenset({"camera"}))
    assert forbidden(decide(row)) and not forbidden(decide(row, subject=without))


def test_a_rule_on_an_option_bites_only_variants_that_chose_it() -> None:
    chosen = replace(GLASSES, options={"lenses": "prescription"})
    row = rule(effect="block", blocks_option="prescription_optics", applies_to=frozenset({"prescription_optics"}))
    assert forbidden(decide(row, subject=chosen)) == ALL
    assert forbidden(decide(row)) == set()


@pytest.mark.parametrize(("value", "applies"), [(True, True), (None, True), (False, False)])
def test_an_unknown_condition_counts_as_true(value: bool | None, applies: bool) -> None:
    subject = replace(GLASSES, conditions={"wired_charging": value})
    assert bool(forbidden(decide(rule(condition="wired_charging"), subject=subject))) is applies


def test_the_american_grant_condition_follows_the_certification() -> None:
    to = gate.Destination(country="US", timezone="America/New_York")
    grant = rule(id=gate.GRANT_REQUIREMENT, jurisdiction=frozenset({"US"}), effect="notice", stage="ship")
    sale = rule(id="conditional", jurisdiction=frozenset({"US"}), stage="order", condition=gate.GRANT_CONDITION)
    assert forbidden(decide(grant, sale, to=to)) == SELLING
    assert forbidden(decide(grant, sale, to=to, evidence=(paper(requirement="conditional"),))) == SHIPPING
    assert forbidden(decide(grant, sale, to=to, evidence=(paper(requirement=gate.GRANT_REQUIREMENT),))) == set()


def test_dates_turn_at_midnight_of_the_market() -> None:
    row = rule(jurisdiction=frozenset({"JP"}), effective_from=date(2026, 11, 26))
    to = gate.Destination(country="JP", timezone="Asia/Tokyo")
    assert not forbidden(decide(row, to=to, at=datetime(2026, 11, 25, 14, 59, 59, tzinfo=UTC)))
    assert forbidden(decide(row, to=to, at=datetime(2026, 11, 25, 15, 0, tzinfo=UTC)))


@pytest.mark.parametrize(("placed", "spared"), [(date(2026, 5, 1), True), (date(2026, 8, 2), False), (None, False)])
def test_only_a_product_known_to_be_older_is_spared_in_the_transition(placed: date | None, spared: bool) -> None:
    row = rule(effective_from=date(2026, 8, 2), transition_until=date(2026, 12, 2))
    subject = replace(GLASSES, placed_on=placed)
    assert (not forbidden(decide(row, subject=subject))) is spared
    assert forbidden(decide(row, subject=subject, at=datetime(2026, 12, 2, 12, tzinfo=UTC)))


@pytest.mark.parametrize(
    ("changes", "is_met"),
    [
        ({}, True),
        ({"requirement": "another"}, False),
        ({"products": frozenset({"ring"})}, False),
        ({"products": frozenset(), "variants": frozenset({"S1"})}, True),
        ({"products": frozenset(), "variants": frozenset({"S2"})}, False),
        ({"markets": frozenset({"DE"})}, True),
        ({"markets": frozenset({"FR"})}, False),
        ({"subdivisions": frozenset({"DE-BE"})}, False),
        ({"issued_on": date(2026, 11, 25)}, True),
        ({"issued_on": date(2026, 11, 26)}, False),
        ({"expires_on": date(2026, 11, 26)}, True),
        ({"expires_on": date(2026, 11, 25)}, False),
        ({"withdrawn_at": AT}, False),
        ({"withdrawn_at": datetime(2026, 11, 25, 12, 0, 1, tzinfo=UTC)}, True),
    ],
)
def test_evidence_meets_a_requirement_when_it_covers_it_today(changes: dict[str, object], is_met: bool) -> None:
    assert (not forbidden(decide(rule(), evidence=(paper(**changes),)))) is is_met


def test_without_an_expiry_the_usual_validity_counts_from_the_issue() -> None:
    row = rule(evidence_validity="P1Y")
    assert not forbidden(decide(row, evidence=(paper(issued_on=date(2025, 11, 26)),)))
    assert forbidden(decide(row, evidence=(paper(issued_on=date(2025, 11, 25)),)))


def test_proof_per_country_names_its_markets() -> None:
    row = rule(per_country_evidence=True)
    assert forbidden(decide(row, evidence=(paper(),)))
    assert not forbidden(decide(row, evidence=(paper(markets=frozenset({"DE"})),)))


def test_a_site_feature_meets_its_requirement_only_when_registered() -> None:
    row = rule(site_feature=True)
    assert forbidden(decide(row))
    assert not forbidden(decide(row, features=frozenset({"rule"})))
    assert forbidden(decide(rule(), features=frozenset({"rule"})))


def test_northern_ireland_takes_inherited_rules_and_the_rest_of_the_country_does_not() -> None:
    eu = rule(id="eu", jurisdiction=frozenset({"DE"}))
    ni = rule(id="ni", jurisdiction=frozenset({"GB"}), subdivisions=frozenset({"GB-NIR"}), inherits=frozenset({"eu"}))
    gb = rule(id="gb", jurisdiction=frozenset({"GB"}), exclude_subdivisions=frozenset({"GB-NIR"}))

    def ids(subdivision: str | None) -> list[str]:
        to = gate.Destination(country="GB", subdivision=subdivision, timezone="Europe/London")
        return [reason.requirement for reason in decide(eu, ni, gb, to=to).reasons]

    assert ids("GB-NIR") == ["eu", "ni"]
    assert ids("GB-SCT") == ids(None) == ["gb"]


def test_a_country_without_subdivision_says_where_it_varies() -> None:
    row = rule(subdivisions=frozenset({"DE-BE"}), exclude_subdivisions=frozenset({"DE-BY"}))
    assert decide(row).varies_in == ("DE-BE", "DE-BY")
    assert decide(row, to=replace(GERMANY, subdivision="DE-BE")).varies_in == ()


def test_a_stop_sale_of_a_subdivision_has_the_country_ask_for_it() -> None:
    stop = gate.Stop(country="DE", subdivision="DE-BY", since=AT)
    assert decide(stops=(stop,)).varies_in == ("DE-BY",)
    assert decide(stops=(replace(stop, lifted_at=AT),)).varies_in == ()
    assert decide(stops=(replace(stop, product="ring"),)).varies_in == ()


def test_a_place_under_review_is_shut_for_reserving_and_says_so() -> None:
    row = rule(effect="block", subdivisions=frozenset({"DE-BE"}), review_subdivisions=frozenset({"DE-BY"}))
    there = decide(row, to=replace(GERMANY, subdivision="DE-BY"), evidence=(paper(),))
    assert forbidden(there) == SELLING
    assert [(reason.code, reason.effect) for reason in there.reasons] == [(gate.NEEDS_REVIEW, "block")]
    assert not forbidden(decide(row, to=replace(GERMANY, subdivision="DE-HH")))


@pytest.mark.parametrize(
    ("changes", "bites"),
    [
        ({}, True),
        ({"product": "glasses"}, True),
        ({"product": "ring"}, False),
        ({"sku": "S2"}, False),
        ({"country": "FR"}, False),
        ({"country": "DE", "subdivision": "DE-BE"}, False),
        ({"since": datetime(2026, 11, 25, 12, 0, 1, tzinfo=UTC)}, False),
        ({"lifted_at": AT}, False),
    ],
)
def test_a_stop_sale_shuts_what_it_names_while_it_lasts(changes: dict[str, object], bites: bool) -> None:
    stop = gate.Stop(**({"since": AT} | changes))  # type: ignore[arg-type]
    decision = decide(stops=(stop,))
    assert forbidden(decision) == (SELLING if bites else set())
    assert decision.is_stopped is bites


def test_a_destination_that_is_no_market_is_shut_whole() -> None:
    decision = decide(to=gate.Destination(country="AQ"))
    assert forbidden(decision) == ALL
    assert [reason.code for reason in decision.reasons] == [gate.NO_MARKET]


def test_reasons_are_sorted_by_effect_stage_and_id() -> None:
    rows = [
        rule(id="d", effect="waitlist", stage="ship"),
        rule(id="c", effect="waitlist", stage="offer"),
        rule(id="b", effect="waitlist", stage="offer"),
        rule(id="a", effect="notice", stage="ship"),
        rule(id="z", effect="block", stage="order"),
    ]
    random.Random(7).shuffle(rows)
    assert [reason.requirement for reason in decide(*rows).reasons] == ["z", "b", "c", "d", "a"]


def test_the_next_change_is_the_first_date_at_which_the_answer_differs() -> None:
    rows = (rule(), rule(id="later", effective_from=date(2027, 2, 18)))
    facts = gate.Facts(rows, (paper(expires_on=date(2027, 5, 1)),), (), frozenset())
    change = gate.next_change_at(subject=GLASSES, destination=GERMANY, facts=facts, at=AT)
    assert change == datetime(2027, 2, 17, 23, tzinfo=UTC)
    quiet = gate.Facts((rule(),), (), (), frozenset())
    assert gate.next_change_at(subject=GLASSES, destination=GERMANY, facts=quiet, at=AT) is None


def test_the_next_change_may_be_the_end_of_a_transition_or_of_the_american_grant() -> None:
    spared = rule(effective_from=date(2026, 8, 2), transition_until=date(2026, 12, 2))
    older = replace(GLASSES, placed_on=date(2026, 5, 1))
    facts = gate.Facts((spared,), (), (), frozenset())
    change = gate.next_change_at(subject=older, destination=GERMANY, facts=facts, at=AT)
    assert change == datetime(2026, 12, 1, 23, tzinfo=UTC)

    grant = rule(id=gate.GRANT_REQUIREMENT, jurisdiction=frozenset({"US"}))
    waits = rule(condition=gate.GRANT_CONDITION)
    granted = paper(requirement=grant.id, expires_on=date(2027, 5, 1))
    facts = gate.Facts((grant, waits), (granted,), (), frozenset())
    change = gate.next_change_at(subject=GLASSES, destination=GERMANY, facts=facts, at=AT)
    assert change == datetime(2027, 4, 30, 22, tzinfo=UTC)


def test_a_lapsed_certificate_is_named_in_the_reason() -> None:
    reason = decide(rule(), evidence=(paper(expires_on=date(2026, 6, 1)),)).reasons[0]
    assert reason.evidence == "paper"
    coming = decide(rule(), evidence=(paper(issued_on=date(2027, 1, 1)),)).reasons[0]
    assert coming.until == date(2027, 1, 1)


def test_a_duration_ends_in_the_month_it_names() -> None:
    assert gate.add_duration(date(2024, 2, 29), "P1Y") == date(2025, 3, 1)
    assert gate.add_duration(date(2026, 1, 31), "P1M") == date(2026, 3, 1)
    assert gate.add_duration(date(2026, 1, 1), "P2Y6M10D") == date(2028, 7, 11)
    with pytest.raises(ValueError, match="ISO 8601"):
        gate.add_duration(date(2026, 1, 1), "two years")


def passport(since: date, *markets: str, name: str = "told") -> gate.Passport:
    return gate.Passport(id=name, product="glasses", markets=frozenset(markets or ("DE",)), since=since)


def told(*passports: gate.Passport, at: datetime = AT, to: gate.Destination = GERMANY) -> gate.Decision:
    return gate.decide(subject=GLASSES, destination=to, facts=gate.Facts((), (), (), frozenset(), passports), at=at)


def test_nothing_is_reserved_where_no_passport_tells_what_is_recorded() -> None:
    long_ago = date(2020, 1, 1)
    for decision in (told(), told(passport(long_ago, "FR")), told(replace(passport(long_ago), product="ring"))):
        assert forbidden(decision) == {"reserve", "take_deposit"}
        [reason] = decision.reasons
        assert (reason.requirement, reason.code, reason.until) == ("device_passport", "passport_missing", None)
    assert not forbidden(told(passport(long_ago)))


def test_a_passport_counts_from_its_day_in_the_markets_own_time_zone() -> None:
    coming = passport(date(2027, 1, 10))
    midnight = datetime(2027, 1, 9, 23, tzinfo=UTC)  # 00:00 in Berlin
    early = told(coming, at=midnight - timedelta(milliseconds=1))
    assert forbidden(early) == {"reserve", "take_deposit"} and early.reasons[0].until == date(2027, 1, 10)
    assert not forbidden(told(coming, at=midnight))
    facts = gate.Facts((), (), (), frozenset(), (coming,))
    assert gate.next_change_at(subject=GLASSES, destination=GERMANY, facts=facts, at=AT) == midnight
    assert gate.next_date(facts=facts, destinations=[GERMANY], at=AT) == midnight


def test_the_latest_passport_that_counts_is_the_one_in_force() -> None:
    old, new = passport(date(2026, 1, 1), name="old"), passport(date(2026, 11, 1), "DE", "FR", name="new")
    facts = gate.Facts((), (), (), frozenset(), (new, old))
    found = {
        day: gate.passport_in_force(facts, "glasses", "DE", day)
        for day in (date(2025, 12, 31), date(2026, 10, 31), date(2026, 11, 1))
    }
    assert list(found.values()) == [None, old, new]
    assert gate.passport_in_force(facts, "glasses", "FR", date(2026, 10, 31)) is None


def test_where_there_is_no_market_no_passport_is_asked_for() -> None:
    assert [reason.requirement for reason in told(to=gate.Destination(country="GL")).reasons] == ["no_market"]
