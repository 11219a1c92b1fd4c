"""The books: what must be true of the stored rows at every instant, and where it is not.

Each invariant is one statement, which sees one snapshot: it is right while people reserve and cancel. The statements
are plain SQL that PostgreSQL and SQLite read alike: the database adds up, and no row but a broken one comes here.

Left out, because the rows cannot answer it:

- Whether the gate said yes. A receipt keeps the notices, the terms and whether it might ship, not the facts on which
  `reserve` was decided. Evidence and stop-sales may have changed since: to decide again answers another question.
- Whether units are free for the first who waits. A capacity that the data files raise is not handed out at once.
- Whether an allotment serves the market of its reservations, and whether the launch was open: staff change both.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from django.db import connection

from reservations.models import Allotment, Event, Reservation


@dataclass(frozen=True)
class Broken:
    """One finding. `subject` is "<kind>:<identifier>" as in the log; nothing here is personal."""

    invariant: str
    subject: str
    sentence: str

    def __str__(self) -> str:
        return f"{self.invariant}: {self.subject}: {self.sentence}"


@dataclass(frozen=True)
class Check:
    """When the books were last checked, and what was broken."""

    at: datetime
    broken: tuple[Broken, ...]


@dataclass(frozen=True)
class Invariant:
    """`promise` says what always holds. `query` selects what breaks it: the subject, then the words of `finding`."""

    name: str
    promise: str
    finding: str
    query: str


INVARIANTS = (
    Invariant(
        name="held_units",
        promise="An allotment holds as many units as its confirmed reservations have, and no more than its capacity.",
        finding="It holds {0} of {1} units; its confirmed reservations have {2}.",
        query="""
            SELECT 'allotment:' || a.id, a.held, a.capacity, COALESCE(r.units, 0)
            FROM reservations_allotment a LEFT JOIN (
                SELECT allotment_id, SUM(quantity) AS units FROM reservations_reservation
                WHERE status = 'confirmed' GROUP BY allotment_id
            ) r ON r.allotment_id = a.id
            WHERE a.held <> COALESCE(r.units, 0) OR a.held > a.capacity
        """,
    ),
    Invariant(
        name="line_counts",
        promise="An allotment counts as many waiting and as many cancelled reservations as there are.",
        finding="It counts {0} that wait and {1} cancelled; there are {2} and {3}.",
        query="""
            SELECT 'allotment:' || a.id, a.waiting, a.cancelled, COALESCE(r.waiting, 0), COALESCE(r.cancelled, 0)
            FROM reservations_allotment a LEFT JOIN (
                SELECT allotment_id, COUNT(*) FILTER (WHERE status = 'waitlisted') AS waiting,
                    COUNT(*) FILTER (WHERE status = 'cancelled') AS cancelled
                FROM reservations_reservation GROUP BY allotment_id
            ) r ON r.allotment_id = a.id
            WHERE a.waiting <> COALESCE(r.waiting, 0) OR a.cancelled <> COALESCE(r.cancelled, 0)
        """,
    ),
    Invariant(
        name="every_place",
        promise="The places of an allotment are the numbers from 1 to its last place, and none is missing.",
        finding="Its last place is {0}; it has {1} reservations with places from {2} to {3}.",
        query="""
            SELECT 'allotment:' || a.id, a.last_place, COALESCE(r.entries, 0), COALESCE(r.lowest, 0),
                COALESCE(r.highest, 0)
            FROM reservations_allotment a LEFT JOIN (
                SELECT allotment_id, COUNT(*) AS entries, MIN(place_number) AS lowest, MAX(place_number) AS highest
                FROM reservations_reservation GROUP BY allotment_id
            ) r ON r.allotment_id = a.id
            WHERE a.last_place <> COALESCE(r.entries, 0) OR a.last_place <> COALESCE(r.highest, 0) OR r.lowest < 1
        """,
    ),
    Invariant(
        name="place_held_once",
        promise="A place of an allotment is held by one reservation.",
        finding="Place {0} is held by {1} reservations.",
        query="""
            SELECT 'allotment:' || allotment_id, place_number, COUNT(*) FROM reservations_reservation
            GROUP BY allotment_id, place_number HAVING COUNT(*) > 1
        """,
    ),
    Invariant(
        # While one waits, a later entry waits too (reserving), and whoever waits is confirmed in order of place
        # (promoting): a later place has never been confirmed, not even if it was cancelled since. ADR 2.
        name="nobody_overtaken",
        promise="While a reservation waits, no later place of its allotment has been confirmed.",
        finding="Place {1} was confirmed while place {0} waits.",
        query="""
            SELECT 'allotment:' || allotment_id, MIN(place_number) FILTER (WHERE status = 'waitlisted'),
                MAX(place_number) FILTER (WHERE confirmed_at IS NOT NULL)
            FROM reservations_reservation GROUP BY allotment_id
            HAVING MAX(place_number) FILTER (WHERE confirmed_at IS NOT NULL)
                > MIN(place_number) FILTER (WHERE status = 'waitlisted')
        """,
    ),
    Invariant(
        name="own_allotment",
        promise="A reservation has the launch and variant of its allotment; a partner's allotment serves that partner.",
        finding="It is in allotment {0}, which has another launch, variant or partner.",
        query="""
            SELECT 'reservation:' || r.reference, a.id
            FROM reservations_reservation r JOIN reservations_allotment a ON a.id = r.allotment_id
            WHERE r.launch_id <> a.launch_id OR r.variant_id <> a.variant_id
                OR (a.partner_id IS NOT NULL AND COALESCE(r.partner_id, 0) <> a.partner_id)
        """,
    ),
    Invariant(
        name="one_world",
        promise="A sandbox reservation is in a sandbox allotment, and a live one in a live one.",
        finding="It is in allotment {0} of the other world.",
        query="""
            SELECT 'reservation:' || r.reference, a.id
            FROM reservations_reservation r JOIN reservations_allotment a ON a.id = r.allotment_id
            WHERE r.is_sandbox <> a.is_sandbox
        """,
    ),
    Invariant(
        name="limit_counts",
        promise="A customer's limit counts the units of the customer's live reservations of that product and launch.",
        finding="The limit counts {0} units; the live reservations have {1}.",
        query="""
            SELECT COALESCE('limit:' || MAX(limit_id), 'reservation:' || MIN(reference)), SUM(counted), SUM(units)
            FROM (
                SELECT launch_id, product_id, email_key, is_sandbox, id AS limit_id, NULL AS reference,
                    quantity AS counted, 0 AS units
                FROM reservations_customerlimit
                UNION ALL
                SELECT r.launch_id, v.product_id, r.email_key, r.is_sandbox, NULL, r.reference, 0, r.quantity
                FROM reservations_reservation r JOIN reservations_variant v ON v.id = r.variant_id
                WHERE r.status IN ('confirmed', 'waitlisted')
            ) entries
            GROUP BY launch_id, product_id, email_key, is_sandbox HAVING SUM(counted) <> SUM(units)
        """,
    ),
    Invariant(
        # A limit may be lowered below what customers hold. What was reserved after its last change is within it.
        name="limit_kept",
        promise="Who reserved after a launch's limit was last changed holds no more units than it allows.",
        finding="It counts {0} units; the launch allows {1}.",
        query="""
            SELECT 'limit:' || c.id, c.quantity, l.per_customer_limit
            FROM reservations_customerlimit c JOIN reservations_launch l ON l.id = c.launch_id
            WHERE c.quantity > l.per_customer_limit AND 0 = (
                SELECT COUNT(*) FROM reservations_event e
                WHERE e.subject IN ('launch_data', 'launch:' || l.id) AND e.at >= (
                    SELECT MAX(r.created_at)
                    FROM reservations_reservation r JOIN reservations_variant v ON v.id = r.variant_id
                    WHERE r.email_key = c.email_key AND r.launch_id = c.launch_id AND v.product_id = c.product_id
                        AND r.is_sandbox = c.is_sandbox AND r.status IN ('confirmed', 'waitlisted')
                )
            )
        """,
    ),
    Invariant(
        name="confirmations",
        promise="A live reservation is owed one first message, one if promoted, one if cancelled; a sandbox one, none.",
        finding="It is {0}; its messages: {1} confirmed, {2} waitlisted, {3} promoted, {4} cancelled.",
        query="""
            SELECT 'reservation:' || r.reference, r.status, COALESCE(m.confirmed, 0), COALESCE(m.waitlisted, 0),
                COALESCE(m.promoted, 0), COALESCE(m.cancelled, 0)
            FROM reservations_reservation r LEFT JOIN (
                SELECT reservation_id,
                    COUNT(*) FILTER (WHERE kind = 'confirmed') AS confirmed,
                    COUNT(*) FILTER (WHERE kind = 'waitlisted') AS waitlisted,
                    COUNT(*) FILTER (WHERE kind = 'promoted') AS promoted,
                    COUNT(*) FILTER (WHERE kind = 'cancelled') AS cancelled
                FROM reservations_message WHERE reservation_id IS NOT NULL AND version = 1 GROUP BY reservation_id
            ) m ON m.reservation_id = r.id
            WHERE COALESCE(m.confirmed, 0) + COALESCE(m.waitlisted, 0) <> CASE WHEN r.is_sandbox THEN 0 ELSE 1 END
                OR COALESCE(m.confirmed, 0) + COALESCE(m.promoted, 0)
                    <> CASE WHEN r.is_sandbox OR r.confirmed_at IS NULL THEN 0 ELSE 1 END
                OR COALESCE(m.cancelled, 0) <> CASE WHEN r.status = 'cancelled' AND NOT r.is_sandbox THEN 1 ELSE 0 END
        """,
    ),
    Invariant(
        name="message_cause",
        promise="A message is owed for a reservation, for a wish to be told, or for evidence that ends.",
        finding="It has no cause, or several.",
        query="""
            SELECT 'message:' || id FROM reservations_message
            WHERE CASE WHEN reservation_id IS NULL THEN 0 ELSE 1 END
                + CASE WHEN notify_request_id IS NULL THEN 0 ELSE 1 END
                + CASE WHEN warning_id IS NULL THEN 0 ELSE 1 END <> 1
        """,
    ),
    Invariant(
        name="holds",
        promise="Only a live reservation is on hold, and its holder was told of each hold once.",
        finding="Its hold {0} stands though it is {1}, or {2} messages tell of it.",
        query="""
            SELECT 'reservation:' || r.reference, h.number, r.status, COUNT(m.id)
            FROM reservations_hold h JOIN reservations_reservation r ON r.id = h.reservation_id
            LEFT JOIN reservations_message m
                ON m.reservation_id = r.id AND m.kind = 'on_hold' AND m.version = h.number
            GROUP BY r.reference, h.number, r.status, r.is_sandbox, h.released_at
            HAVING (h.released_at IS NULL AND r.status = 'cancelled')
                OR COUNT(m.id) <> CASE WHEN r.is_sandbox THEN 0 ELSE 1 END
        """,
    ),
    Invariant(
        name="log",
        promise="The log tells once how a reservation began, once if it was promoted, and once if it was cancelled.",
        finding="It is {0}; its log: {1} confirmed, {2} waitlisted, {3} promoted, {4} cancelled.",
        query="""
            SELECT 'reservation:' || r.reference, r.status, COALESCE(e.confirmed, 0), COALESCE(e.waitlisted, 0),
                COALESCE(e.promoted, 0), COALESCE(e.cancelled, 0)
            FROM reservations_reservation r LEFT JOIN (
                SELECT reservation_id,
                    COUNT(*) FILTER (WHERE action = 'reservation.confirmed') AS confirmed,
                    COUNT(*) FILTER (WHERE action = 'reservation.waitlisted') AS waitlisted,
                    COUNT(*) FILTER (WHERE action = 'reservation.promoted') AS promoted,
                    COUNT(*) FILTER (WHERE action = 'reservation.cancelled') AS cancelled
                FROM reservations_event WHERE reservation_id IS NOT NULL GROUP BY reservation_id
            ) e ON e.reservation_id = r.id
            WHERE COALESCE(e.confirmed, 0) + COALESCE(e.waitlisted, 0) <> 1
                OR COALESCE(e.confirmed, 0) + COALESCE(e.promoted, 0)
                    <> CASE WHEN r.confirmed_at IS NULL THEN 0 ELSE 1 END
                OR COALESCE(e.cancelled, 0) <> CASE WHEN r.status = 'cancelled' THEN 1 ELSE 0 END
        """,
    ),
)


def find_broken(*, most: int = 100) -> list[Broken]:
    """What breaks an invariant, at most `most` findings of each, by subject. Empty: the books are right.

    One statement an invariant, some seconds for a million reservations: sums and counts by reservation read whole
    tables; those by place need only the index of `a_place_is_held_once`.
    """
    return [finding for invariant in INVARIANTS for finding in _find(invariant, most)]


def _find(invariant: Invariant, most: int) -> list[Broken]:
    with connection.cursor() as cursor:
        cursor.execute(f"{invariant.query} ORDER BY 1 LIMIT %s", [most])
        rows = cursor.fetchall()
    return [Broken(invariant.name, subject, invariant.finding.format(*words)) for subject, *words in rows]


def size_of_books() -> tuple[int, int]:
    """How many reservations there are, and in how many allotments."""
    return Reservation.objects.count(), Allotment.objects.count()


def last_check() -> Check | None:
    """The newest check that the log tells of."""
    row = Event.objects.filter(subject="books", reservation=None, action="books.checked").order_by("-id").first()
    return Check(row.at, tuple(Broken(**finding) for finding in row.facts["broken"])) if row else None
