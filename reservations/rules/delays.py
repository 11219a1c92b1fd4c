"""What a ship window that gets worse asks of us, by the law of the place.

Sources: 16 CFR 435.2(b)(1) for the United States; Directive 2011/83/EU, article 18, for the European Economic Area.
What neither rules follows the same manners: the customer is told, and may wait or cancel.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta

EEA = frozenset("AT BE BG HR CY CZ DK EE FI FR DE GR HU IE IT LV LT LU MT NL PL PT RO SK SI ES SE IS LI NO".split())


@dataclass(frozen=True, kw_only=True)
class Rule:
    """`silence_days`: how much later a window may get before silence is no longer consent; None: silence is consent.

    A first delay that is longer may be answered as long as a shorter one would have lasted. `is_first_only`: silence is
    consent to the first delay alone, and to a further one consent is needed by the day that was promised.
    """

    source: str
    silence_days: int | None = None
    is_first_only: bool = False


@dataclass(frozen=True, kw_only=True)
class Demand:
    """Whether the customer must choose, by which day, and the law that says so. Unanswered, it is cancelled."""

    must_choose: bool
    answer_by: date | None
    source: str


US = Rule(source="16 CFR 435.2(b)", silence_days=30, is_first_only=True)
EU = Rule(source="Directive 2011/83/EU, art. 18")
ELSEWHERE = Rule(source="")


def rule_for(country: str) -> Rule:
    """The rule of a country (ISO 3166-1 alpha-2)."""
    if country == "US":
        return US
    return EU if country in EEA else ELSEWHERE


def demand(*, country: str, promised_to: date, new_to: date, earlier_delays: int) -> Demand | None:
    """What follows when the last day of a window moves from `promised_to` to `new_to`; None where it gets no worse.

    `answer_by` is the last day of consent where silence is none.
    """
    if new_to <= promised_to:
        return None
    rule = rule_for(country)
    if rule.is_first_only and earlier_delays > 0:
        return Demand(must_choose=True, answer_by=promised_to, source=rule.source)
    if rule.silence_days is not None and new_to > promised_to + timedelta(days=rule.silence_days):
        lasts_to = promised_to + timedelta(days=rule.silence_days)
        return Demand(must_choose=True, answer_by=lasts_to, source=rule.source)
    return Demand(must_choose=False, answer_by=None, source=rule.source)
