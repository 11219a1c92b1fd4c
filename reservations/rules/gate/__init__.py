"""May this variant be announced, reserved, charged and shipped to this destination at this instant, and why?

The rule of `docs/gate.md`, whole: `facts` is what a decision is made of, `applies` and `met` are sections 1 and 2,
`decide` and `passports` are section 3, `changes` says when the answer changes by itself. `decide` is pure and total:
the same facts give the same decision whatever the order of the rows, for any past or planned instant, and what is
unknown counts against opening.
"""

from reservations.rules.gate.applies import GRANT_CONDITION, GRANT_REQUIREMENT
from reservations.rules.gate.changes import next_change_at, next_date
from reservations.rules.gate.decide import (
    DEVICE_PASSPORT,
    FORBIDS,
    NEEDS_REVIEW,
    NO_MARKET,
    PASSPORT_MISSING,
    STAGES,
    STOP_SALE,
    Decision,
    Notice,
    Reason,
    decide,
)
from reservations.rules.gate.facts import (
    CAPABILITIES,
    DUTY_STAGES,
    EFFECTS,
    Destination,
    Evidence,
    Facts,
    Passport,
    Requirement,
    Stop,
    Subject,
)
from reservations.rules.gate.met import add_duration, expires_on
from reservations.rules.gate.passports import passport_in_force

__all__ = [
    "CAPABILITIES",
    "DEVICE_PASSPORT",
    "DUTY_STAGES",
    "EFFECTS",
    "FORBIDS",
    "GRANT_CONDITION",
    "GRANT_REQUIREMENT",
    "NEEDS_REVIEW",
    "NO_MARKET",
    "PASSPORT_MISSING",
    "STAGES",
    "STOP_SALE",
    "Decision",
    "Destination",
    "Evidence",
    "Facts",
    "Notice",
    "Passport",
    "Reason",
    "Requirement",
    "Stop",
    "Subject",
    "add_duration",
    "decide",
    "expires_on",
    "next_change_at",
    "next_date",
    "passport_in_force",
]
