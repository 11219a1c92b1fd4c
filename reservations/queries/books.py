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
from reservations.rules import lifecycle


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


def _listed(words: tuple[str, ...]) -> str:
    return "(" + ", ".join(f"'{word}'" for word in words) + ")"


HOLDING, GONE, LIVE = _listed(lifecycle.HOLDING), _listed(lifecycle.GONE), _listed(lifecycle.LIVE)
FIRST, BEGINNINGS = _listed(lifecycle.STARTS), _listed(tuple(f"reservation.{word}" for word in lifecycle.STARTS))
GIVEN = (
    "SELECT allotment_id, place_number FROM reservations_reservation "
    "UNION ALL SELECT allotment_id, place_number FROM reservations_vacatedplace"
)
# What a customer is told of, once each time it happens: the word of the log, which is the kind of the letter.
TOLD = _listed(("promoted", "paid", "unpaid", "cancelled", "revoked", "expired", "moved", "put_back", "set_aside"))
# What we hold of each payment: captured, less all that goes back, whatever has become of it on its way.
HELD_MONEY = """
    SELECT p.reservation_id, SUM(p.amount_minor - COALESCE(f.back, 0)) AS held,
        SUM(COALESCE(f.by_staff, 0)) AS by_staff, SUM(p.kept_minor) AS kept,
        SUM(CASE WHEN f.back > p.amount_minor THEN 1 ELSE 0 END) AS over_refunded
    FROM reservations_payment p LEFT JOIN (
        SELECT payment_id, SUM(amount_minor) AS back,
            SUM(CASE WHEN reason IN ('staff', 'at_stripe') THEN amount_minor ELSE 0 END) AS by_staff
        FROM reservations_refund GROUP BY payment_id
    ) f ON f.payment_id = p.id
    WHERE p.state = 'captured' GROUP BY p.reservation_id
"""
INVARIANTS = (
    Invariant(
        name="held_units",
        promise="An allotment holds the units of its confirmed, invited and converted reservations, and has them.",
        finding="It holds {0} of {1} units; its reservations have {2}.",
        query=f"""
            SELECT 'allotment:' || a.id, a.held, a.capacity - a.held_back, COALESCE(r.units, 0)
            FROM reservations_allotment a LEFT JOIN (
                SELECT allotment_id, SUM(quantity) AS units FROM reservations_reservation
                WHERE status IN {HOLDING} GROUP BY allotment_id
            ) r ON r.allotment_id = a.id
            WHERE a.held <> COALESCE(r.units, 0) OR a.held > a.capacity - a.held_back
        """,
    ),
    Invariant(
        name="line_counts",
        promise="An allotment counts as many that wait, and as many numbers whose holder left, as there are.",
        finding="It counts {0} that wait and {1} gone; there are {2} and {3}.",
        query=f"""
            SELECT 'allotment:' || a.id, a.waiting, a.gone, COALESCE(r.waiting, 0),
                COALESCE(r.gone, 0) + COALESCE(v.vacated, 0)
            FROM reservations_allotment a LEFT JOIN (
                SELECT allotment_id, COUNT(*) FILTER (WHERE status = 'waitlisted') AS waiting,
                    COUNT(*) FILTER (WHERE status IN {GONE}) AS gone
                FROM reservations_reservation GROUP BY allotment_id
            ) r ON r.allotment_id = a.id LEFT JOIN (
                SELECT allotment_id, COUNT(*) AS vacated FROM reservations_vacatedplace GROUP BY allotment_id
            ) v ON v.allotment_id = a.id
            WHERE a.waiting <> COALESCE(r.waiting, 0)
                OR a.gone <> COALESCE(r.gone, 0) + COALESCE(v.vacated, 0)
        """,
    ),
    Invariant(
        name="every_place",
        promise="The places of an allotment are the numbers from 1 to its last place, and none is missing.",
        finding="Its last place is {0}; {1} places were given, from {2} to {3}.",
        query=f"""
            SELECT 'allotment:' || a.id, a.last_place, COALESCE(r.entries, 0), COALESCE(r.lowest, 0),
                COALESCE(r.highest, 0)
            FROM reservations_allotment a LEFT JOIN (
                SELECT allotment_id, COUNT(*) AS entries, MIN(place_number) AS lowest, MAX(place_number) AS highest
                FROM ({GIVEN}) given GROUP BY allotment_id
            ) r ON r.allotment_id = a.id
            WHERE a.last_place <> COALESCE(r.entries, 0) OR a.last_place <> COALESCE(r.highest, 0) OR r.lowest < 1
        """,
    ),
    Invariant(
        name="place_held_once",
        promise="A place of an allotment is given once.",
        finding="Place {0} was given {1} times.",
        query=f"""
            SELECT 'allotment:' || allotment_id, place_number, COUNT(*) FROM ({GIVEN}) given
            GROUP BY allotment_id, place_number HAVING COUNT(*) > 1
        """,
    ),
    Invariant(
        # Instants rise with the numbers (`rules/places.py`), but for who moved in with an earlier one.
        name="line_in_order",
        promise="Who came into a line with a later number came no earlier, unless they moved in with their rank.",
        finding="Place {0} is of an earlier instant than place {1}.",
        query="""
            SELECT 'allotment:' || allotment_id, place_number, before FROM (
                SELECT allotment_id, place_number, created_at,
                    LAG(created_at) OVER line AS came, LAG(place_number) OVER line AS before
                FROM reservations_reservation WHERE behind IS NULL
                WINDOW line AS (PARTITION BY allotment_id ORDER BY place_number)
            ) entries WHERE created_at < came
        """,
    ),
    Invariant(
        # While one waits, a later entry waits too (reserving, moving), and whoever waits is confirmed in the order of
        # the line (promoting): nobody of a later rank is confirmed while one waits. ADR 2. What came first is known
        # from the log, whose rows are numbered under the lock of the line; clocks are read before it.
        name="nobody_overtaken",
        promise="While a reservation waits, none that stands behind it is given units.",
        finding="Place {1} was confirmed while place {0} waits.",
        query=f"""
            SELECT 'allotment:' || w.allotment_id, w.place_number, o.place_number
            FROM (
                SELECT id, allotment_id, place_number, created_at,
                    ROW_NUMBER() OVER (PARTITION BY allotment_id ORDER BY created_at, place_number) AS turn
                FROM reservations_reservation WHERE status = 'waitlisted'
            ) w JOIN reservations_reservation o ON o.allotment_id = w.allotment_id AND w.turn = 1
                AND (o.created_at, o.place_number) > (w.created_at, w.place_number) AND o.status IN {HOLDING}
            WHERE (
                SELECT MAX(e.id) FROM reservations_event e WHERE e.reservation_id = o.id
                    AND (e.action IN ('reservation.confirmed', 'reservation.awaiting_payment')
                        OR e.facts ->> 'to' IN ('confirmed', 'awaiting_payment')
                        AND e.action NOT IN ('reservation.set_aside', 'reservation.paid'))
            ) > (
                SELECT MAX(e.id) FROM reservations_event e WHERE e.reservation_id = w.id
                    AND (e.action = 'reservation.waitlisted' OR e.facts ->> 'to' = 'waitlisted')
            )
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
        query=f"""
            SELECT COALESCE('limit:' || MAX(limit_id), 'reservation:' || MIN(reference)), SUM(counted), SUM(units)
            FROM (
                SELECT launch_id, product_id, email_key, is_sandbox, id AS limit_id, NULL AS reference,
                    quantity AS counted, 0 AS units
                FROM reservations_customerlimit
                UNION ALL
                SELECT r.launch_id, v.product_id, r.email_key, r.is_sandbox, NULL, r.reference, 0, r.quantity
                FROM reservations_reservation r JOIN reservations_variant v ON v.id = r.variant_id
                WHERE r.status IN {LIVE}
            ) entries
            GROUP BY launch_id, product_id, email_key, is_sandbox HAVING SUM(counted) <> SUM(units)
        """,
    ),
    Invariant(
        # A limit may be lowered below what customers hold. What was reserved after its last change is within it.
        name="limit_kept",
        promise="Who reserved after a launch's limit was last changed holds no more units than it allows.",
        finding="It counts {0} units; the launch allows {1}.",
        query=f"""
            SELECT 'limit:' || c.id, c.quantity, l.per_customer_limit
            FROM reservations_customerlimit c JOIN reservations_launch l ON l.id = c.launch_id
            WHERE c.quantity > l.per_customer_limit AND 0 = (
                SELECT COUNT(*) FROM reservations_event e
                WHERE e.subject IN ('launch_data', 'launch:' || l.id) AND e.at >= (
                    SELECT MAX(r.created_at)
                    FROM reservations_reservation r JOIN reservations_variant v ON v.id = r.variant_id
                    WHERE r.email_key = c.email_key AND r.launch_id = c.launch_id AND v.product_id = c.product_id
                        AND r.is_sandbox = c.is_sandbox AND r.status IN {LIVE}
                )
            )
        """,
    ),
    Invariant(
        name="confirmations",
        promise="A reservation is owed one first message; a sandbox one, none.",
        finding="It is {0}; it has {1} first messages.",
        query=f"""
            SELECT 'reservation:' || r.reference, r.status, COALESCE(m.owed, 0)
            FROM reservations_reservation r LEFT JOIN (
                SELECT reservation_id, COUNT(*) AS owed FROM reservations_message
                WHERE reservation_id IS NOT NULL AND kind IN {FIRST} GROUP BY reservation_id
            ) m ON m.reservation_id = r.id
            WHERE COALESCE(m.owed, 0) <> CASE WHEN r.is_sandbox THEN 0 ELSE 1 END
        """,
    ),
    Invariant(
        name="told_once",
        promise="What happens to a reservation after that is told once each time; in the sandbox it is not.",
        finding="The log says {0} {1} times; {2} messages tell of it.",
        query=f"""
            SELECT 'reservation:' || r.reference, word, SUM(happened), SUM(told) FROM (
                SELECT reservation_id, SUBSTR(action, 13) AS word, 1 AS happened, 0 AS told
                FROM reservations_event WHERE reservation_id IS NOT NULL AND SUBSTR(action, 13) IN {TOLD}
                UNION ALL
                SELECT reservation_id, kind, 0, 1
                FROM reservations_message WHERE reservation_id IS NOT NULL AND kind IN {TOLD}
            ) changes JOIN reservations_reservation r ON r.id = changes.reservation_id
            GROUP BY r.reference, r.is_sandbox, word
            HAVING SUM(told) <> CASE WHEN r.is_sandbox THEN 0 ELSE SUM(happened) END
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
        query=f"""
            SELECT 'reservation:' || r.reference, h.number, r.status, COUNT(m.id)
            FROM reservations_hold h JOIN reservations_reservation r ON r.id = h.reservation_id
            LEFT JOIN reservations_message m
                ON m.reservation_id = r.id AND m.kind = 'on_hold' AND m.version = h.number
            GROUP BY r.reference, h.number, r.status, r.is_sandbox, h.released_at
            HAVING (h.released_at IS NULL AND r.status IN {GONE})
                OR COUNT(m.id) <> CASE WHEN r.is_sandbox THEN 0 ELSE 1 END
        """,
    ),
    Invariant(
        name="log",
        promise="The log tells once how a reservation began, and its last move leads to the status that it has.",
        finding="It is {0}; its log has {1} beginnings and ends with {2}.",
        query=f"""
            SELECT 'reservation:' || r.reference, r.status, COALESCE(e.begun, 0), COALESCE(last.status, 'nothing')
            FROM reservations_reservation r LEFT JOIN (
                SELECT reservation_id, MAX(id) AS last_id,
                    COUNT(*) FILTER (WHERE action IN {BEGINNINGS}) AS begun
                FROM reservations_event WHERE reservation_id IS NOT NULL AND (
                    action IN {BEGINNINGS} OR facts ->> 'to' IS NOT NULL
                ) GROUP BY reservation_id
            ) e ON e.reservation_id = r.id LEFT JOIN (
                SELECT id, COALESCE(facts ->> 'to', SUBSTR(action, 13)) AS status FROM reservations_event
            ) last ON last.id = e.last_id
            WHERE COALESCE(e.begun, 0) <> 1 OR COALESCE(last.status, '') <> r.status
        """,
    ),
    Invariant(
        name="invitations",
        promise="An invited reservation, and no other, has one open invitation, of the same deadline and wave.",
        finding="It is {0}, with {1} open invitations, or deadline or wave differ.",
        query="""
            SELECT 'reservation:' || r.reference, r.status, COUNT(i.id)
            FROM reservations_reservation r
            JOIN (
                SELECT id FROM reservations_reservation WHERE status = 'invited'
                UNION SELECT reservation_id FROM reservations_invitation WHERE ended_at IS NULL
            ) asked ON asked.id = r.id
            LEFT JOIN reservations_invitation i ON i.reservation_id = r.id AND i.ended_at IS NULL
            GROUP BY r.reference, r.status, r.expires_at, r.wave_id
            HAVING COUNT(i.id) <> CASE WHEN r.status = 'invited' THEN 1 ELSE 0 END OR MAX(i.wave_id) <> r.wave_id
                OR (MAX(i.ends_at) IS NULL) <> (r.expires_at IS NULL) OR MAX(i.ends_at) <> r.expires_at
        """,
    ),
    Invariant(
        # What staff or Stripe's dashboard gave back may be missing: who is invited then pays it with the rest.
        name="money_held",
        promise="We hold of a reservation what it has to pay as it stands; of one that is gone, what staff kept.",
        finding="It is {0}; {1} is held of it in minor units, where at most {2} and at least {3} should be.",
        query=f"""
            SELECT 'reservation:' || reference, status, held, whole, least FROM (
                SELECT reference, status, held, whole, over_refunded,
                    CASE WHEN status = 'waitlisted' OR by_staff >= whole THEN 0 ELSE whole - by_staff END AS least
                FROM (
                    SELECT r.reference, r.status, COALESCE(m.held, 0) AS held, COALESCE(m.by_staff, 0) AS by_staff,
                        COALESCE(m.over_refunded, 0) AS over_refunded, CASE
                        WHEN r.status = 'converted' THEN CAST(r.receipt ->> 'total_minor' AS bigint)
                        WHEN r.status IN ('confirmed', 'invited', 'waitlisted')
                            THEN CAST(COALESCE(r.receipt ->> 'deposit_minor', '0') AS bigint)
                        WHEN r.status IN {GONE} THEN COALESCE(m.kept, 0)
                        ELSE 0 END AS whole
                    FROM reservations_reservation r LEFT JOIN ({HELD_MONEY}) m ON m.reservation_id = r.id
                    WHERE NOT r.is_sandbox
                ) found
            ) sums WHERE over_refunded > 0 OR held > whole OR held < least
        """,
    ),
    Invariant(
        name="orders_handed_over",
        promise="A paid order, and no other reservation, is handed over once.",
        finding="It is {0}, handed over {1} times.",
        query="""
            SELECT 'reservation:' || r.reference, r.status, COUNT(h.id)
            FROM reservations_reservation r LEFT JOIN reservations_handover h ON h.reservation_id = r.id
            WHERE r.status = 'converted' OR h.id IS NOT NULL
            GROUP BY r.reference, r.status
            HAVING COUNT(h.id) <> 1 OR r.status NOT IN ('converted', 'cancelled')
        """,
    ),
    Invariant(
        name="wave_supply",
        promise="A wave gives a line no more units than it brings.",
        finding="Wave {0} brings {1} units; its reservations have {2}.",
        query=f"""
            SELECT 'allotment:' || r.allotment_id, r.wave_id, COALESCE(MAX(s.quantity), 0), SUM(r.quantity)
            FROM reservations_reservation r
            LEFT JOIN reservations_wavesupply s ON s.wave_id = r.wave_id AND s.allotment_id = r.allotment_id
            WHERE r.wave_id IS NOT NULL AND r.status IN {HOLDING}
            GROUP BY r.allotment_id, r.wave_id HAVING SUM(r.quantity) > COALESCE(MAX(s.quantity), 0)
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
