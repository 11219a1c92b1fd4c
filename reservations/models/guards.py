"""Triggers that hold on both databases: the log only grows, and the sandbox never touches live capacity or mail.

They are put after every `migrate` and, on SQLite, taken before it: SQLite remakes a table to change it, which drops the
table's own triggers and stumbles over those of other tables.
"""

from __future__ import annotations

from typing import Any

from django.db import connections

EVENT = "reservations_event"
WORLD = "(SELECT is_sandbox FROM reservations_allotment WHERE id = NEW.allotment_id) <> NEW.is_sandbox"
MAIL = "(SELECT is_sandbox FROM reservations_reservation WHERE id = NEW.reservation_id)"
GUARDS = [
    ("event_is_never_changed", "UPDATE", EVENT, None, "the log is append-only"),
    ("event_is_never_deleted", "DELETE", EVENT, None, "the log is append-only"),
    ("reservation_stays_in_its_world", "INSERT", "reservations_reservation", WORLD, "sandbox and live do not mix"),
    ("sandbox_sends_no_mail", "INSERT", "reservations_message", MAIL, "a sandbox reservation sends no mail"),
]


def _postgresql(name: str, action: str, table: str, condition: str | None, sentence: str) -> list[str]:
    refuse = f"RAISE EXCEPTION '{sentence}';"
    body = f"IF {condition} THEN {refuse} END IF;" if condition else refuse
    return [
        f"CREATE OR REPLACE FUNCTION {name}() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN {body} RETURN NEW; END $$",
        f"CREATE OR REPLACE TRIGGER {name} BEFORE {action} ON {table} FOR EACH ROW EXECUTE FUNCTION {name}()",
    ]


def _sqlite(name: str, action: str, table: str, condition: str | None, sentence: str) -> list[str]:
    when = f"WHEN {condition}" if condition else ""
    rule = f"BEFORE {action} ON {table} FOR EACH ROW {when} BEGIN SELECT RAISE(ABORT, '{sentence}'); END"
    return [f"CREATE TRIGGER IF NOT EXISTS {name} {rule}"]


def put_guards(using: str, **_: Any) -> None:
    """After `migrate`."""
    make = _postgresql if connections[using].vendor == "postgresql" else _sqlite
    tables = connections[using].introspection.table_names()
    with connections[using].cursor() as cursor:
        for guard in GUARDS:
            if guard[2] in tables:  # a migration back to zero leaves none
                for statement in make(*guard):
                    cursor.execute(statement)


def take_guards(using: str, **_: Any) -> None:
    """Before `migrate`, on SQLite."""
    if connections[using].vendor == "sqlite":
        with connections[using].cursor() as cursor:
            for name, *_rest in GUARDS:
                cursor.execute(f"DROP TRIGGER IF EXISTS {name}")
