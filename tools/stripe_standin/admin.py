"""What tests ask of the stand-in beside Stripe's API: both books, faults, and customers without a browser."""

from __future__ import annotations

import time
from typing import Any

from stripe_standin import money
from stripe_standin.books import Books, Object
from stripe_standin.faults import Faults
from stripe_standin.hooks import Hooks
from stripe_standin.money import Refused

LISTED = ("checkout.session", "payment_intent", "charge", "refund", "dispute", "customer", "event")


class Admin:
    """JSON in, JSON out."""

    def __init__(self, books: Books, hooks: Hooks, faults: Faults) -> None:
        self.books, self.hooks, self.faults = books, hooks, faults
        self._away_until = 0.0

    def is_away(self) -> bool:
        return time.monotonic() < self._away_until

    def answer(self, method: str, path: str, given: Object, requests: list[Object]) -> tuple[int, Any]:
        steps = path.strip("/").split("/")[1:]
        if method == "GET":
            return self._look(steps, requests)
        try:
            with self.books.lock:
                return 200, self._do(steps, given)
        except (Refused, KeyError, ValueError) as refused:
            return 400, {"error": str(refused)}

    def _look(self, steps: list[str], requests: list[Object]) -> tuple[int, Any]:
        with self.books.lock:
            if steps == ["books"]:
                found: Object = {kind.replace(".", "_") + "s": self.books.all(kind) for kind in LISTED}
                found["events"] = [
                    {**event, "delivered": self.hooks.delivered.get(event["id"], 0)} for event in found["events"]
                ]
                return 200, found
            if steps == ["totals"]:
                return 200, money.totals(self.books)
            if steps == ["requests"]:
                return 200, list(requests)
            if steps == ["faults"]:
                return 200, [vars(each) for each in self.faults.armed]
        return 404, {"error": "no such thing"}

    def _do(self, steps: list[str], given: Object) -> Any:
        if len(steps) > 1:
            return self._act(steps[0], self.books.objects[steps[1]], steps[2:], given)
        where = (given.get("where") or {}).get("metadata") or {}
        if steps == ["hooks"]:
            modes = given["mode"] if isinstance(given["mode"], list) else [given["mode"]]
            self.hooks.rule(modes, where)
        elif steps == ["release"]:
            return {"released": self.hooks.release(lost=bool(given.get("lost")), where=where)}
        elif steps == ["faults"]:
            self.faults.arm(given)
        elif steps == ["unreachable"]:
            self._away_until = time.monotonic() + float(given["seconds"])
        else:
            raise KeyError("/".join(steps))
        return {}

    def _act(self, kind: str, thing: Object, steps: list[str], given: Object) -> Any:
        verb = steps[0] if steps else ""
        if (kind, verb) == ("sessions", "pay"):
            return {"outcome": self._pay(thing, given)}
        if (kind, verb) == ("sessions", "authenticate"):
            return {"outcome": money.authenticate(self.books, thing, succeeds=given["result"] == "complete")}
        if (kind, verb) == ("sessions", "voucher"):
            money.settle_voucher(self.books, thing, succeeds=given["result"] == "succeeded")
        elif kind == "refunds":
            money.settle_refund(self.books, thing, given["status"])
        elif (kind, verb) == ("intents", "dispute"):
            return money.dispute(self.books, thing)
        elif (kind, verb) == ("intents", "refund"):
            return money.refund(self.books, {"payment_intent": thing["id"], **given})
        elif kind == "disputes":
            money.close_dispute(self.books, thing, given["status"])
        elif (kind, verb) == ("customers", "delete"):
            return money.delete_customer(self.books, thing)
        else:
            raise KeyError(f"{kind}/{verb}")
        return self.books.objects[thing["id"]]

    def _pay(self, session: Object, given: Object) -> str:
        outcome = money.pay(
            self.books, session, number=given.get("card", "4242424242424242"), method=given.get("method", "card")
        )
        if outcome == "authenticate" and given.get("authenticate"):
            session = self.books.objects[session["id"]]
            return money.authenticate(self.books, session, succeeds=given["authenticate"] == "complete")
        return outcome
