"""Triggers that hold on both databases.

Guards: the log only grows, the sandbox never touches live capacity or mail, and approved evidence and what was proposed
stay as they were. Watches: the gate's revision grows with every change of a table that processes keep in memory
(`queries/facts.py`), whoever changes it.

They are put after every `migrate` and, on SQLite, taken before it: SQLite remakes a table to change it, which drops the
table's own triggers and stumbles over those of other tables.
"""

from __future__ import annotations

import re
from typing import Any

from django.db import connections

from reservations.rules import lifecycle

EVENT, WORDING, RESERVATION = "reservations_event", "reservations_wording", "reservations_reservation"
MESSAGE, ALLOTMENT = "reservations_message", "reservations_allotment"
ESTIMATE = "reservations_shipestimate"
PAYMENT, REFUND = "reservations_payment", "reservations_refund"
PAST = ("reservations_pastdecision", "reservations_keptfacts", "reservations_knownfacts")
ACCEPTANCE = "reservations_acceptance"
EVIDENCE, PROPOSAL = "reservations_evidence", "reservations_proposedchange"
# A scalar subquery is looked up by its key, row by row. EXISTS becomes a join or reads all it could ever need, and
# PostgreSQL keeps its plan from when the tables were empty.
# What is wrong with a row that is inserted, or put into another line.
STRANGER = """
    COALESCE((
        SELECT a.is_sandbox <> {row}.is_sandbox OR a.launch_id <> {row}.launch_id OR a.variant_id <> {row}.variant_id
        FROM reservations_allotment a JOIN reservations_allotmentmarket m ON m.allotment_id = a.id
        WHERE a.id = {row}.allotment_id AND m.market_id = {row}.market_id
    ), TRUE) OR {row}.partner_id IS NOT NULL
        AND (SELECT p.id FROM reservations_partner p WHERE p.id = {row}.partner_id) IS NULL
"""
UNKNOWN_WORDING = "(SELECT w.digest FROM reservations_wording w WHERE w.digest = {row}.wording_id) IS NULL"
REWORDED = "OLD.id {differs} NEW.id OR OLD.wording_id {differs} NEW.wording_id"
READDRESSED = "OLD.reservation_id {differs} NEW.reservation_id"
NO_START = "{row}.status NOT IN (" + ", ".join(f"'{status}'" for status in lifecycle.STARTS) + ")"
NO_MOVE = "OLD.status <> NEW.status AND OLD.status || ' ' || NEW.status NOT IN ({})".format(
    ", ".join(f"'{move.before} {move.after}'" for move in lifecycle.MOVES)
)
SANDBOX = "(SELECT r.is_sandbox FROM reservations_reservation r WHERE r.id = {row}.reservation_id)"
SANDBOX_MAIL = f"{{row}}.reservation_id IS NOT NULL AND COALESCE({SANDBOX}, TRUE)"
NO_RESERVATION = f"{{row}}.reservation_id IS NOT NULL AND {SANDBOX} IS NULL"
HAS_RESERVATIONS = "EXISTS (SELECT 1 FROM reservations_reservation r WHERE r.allotment_id = {row}.id)"
# An order is paid: what was captured for it, less what goes back, is its whole price. The sandbox knows no money.
UNPAID_ORDER = """
    NEW.status = 'converted' AND OLD.status <> 'converted' AND NOT NEW.is_sandbox AND
    CAST({row}.receipt ->> 'total_minor' AS bigint) > (
        SELECT COALESCE(SUM(p.amount_minor - COALESCE(
            (SELECT SUM(f.amount_minor) FROM reservations_refund f WHERE f.payment_id = p.id), 0
        )), 0) FROM reservations_payment p WHERE p.reservation_id = {row}.id AND p.state = 'captured'
    )
"""
# What of a payment or a refund never changes once it is there.
OTHER_MONEY = " OR ".join(
    f"OLD.{column} {{differs}} NEW.{column}"
    for column in ("reservation_id", "purpose", "attempt", "amount_minor", "currency", "began_at")
)
OTHER_PAYMENT = f"{OTHER_MONEY} OR OLD.state = 'captured' AND NEW.state <> 'captured'"
OTHER_REFUND = " OR ".join(
    f"OLD.{column} {{differs}} NEW.{column}" for column in ("payment_id", "number", "amount_minor")
)
# What of an approved document may never change: all but that it is withdrawn.
FIXED = (
    "id requirement_id products variants battery markets subdivisions responsible identifier issuer issued_on "
    "expires_on document document_sha256 replaces_id submitted_by_id submitted_at approved_by_id approved_at is_sample"
).split()
REWRITTEN = " OR ".join(
    [
        "NEW.status NOT IN ('approved', 'withdrawn')",
        "OLD.status = 'withdrawn' AND (NEW.status <> 'withdrawn' OR OLD.withdrawn_at {differs} NEW.withdrawn_at)",
        *(f"OLD.{column} {{differs}} NEW.{column}" for column in FIXED),
    ]
)
SETTLED = "OLD.status IN ('approved', 'withdrawn')"
PROPOSED = ("before", "after", "missing", "files", "base_sha256", "proposed_by_id", "proposed_at")
REPROPOSED = " OR ".join(
    ["OLD.status <> 'proposed'", *(f"OLD.{column} {{differs}} NEW.{column}" for column in PROPOSED)]
)
# Name, event, table, when it is refused (None: always), and the sentence.
GUARDS = [
    ("event_is_never_changed", "UPDATE", EVENT, None, "the log is append-only"),
    ("event_is_never_deleted", "DELETE", EVENT, None, "the log is append-only"),
    ("event_has_its_reservation", "INSERT", EVENT, NO_RESERVATION, "an event is of a reservation that is there"),
    ("wording_is_never_changed", "UPDATE", WORDING, None, "what was shown stays as it was"),
    ("wording_is_never_deleted", "DELETE", WORDING, None, "what was shown stays as it was"),
    ("acceptance_is_never_changed", "UPDATE", ACCEPTANCE, None, "what was agreed to stays as it was"),
    ("acceptance_is_never_deleted", "DELETE", ACCEPTANCE, None, "what was agreed to stays as it was"),
    (
        "reservation_fits_its_allotment",
        "INSERT",
        RESERVATION,
        f"{NO_START} OR {STRANGER} OR {UNKNOWN_WORDING}",
        "a reservation has a first status, launch, variant, market and world of its allotment, and a kept wording",
    ),
    ("reservation_is_never_deleted", "DELETE", RESERVATION, None, "a reservation ends; it is never deleted"),
    ("reservation_is_never_rewritten", "UPDATE", RESERVATION, REWORDED, "id and wording of a reservation stay"),
    ("allotment_keeps_its_line", "DELETE", ALLOTMENT, HAS_RESERVATIONS, "reservations hold places in this allotment"),
    (
        "moved_reservation_fits_its_allotment",
        "UPDATE OF allotment_id, launch_id, variant_id, market_id, partner_id, is_sandbox",
        RESERVATION,
        STRANGER,
        "a reservation has launch, variant, market and world of its allotment; sandbox and live do not mix",
    ),
    ("status_moves_by_the_table", "UPDATE", RESERVATION, NO_MOVE, "the lifecycle has no such move"),
    ("an_order_is_paid", "UPDATE OF status", RESERVATION, UNPAID_ORDER, "an order is converted with captured money"),
    ("sandbox_moves_no_money", "INSERT", PAYMENT, SANDBOX, "a sandbox reservation moves no money"),
    ("payment_is_never_rewritten", "UPDATE", PAYMENT, OTHER_PAYMENT, "what was asked for and captured stays as it was"),
    ("payment_is_never_deleted", "DELETE", PAYMENT, None, "what was asked for stays known"),
    ("refund_is_never_rewritten", "UPDATE", REFUND, OTHER_REFUND, "what goes back stays as it was promised"),
    ("refund_is_never_deleted", "DELETE", REFUND, None, "what goes back stays known"),
    ("estimate_is_never_deleted", "DELETE", ESTIMATE, None, "what was promised stays known"),
    (
        "estimate_is_never_rewritten",
        "UPDATE OF reservation_id, number, wave_id, computed_at, ships_from, ships_to",
        ESTIMATE,
        None,
        "what was promised stays known",
    ),
    ("sandbox_sends_no_mail", "INSERT", MESSAGE, SANDBOX_MAIL, "no reservation, or one of the sandbox, sends no mail"),
    ("mail_keeps_its_reservation", "UPDATE", MESSAGE, READDRESSED, "a mail stays with its reservation"),
    (
        "approved_evidence_is_never_changed",
        "UPDATE",
        EVIDENCE,
        f"{SETTLED} AND ({REWRITTEN})",
        "approved evidence never changes; another row replaces it",
    ),
    (
        "approved_evidence_is_never_deleted",
        "DELETE",
        EVIDENCE,
        SETTLED,
        "decisions rest on approved evidence; it is withdrawn, never deleted",
    ),
    ("proposal_is_never_rewritten", "UPDATE", PROPOSAL, REPROPOSED, "what was proposed and decided stays as it was"),
    ("proposal_is_never_deleted", "DELETE", PROPOSAL, None, "what was proposed and decided stays as it was"),
    *(
        (f"{table.removeprefix('reservations_')}_is_never_{word}", action, table, None, "what was decided stays known")
        for table in PAST
        for action, word in (("UPDATE", "changed"), ("DELETE", "deleted"))
    ),
]


# By a step of chance: a number that was rolled back does not come again with other facts.
REVISION = "UPDATE reservations_gaterevision SET number = number + 1 + {} WHERE id = 1"
ACTIONS = ("INSERT", "UPDATE", "DELETE")
WATCHED: dict[str, tuple[str, ...]] = {
    "reservations_requirement": ACTIONS,
    "reservations_evidence": ACTIONS,
    "reservations_stopsale": ACTIONS,
    "reservations_passport": ACTIONS,
    "reservations_market": ACTIONS,
    "reservations_product": ACTIONS,
    "reservations_variant": ACTIONS,
    "reservations_price": ACTIONS,
    "reservations_launch": ACTIONS,
    "reservations_launch_products": ACTIONS,
    "reservations_launchmarket": ACTIONS,
    "reservations_deposit": ACTIONS,
    "reservations_decision": ACTIONS,
    "reservations_allotmentmarket": ACTIONS,
    # Not held, waiting, cancelled and last_place: these change with every reservation.
    "reservations_allotment": (
        "INSERT",
        "DELETE",
        "UPDATE OF launch_id, variant_id, pool, partner_id, is_sandbox, capacity",
    ),
}


def _watches(table: str) -> list[tuple[str, str]]:
    """Name and event of the triggers of a watched table."""
    return [(f"{table}_{action.split()[0].lower()}_moves_revision", action) for action in WATCHED[table]]


def _watch_postgresql(table: str) -> list[str]:
    put = "CREATE TRIGGER {} AFTER {} ON {} FOR EACH STATEMENT EXECUTE FUNCTION move_revision()"
    return [put.format(name, action, table) for name, action in _watches(table)]


def _watch_sqlite(table: str) -> list[str]:
    put = "CREATE TRIGGER {} AFTER {} ON {} FOR EACH ROW BEGIN {}; END"
    return [
        put.format(name, action, table, REVISION.format("abs(random() % 1000000)")) for name, action in _watches(table)
    ]


MOVE_REVISION = (
    "CREATE OR REPLACE FUNCTION move_revision() RETURNS trigger LANGUAGE plpgsql AS "
    f"$$ BEGIN {REVISION.format('floor(random() * 1000000)')}; RETURN NULL; END $$"
)


def _postgresql(name: str, action: str, table: str, condition: str | None, sentence: str) -> list[str]:
    """A condition on what is inserted is checked for all rows of a statement at once, and once for those that are alike
    in what it looks at; others row by row.

    One that looks into other tables cannot stand in WHEN.
    """
    body, row = f"RAISE EXCEPTION '{sentence}';", _row(action)
    when = f"BEFORE {action} ON {table} FOR EACH ROW"
    if condition and action == "INSERT":
        columns = ", ".join(sorted(set(re.findall(r"{row}\.(\w+)", condition))))
        # nothing in it comes from outside
        found = f"FROM (SELECT DISTINCT {columns} FROM made) made WHERE {condition.format(row='made')}"  # noqa: S608
        body = f"IF EXISTS (SELECT 1 {found}) THEN {body} END IF;"
        when = f"AFTER {action} ON {table} REFERENCING NEW TABLE AS made FOR EACH STATEMENT"
    elif condition and "{row}" in condition:
        body = f"IF {condition.format(row=row)} THEN {body} END IF;"
    elif condition:
        when += f" WHEN ({condition.format(differs='IS DISTINCT FROM')})"
    return [
        f"CREATE OR REPLACE FUNCTION {name}() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN {body} RETURN {row}; END $$",
        f"CREATE TRIGGER {name} {when} EXECUTE FUNCTION {name}()",
    ]


def _row(action: str) -> str:
    return "OLD" if action == "DELETE" else "NEW"


def _sqlite(name: str, action: str, table: str, condition: str | None, sentence: str) -> list[str]:
    when = f"WHEN {condition.format(row=_row(action), differs='IS NOT')}" if condition else ""
    rule = f"BEFORE {action} ON {table} FOR EACH ROW {when} BEGIN SELECT RAISE(ABORT, '{sentence}'); END"
    return [f"CREATE TRIGGER {name} {rule}"]


def put_guards(using: str, **_: Any) -> None:
    """After `migrate`: these, and none that an earlier version put."""
    is_postgresql = connections[using].vendor == "postgresql"
    tables = set(connections[using].introspection.table_names())
    make, watch = (_postgresql, _watch_postgresql) if is_postgresql else (_sqlite, _watch_sqlite)
    _drop_all(using)
    statements = [statement for guard in GUARDS if guard[2] in tables for statement in make(*guard)]
    if tables.issuperset(WATCHED):  # a migration back to zero leaves none
        statements += [MOVE_REVISION] * is_postgresql
        statements += [statement for table in WATCHED for statement in watch(table)]
    with connections[using].cursor() as cursor:
        for statement in statements:
            cursor.execute(statement)


def take_guards(using: str, **_: Any) -> None:
    """Before `migrate`, on SQLite."""
    if connections[using].vendor == "sqlite":
        _drop_all(using)


def _drop_all(using: str) -> None:
    """All triggers on our tables."""
    is_postgresql = connections[using].vendor == "postgresql"
    with connections[using].cursor() as cursor:
        cursor.execute(
            "SELECT tgname, tgrelid::regclass::text FROM pg_trigger WHERE NOT tgisinternal "
            "AND tgrelid::regclass::text LIKE 'reservations\\_%'"
            if is_postgresql
            else "SELECT name, tbl_name FROM sqlite_master WHERE type = 'trigger' AND tbl_name GLOB 'reservations_*'"
        )
        for name, table in cursor.fetchall():
            cursor.execute(f"DROP TRIGGER {name} ON {table}" if is_postgresql else f"DROP TRIGGER {name}")
