"""What a check of the books leaves in the log."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from datetime import datetime

from django.db import transaction

from reservations.actions.recording import record
from reservations.queries.books import Broken, last_check


@transaction.atomic
def note_check(*, broken: Sequence[Broken], at: datetime) -> list[Broken]:
    """Log what was found. Returns the findings that the check before did not have, each logged as `books.broken`.

    The check itself is one row of the log a time: 24 a day, beside thousands of reservations. It tells staff and
    auditors that somebody looked, and when; a cache would forget it, and a check that never ran looks like a good one.
    """
    before = last_check()
    known = {(each.invariant, each.subject) for each in before.broken} if before else set()
    fresh = [each for each in broken if (each.invariant, each.subject) not in known]
    for each in fresh:
        facts = {"invariant": each.invariant, "sentence": each.sentence}
        record(at=at, actor="system", action="books.broken", subject=each.subject, facts=facts)
    findings = {"broken": [asdict(each) for each in broken]}
    record(at=at, actor="system", action="books.checked", subject="books", facts=findings)
    return fresh
