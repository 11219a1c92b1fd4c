"""A database of its own for tests that need several processes, with the launch data in it."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg
from django.db import connection


@contextmanager
def empty_database(name: str) -> Iterator[dict[str, str]]:
    """Environment of processes that share a fresh, loaded database of the kind that the suite runs on."""
    with tempfile.TemporaryDirectory() as folder, _database(name, Path(folder)) as url:
        environment = os.environ | {
            "DATABASE_URL": url,
            "EMAIL_URL": f"mailbox://{folder}/mailbox",
            "SECRET_KEY": "for-tests-only-" * 4,
        }
        for command in (["migrate", "-v", "0"], ["load_launch"]):
            subprocess.run(
                [sys.executable, "manage.py", *command], env=environment, check=True, stdout=subprocess.DEVNULL
            )
        yield environment


@contextmanager
def _database(name: str, folder: Path) -> Iterator[str]:
    if connection.vendor == "sqlite":
        yield f"sqlite:///{folder}/{name}.sqlite3"
        return
    settings = connection.settings_dict
    database = f"{name}_{uuid.uuid4().hex[:8]}"
    server = {"host": settings["HOST"], "port": settings["PORT"] or 5432, "user": settings["USER"]}
    if settings["PASSWORD"]:
        server["password"] = settings["PASSWORD"]
    with psycopg.connect(**server, dbname="postgres", autocommit=True) as admin:
        admin.execute(f'CREATE DATABASE "{database}"')
        try:
            login = f"{server['user']}:{settings['PASSWORD']}" if settings["PASSWORD"] else str(server["user"])
            yield f"postgres://{login}@{server['host']}:{server['port']}/{database}"
        finally:
            admin.execute(f'DROP DATABASE "{database}" WITH (FORCE)')
