"""Deposits, balances and refunds: what is asked, for how long a place is held for it, and what goes back.

Pure: the rows are `models/payment.py`, Stripe is `gateways/stripe.py`.
"""

from __future__ import annotations

from datetime import datetime, timedelta

DEPOSIT, BALANCE = "deposit", "balance"
PURPOSES = (DEPOSIT, BALANCE)

# A payment: our row is there; Stripe has a page for it; the bank is at work; the money is ours; nothing will come.
BEGUN, OPEN, PROCESSING, CAPTURED, ENDED = "begun", "open", "processing", "captured", "ended"
STATES = (BEGUN, OPEN, PROCESSING, CAPTURED, ENDED)
UNDER_WAY = (BEGUN, OPEN, PROCESSING)

# A refund: we owe it; Stripe has it; it arrived; it came back to us; staff paid it in another way.
OWED, PENDING, SUCCEEDED, FAILED, PAID_OTHERWISE = "owed", "pending", "succeeded", "failed", "otherwise"
REFUND_STATES = (OWED, PENDING, SUCCEEDED, FAILED, PAID_OTHERWISE)

# Why money goes back.
ENDED_RESERVATION, LATE, DUPLICATE, FEWER, MOVED, BY_STAFF, AT_STRIPE = (
    *("ended", "late", "duplicate", "fewer", "moved", "staff"),
    "at_stripe",
)
REASONS = (ENDED_RESERVATION, LATE, DUPLICATE, FEWER, MOVED, BY_STAFF, AT_STRIPE)

HOLD = timedelta(minutes=30)  # in front of the page
LONG_HOLD = timedelta(hours=48)  # for who is written to: promoted from the waiting list, or entered by a partner
REMIND_AFTER = timedelta(minutes=10)
LONG_PENDING_TRIES = 12  # looks at a refund that is pending, with waits that double: about half a day
# Stripe keeps a page open for 30 minutes at least, counted by its own clock. Ours closes it earlier.
PAGE_LASTS = timedelta(minutes=31)


def held_until(at: datetime, *, is_in_front: bool) -> datetime:
    """Until when a place is held for its deposit. `is_in_front`: the customer sits at the page now."""
    return at + (HOLD if is_in_front else LONG_HOLD)


def remind_at(at: datetime, *, is_in_front: bool) -> datetime:
    """When the one letter that asks for the deposit goes, unless it is paid before."""
    return at + (REMIND_AFTER if is_in_front else timedelta())


def retry_at(at: datetime, tries: int, base_seconds: int) -> datetime:
    """When to ask Stripe again after so many tries in vain: twice as long each time, an hour at most."""
    return at + timedelta(seconds=min(base_seconds * 2 ** min(tries, 20), 3600))


def to_give_back(captured: int, promised_refunds: int, keeps: int = 0) -> int:
    """Minor units of a payment that are still to be refunded."""
    return max(captured - promised_refunds - keeps, 0)
