"""A database of its own for tests that need several processes, with the launch data in it."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
import uuid
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from functools import cache
from pathlib import Path
from typing import Any

import psycopg
from django.db import connection

_until_the_end = ExitStack()


@contextmanager
def empty_database(name: str) -> Iterator[dict[str, str]]:
    """Environment of processes that share a fresh, loaded database of the kind that the suite runs on."""
    template = _template()
    with tempfile.TemporaryDirectory() as folder, _database(name, Path(folder), template) as url:
        yield _environment(url, folder)


def forget_template() -> None:
    """At the end of the session."""
    _until_the_end.close()
    _template.cache_clear()


@cache
def _template() -> str:
    """The loaded database that every other is a copy of: made at the first need, once in a session."""
    folder = _until_the_end.enter_context(tempfile.TemporaryDirectory())
    url = _until_the_end.enter_context(_database("template", Path(folder)))
    for command in (["migrate", "-v", "0"], ["load_launch"]):
        subprocess.run(
            [sys.executable, "manage.py", *command],
            env=_environment(url, folder),
            check=True,
            stdout=subprocess.DEVNULL,
        )
    return url


def _environment(url: str, folder: str) -> dict[str, str]:
    return os.environ | {
        "DATABASE_URL": url,
        "EMAIL_URL": f"mailbox://{folder}/mailbox",
        "SECRET_KEY": "for-tests-only-" * 4,
    }


@contextmanager
def _database(name: str, folder: Path, template: str | None = None) -> Iterator[str]:
    """The URL of a new database: an empty one, or a copy of the one at `template`."""
    if connection.vendor == "sqlite":
        file = folder / f"{name}.sqlite3"
        if template:
            shutil.copyfile(template.removeprefix("sqlite:///"), file)
        yield f"sqlite:///{file}"
        return
    settings = connection.settings_dict
    database = f"{name}_{uuid.uuid4().hex[:8]}"
    server: dict[str, Any] = {"host": settings["HOST"], "port": settings["PORT"] or 5432, "user": settings["USER"]}
    if settings["PASSWORD"]:
        server["password"] = settings["PASSWORD"]
    source = template.rpartition("/")[2] if template else "template1"
    with psycopg.connect(**server, dbname="postgres", autocommit=True) as admin:
        admin.execute(f'CREATE DATABASE "{database}" TEMPLATE "{source}"')
        try:
            login = f"{server['user']}:{settings['PASSWORD']}" if settings["PASSWORD"] else str(server["user"])
            yield f"postgres://{login}@{server['host']}:{server['port']}/{database}"
        finally:
            admin.execute(f'DROP DATABASE "{database}" WITH (FORCE)')
