"""Which requirements are met: `docs/gate.md`, section 2."""

from __future__ import annotations

import re
from datetime import date, timedelta

from reservations.rules.gate.facts import Destination, Evidence, Question, Requirement, Subject

_DURATION = re.compile(r"^P(?:(\d+)Y)?(?:(\d+)M)?(?:(\d+)D)?$")


def valid_evidence(row: Requirement, asked: Question) -> Evidence | None:
    """The document that meets a requirement now; of several the first by id."""
    valid = (
        document
        for document in asked.facts.evidence_for.get(row.id, ())
        if covers(document, row, asked.subject, asked.destination)
        and document.issued_on <= asked.day
        and (document.withdrawn_at is None or asked.at < document.withdrawn_at)
        and ((expiry := expires_on(document, row)) is None or asked.day < expiry)
    )
    return min(valid, key=lambda document: document.id, default=None)


def is_met(row: Requirement, asked: Question) -> bool:
    """By a function of this site, or by a document. A place under review is never met."""
    if asked.destination.subdivision in row.review_subdivisions:
        return False
    return (row.site_feature and row.id in asked.facts.site_features) or valid_evidence(row, asked) is not None


def covers(document: Evidence, row: Requirement, subject: Subject, destination: Destination) -> bool:
    """Whether a document speaks of this variant and this destination, whatever the date."""
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
