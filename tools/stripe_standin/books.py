"""What the stand-in holds: objects with the keys and types of Stripe's own, and a list of events."""

from __future__ import annotations

import json
import secrets
import sqlite3
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

Object = dict[str, Any]
EXAMPLES: dict[str, Object] = json.loads((Path(__file__).parent / "examples.json").read_text())["resources"]
PREFIXES = {
    "checkout.session": "cs_test_",
    "payment_intent": "pi_",
    "charge": "ch_",
    "refund": "re_",
    "customer": "cus_",
    "payment_method": "pm_",
    "balance_transaction": "txn_",
    "dispute": "dp_",
    "radar.early_fraud_warning": "issfr_",
    "event": "evt_",
}
_WARNING: Object = {
    "id": "",
    "object": "radar.early_fraud_warning",
    "actionable": True,
    "charge": "",
    "created": 0,
    "fraud_type": "misc",
    "livemode": False,
    "payment_intent": None,
}


class Books:
    """All objects by id. Whoever reads or changes several of them holds `lock`."""

    def __init__(self, path: str = "") -> None:
        self.lock = threading.RLock()
        self.objects: dict[str, Object] = {}
        self.answers: dict[str, Object] = {}  # idempotency key → method, path, body, status, answer
        self.listeners: list[Callable[[Object, Object], None]] = []
        self._file = sqlite3.connect(path, check_same_thread=False, isolation_level=None) if path else None
        if self._file:
            self._file.execute("CREATE TABLE IF NOT EXISTS kept (name TEXT PRIMARY KEY, value TEXT)")
            for name, value in self._file.execute("SELECT name, value FROM kept ORDER BY rowid"):
                kind, _, key = name.partition(":")
                (self.answers if kind == "answer" else self.objects)[key] = json.loads(value)

    def keep(self, thing: Object) -> Object:
        """Store an object as it is now."""
        self.objects[thing["id"]] = thing
        self._write(f"object:{thing['id']}", thing)
        return thing

    def keep_answer(self, key: str, answer: Object) -> None:
        self.answers[key] = answer
        self._write(f"answer:{key}", answer)

    def _write(self, name: str, value: Object) -> None:
        if self._file:
            self._file.execute(
                "INSERT INTO kept VALUES (?, ?) ON CONFLICT (name) DO UPDATE SET value = excluded.value",
                (name, json.dumps(value)),
            )

    def make(self, kind: str, **fields: Any) -> Object:
        """A new object: every key that Stripe's has, empty where nothing is said of it."""
        example = EXAMPLES.get(kind, _WARNING)
        made = {key: _empty(value) for key, value in example.items()}
        made |= {
            "id": PREFIXES[kind] + secrets.token_hex(12),
            "object": kind,
            "created": int(time.time()),
            "livemode": False,
        }
        if "metadata" in example:
            made["metadata"] = {}
        return self.keep(made | fields)

    def get(self, identifier: str, kind: str = "") -> Object | None:
        found = self.objects.get(identifier)
        return found if found and (not kind or found["object"] == kind) else None

    def all(self, kind: str) -> list[Object]:
        """In the order in which they were made."""
        return [each for each in self.objects.values() if each["object"] == kind]

    def emit(self, kind: str, about: Object) -> None:
        """An event about an object, as it is at this instant."""
        event = self.make("event", type=kind, data={"object": json.loads(json.dumps(about))}, pending_webhooks=1)
        for listen in self.listeners:
            listen(event, about)


def _empty(value: Any) -> Any:
    """Of a value of the example its type, where it is a container; else nothing."""
    if isinstance(value, bool):
        return False
    if isinstance(value, int):
        return 0
    return type(value)() if isinstance(value, (dict, list)) else None
