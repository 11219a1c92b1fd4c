"""When a place that was given must wait for the law, and why."""

from __future__ import annotations

from collections.abc import Mapping

from reservations.rules import gate

# The cause of a hold that is not the law's: the bank asks about a payment. The sweep of the gate does not end it.
BANK = "bank"


def must_hold(stages: Mapping[str, bool], *, could_ship: bool) -> bool:
    """It may no longer be reserved; or not be shipped, though it could be when it was reserved.

    Whoever reserved on the condition that it may ship one day is not told anew that it may not ship yet.
    """
    return not stages["reserve"] or (could_ship and not stages["ship"])


def cause_of(decision: gate.Decision) -> gate.Reason:
    """The strictest reason that forbids reserving or shipping. Of a decision that holds there is one."""
    return next(reason for reason in decision.reasons if reason.stage != "operate")
