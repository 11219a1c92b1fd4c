"""A database of its own for tests that need several processes, with the launch data in it."""

from __future__ import annotations

import os
import tempfile
import uuid
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any

import psycopg
from django.db import connection

# Makes sure that the database of the tests is there, and lets it be used; `tests/conftest.py` says how.
reach_loaded_database: Callable[[], AbstractContextManager[None]] | None = None


@contextmanager
def empty_database(name: str) -> Iterator[dict[str, str]]:
    """Environment of processes that share a fresh, loaded database of the kind that the suite runs on.

    It is a copy of the database of the tests, in which no test leaves anything.
    """
    with tempfile.TemporaryDirectory() as folder, _copy(name, Path(folder)) as url:
        yield _environment(url, folder)


def _environment(url: str, folder: str) -> dict[str, str]:
    return os.environ | {
        "DATABASE_URL": url,
        "EMAIL_URL": f"mailbox://{folder}/mailbox",
        "SECRET_KEY": "for-tests-only-" * 4,
    }


@contextmanager
def _copy(name: str, folder: Path) -> Iterator[str]:
    """The URL of the copy."""
    assert reach_loaded_database, "only within a session of tests"
    file, settings = folder / f"{name}.sqlite3", connection.settings_dict
    with reach_loaded_database():
        if connection.vendor == "sqlite":
            with connection.cursor() as cursor:
                cursor.execute("VACUUM INTO %s", [str(file)])
        connection.close()  # nobody may be connected to what is copied
    if connection.vendor == "sqlite":
        yield f"sqlite:///{file}"
        return
    database = f"{name}_{uuid.uuid4().hex[:8]}"
    server: dict[str, Any] = {"host": settings["HOST"], "port": settings["PORT"] or 5432, "user": settings["USER"]}
    if settings["PASSWORD"]:
        server["password"] = settings["PASSWORD"]
    with psycopg.connect(**server, dbname="postgres", autocommit=True) as admin:
        admin.execute(f'CREATE DATABASE "{database}" TEMPLATE "{settings["NAME"]}"')
        try:
            login = f"{server['user']}:{settings['PASSWORD']}" if settings["PASSWORD"] else str(server["user"])
            yield f"postgres://{login}@{server['host']}:{server['port']}/{database}"
        finally:
            admin.execute(f'DROP DATABASE "{database}" WITH (FORCE)')
