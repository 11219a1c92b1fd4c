"""The calls under /v1/: what is asked by whom, with an idempotency key, and what is answered."""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Callable
from typing import Any

from stripe_standin import forms, money
from stripe_standin.books import Books, Object
from stripe_standin.hooks import public
from stripe_standin.money import Refused

Answer = tuple[int, Object]
KINDS = {
    "checkout/sessions": "checkout.session",
    "payment_intents": "payment_intent",
    "charges": "charge",
    "refunds": "refund",
    "customers": "customer",
    "payment_methods": "payment_method",
    "disputes": "dispute",
    "balance_transactions": "balance_transaction",
    "events": "event",
    "radar/early_fraud_warnings": "radar.early_fraud_warning",
}
_PATH = re.compile(r"/v1/((?:checkout/|radar/)?[a-z_]+)(?:/([A-Za-z0-9_]+))?(?:/(expire))?")
_FILTERS = ("payment_intent", "charge", "customer", "type")


def error(message: str, status: int, *, kind: str = "invalid_request_error", code: str = "", param: str = "") -> Answer:
    told = {"type": kind, "message": message, "code": code, "param": param}
    return status, {"error": {name: value for name, value in told.items() if value}}


class Api:
    """Answers calls on the books."""

    def __init__(self, books: Books, *, base: str, currencies: set[str], any_expiry: bool) -> None:
        self.books, self.base, self.currencies, self.any_expiry = books, base, currencies, any_expiry
        self._in_flight: set[str] = set()
        self._lock = threading.Lock()

    def call(self, method: str, path: str, fields: dict[str, str], key: str) -> tuple[Answer, bool]:
        """The answer, and whether it is the kept one of an earlier call with this key."""
        if method != "POST" or not key:
            return self._do(method, path, fields), False
        mark = {"method": method, "path": path, "fields": fields}
        with self._lock:
            kept = self.books.answers.get(key)
            if kept is not None and kept["mark"] != mark:
                words = (
                    "Keys for idempotent requests can only be used with the same parameters they were first used with."
                )
                return error(words, 400, kind="idempotency_error"), False
            if kept is not None:
                return (kept["status"], kept["body"]), True
            if key in self._in_flight:
                words = "There is currently another in-progress request using this Idempotent Key."
                return error(words, 409, code="idempotency_key_in_use"), False
            self._in_flight.add(key)
        try:
            answer = self._do(method, path, fields)
            if answer[0] < 400 or answer[0] == 402:
                self.keep(key, mark, answer)
        finally:
            with self._lock:
                self._in_flight.discard(key)
        return answer, False

    def keep(self, key: str, mark: Object, answer: Answer) -> None:
        with self.books.lock:
            self.books.keep_answer(key, {"mark": mark, "status": answer[0], "body": answer[1]})

    def _do(self, method: str, path: str, fields: dict[str, str]) -> Answer:
        asked = forms.nested(fields)
        with self.books.lock:
            try:
                found = self._route(method, path, asked)
            except Refused as refused:
                kind = "card_error" if refused.status == 402 else "invalid_request_error"
                return error(refused.message, refused.status, kind=kind, code=refused.code, param=refused.param)
            expand = asked.get("expand", {})
            paths = list(expand.values()) if isinstance(expand, dict) else []
            return 200, public(self._expanded(found, paths))

    def _route(self, method: str, path: str, asked: dict[str, Any]) -> Object:
        found = _PATH.fullmatch(path)
        kind = KINDS.get(found[1]) if found else None
        if found is None or kind is None:
            raise Refused(f"Unrecognized request URL ({method}: {path}).", status=404)
        identifier, verb = found[2], found[3]
        if identifier:
            one = self.books.get(identifier, kind)
            if one is None:
                raise Refused(f"No such {kind}: '{identifier}'", code="resource_missing", param="id", status=404)
            return self._act(method, kind, verb, one)
        if method == "GET":
            return self._list(kind, path, asked)
        makers: dict[str, Callable[[], Object]] = {
            "checkout.session": lambda: money.open_session(
                self.books, asked, base=self.base, currencies=self.currencies, any_expiry=self.any_expiry
            ),
            "refund": lambda: money.refund(self.books, asked),
            "customer": lambda: self.books.make("customer", email=asked.get("email"), name=asked.get("name")),
        }
        if kind not in makers:
            raise Refused(f"Unrecognized request URL ({method}: {path}).", status=404)
        return makers[kind]()

    def _act(self, method: str, kind: str, verb: str | None, one: Object) -> Object:
        if method == "GET" and verb is None:
            return {"id": one["id"], "object": kind, "deleted": True} if one.get("deleted") else one
        if method == "POST" and kind == "checkout.session" and verb == "expire":
            return money.expire(self.books, one)
        if method == "DELETE" and kind == "customer":
            return money.delete_customer(self.books, one)
        raise Refused("Unrecognized request.", status=404)

    def _list(self, kind: str, path: str, asked: dict[str, Any]) -> Object:
        """Newest first, as Stripe lists."""
        rows = [each for each in reversed(self.books.all(kind)) if not each.get("deleted")]
        for name in _FILTERS:
            if name in asked:
                rows = [each for each in rows if each.get(name) == asked[name]]
        created = asked.get("created", {})
        if isinstance(created, dict) and "gte" in created:
            rows = [each for each in rows if each["created"] >= int(created["gte"])]
        if after := asked.get("starting_after"):
            ids = [each["id"] for each in rows]
            rows = rows[ids.index(after) + 1 :] if after in ids else []
        most = int(asked.get("limit", 10))
        return {"object": "list", "data": rows[:most], "has_more": len(rows) > most, "url": path}

    def _expanded(self, thing: Any, paths: list[str]) -> Any:
        made = json.loads(json.dumps(thing))
        for path in paths:
            self._expand(made, path.split("."))
        return made

    def _expand(self, thing: Any, steps: list[str]) -> None:
        if isinstance(thing, list):
            for each in thing:
                self._expand(each, steps)
            return
        if not isinstance(thing, dict) or not steps or not (value := thing.get(steps[0])):
            return
        if isinstance(value, str) and value in self.books.objects:
            value = thing[steps[0]] = json.loads(json.dumps(self.books.objects[value]))
        self._expand(value, steps[1:])
