"""Triggers that hold on both databases: the log only grows, and the sandbox never touches live capacity or mail."""

from django.db import migrations
from django.db.backends.base.schema import BaseDatabaseSchemaEditor
from django.db.migrations.state import StateApps

EVENT = "reservations_event"
WORLD = "(SELECT is_sandbox FROM reservations_allotment WHERE id = NEW.allotment_id) <> NEW.is_sandbox"
MAIL = "(SELECT is_sandbox FROM reservations_reservation WHERE id = NEW.reservation_id)"
GUARDS = [
    ("event_is_never_changed", "UPDATE", EVENT, None, "the log is append-only"),
    ("event_is_never_deleted", "DELETE", EVENT, None, "the log is append-only"),
    ("reservation_stays_in_its_world", "INSERT", "reservations_reservation", WORLD, "sandbox and live do not mix"),
    ("sandbox_sends_no_mail", "INSERT", "reservations_message", MAIL, "a sandbox reservation sends no mail"),
]


def statements(vendor: str, *, is_forward: bool) -> list[str]:
    made = []
    for name, action, table, condition, sentence in GUARDS:
        if vendor == "postgresql":
            test = f"IF {condition} THEN RAISE EXCEPTION '{sentence}'; END IF;" if condition else f"RAISE EXCEPTION '{sentence}';"
            create = [
                f"CREATE FUNCTION {name}() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN {test} RETURN NEW; END $$",
                f"CREATE TRIGGER {name} BEFORE {action} ON {table} FOR EACH ROW EXECUTE FUNCTION {name}()",
            ]
            drop = [f"DROP TRIGGER {name} ON {table}", f"DROP FUNCTION {name}()"]
        else:
            when = f"WHEN {condition}" if condition else ""
            create = [
                f"CREATE TRIGGER {name} BEFORE {action} ON {table} FOR EACH ROW {when} "
                f"BEGIN SELECT RAISE(ABORT, '{sentence}'); END"
            ]
            drop = [f"DROP TRIGGER {name}"]
        made += create if is_forward else drop
    return made


def put(apps: StateApps, editor: BaseDatabaseSchemaEditor) -> None:
    for statement in statements(editor.connection.vendor, is_forward=True):
        editor.execute(statement)


def take(apps: StateApps, editor: BaseDatabaseSchemaEditor) -> None:
    for statement in statements(editor.connection.vendor, is_forward=False):
        editor.execute(statement)


class Migration(migrations.Migration):
    dependencies = [("reservations", "0001_first")]
    operations = [migrations.RunPython(put, take)]
