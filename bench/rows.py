"""The rows that one reservation stores, read from a real one, as SQL that stores many more of the same.

What the columns are called is not known here, except those that must differ from row to row.
"""

from __future__ import annotations

import sys

import psycopg

from bench.stage import Environment, connect

# Table → column → what replaces the sample's value. Written with {n}, {id}, {place} and {allotment}.
TABLES: dict[str, dict[str, str]] = {
    "reservations_customerlimit": {"email_key": "{email}"},
    "reservations_reservation": {
        "id": "{id}",
        "reference": "{reference}",
        "email": "{email}",
        "email_key": "{email}",
        "attempt": "md5('a' || {n})::uuid",
        "place_number": "{place}",
        "allotment_id": "{allotment}",
        "partner_reference": "'order-' || {n}",
    },
    "reservations_event": {"reservation_id": "{id}", "subject": "'reservation:' || {reference}"},
    "reservations_message": {"reservation_id": "{id}"},
    "reservations_idempotencykey": {
        "key": "'bench-' || {n}",
        "attempt": "md5('a' || {n})::uuid",
        "body_digest": "md5('b' || {n}) || md5('c' || {n})",
    },
}
WORDS = {
    "email": "'c' || {n} || '@bench.example'",
    "reference": "substr(md5('r' || {n}), 1, 12)",
    "id": "md5('i' || {n})::uuid",
}
# Well formed, and another one for each g; the multiplier is odd.
REFERENCE = (
    "overlay('QW-' || upper(lpad(to_hex(g::bigint * 2654435761 % 4294967296), 8, '0')) placing '-' from 8 for 0)"
)
Samples = dict[str, dict[str, str]]


def copy_wordings(source: Environment, target: Environment) -> None:
    """What the sample's customer was shown, into a database that has no reservation of its own."""
    with connect(source) as connection:
        rows = connection.execute("SELECT digest, notices::text FROM reservations_wording").fetchall()
    with connect(target) as connection, connection.cursor() as cursor:
        cursor.executemany("INSERT INTO reservations_wording (digest, notices) VALUES (%s, %s::jsonb)", rows)


def read_samples(environment: Environment) -> Samples:
    """Table → column → SQL literal, of the one reservation that is stored."""
    with connect(environment) as connection:
        samples = {table: _read(connection, table) for table in TABLES}
    return {table: columns for table, columns in samples.items() if columns}


def _read(connection: psycopg.Connection, table: str) -> dict[str, str]:
    columns = connection.execute(
        "SELECT attname, format_type(atttypid, atttypmod) FROM pg_attribute "
        "WHERE attrelid = %s::regclass AND attnum > 0 AND NOT attisdropped AND attidentity = '' AND attgenerated = ''",
        [table],
    ).fetchall()
    wanted = ", ".join(f"quote_nullable({name}::text)" for name, _ in columns)
    order = "WHERE action LIKE 'reservation.%' ORDER BY id DESC" if table == "reservations_event" else ""
    row = connection.execute(f"SELECT {wanted} FROM {table} {order} LIMIT 1".encode()).fetchone()
    return {name: _literal(value, kind) for (name, kind), value in zip(columns, row or (), strict=False)}


def _literal(quoted: str, kind: str) -> str:
    """With its type, and without colons, in which pgbench sees variables."""
    if quoted.startswith("'"):
        quoted = f"E{quoted}"
    return f"{quoted.replace(':', chr(92) + 'x3A')}::{kind}"


def make_insert(samples: Samples, table: str, source: str, given: dict[str, str], **extra: str) -> str:
    """INSERT INTO table SELECT … FROM source. `given` has n, place and allotment; `extra` replaces further columns."""
    if table not in samples:
        sys.exit(f"{table} holds no row of the sample reservation")
    known = {name: word.format(n=given["n"]) for name, word in WORDS.items()} | given
    columns = dict(samples[table])
    for name, word in (TABLES[table] | extra).items():
        if name in columns:
            columns[name] = word.format(**known)
    return f"INSERT INTO {table} ({', '.join(columns)}) SELECT {', '.join(columns.values())} {source}"


def grow(environment: Environment, samples: Samples, count: int, *, is_sent: bool = True) -> None:
    """Store so many reservations of the sample's kind in its allotment, and keep the books balanced."""
    allotment = samples["reservations_reservation"]["allotment_id"]
    given = {"n": "g", "place": "g + base.last_place", "allotment": allotment, "reference": REFERENCE}
    base = f"(SELECT last_place FROM reservations_allotment WHERE id = {allotment}) base"
    source = f"FROM generate_series(1, {count}) g, {base}"
    sent = {"state": "'sent'", "sent_at": "now()", "handled_at": "now()"} if is_sent else {}
    earlier = dict.fromkeys(("created_at", "confirmed_at"), f"now() - ({count} - g) * interval '1 second'")
    extra = {"reservations_reservation": earlier, "reservations_message": sent}
    with connect(environment) as connection:
        # The rows are right by construction; checking a million of them one by one takes minutes.
        connection.execute("SET session_replication_role = replica")
        connection.execute("SET synchronous_commit = off")
        for table in samples:
            statement = make_insert(samples, table, source, given, **extra.get(table, {}))
            connection.execute(statement.encode())
        connection.execute(
            f"UPDATE reservations_allotment SET held = held + {count}, last_place = last_place + {count} "
            f"WHERE id = {allotment}".encode()
        )
        connection.execute("VACUUM ANALYZE")
        connection.execute("CHECKPOINT")
