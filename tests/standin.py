"""The Stripe stand-in as a process, and what tests ask of it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import stripe

from tests.jobs.stage import answers, free_port, process, wait_until

SECRET, KEY = "whsec_of_the_tests", "sk_test_of_the_tests"
TOOLS = Path(__file__).parent.parent / "tools"


class Standin:
    """Its admin side."""

    def __init__(self, port: int, made: subprocess.Popen[bytes] | None = None) -> None:
        self.base, self.process = f"http://127.0.0.1:{port}", made

    def ask(self, step: str, /, **given: Any) -> Any:
        """GET without anything given, else POST."""
        body = json.dumps(given).encode() if given else None
        request = urllib.request.Request(f"{self.base}/admin/{step}", data=body)
        with urllib.request.urlopen(request, timeout=30) as answer:
            return json.load(answer)

    def books(self) -> dict[str, list[dict[str, Any]]]:
        return self.ask("books")

    def pay(self, session_id: str, card: str = "4242424242424242", **given: Any) -> str:
        return self.ask(f"sessions/{session_id}/pay", card=card, **given)["outcome"]

    def fault(self, fault: str, path: str, **given: Any) -> None:
        self.ask("faults", fault=fault, path=path, **given)

    def payment_of_another_shop(self, metadata: dict[str, str]) -> str:
        """Somebody else's payment on the same account; its intent."""
        client = stripe.StripeClient(KEY, base_addresses={"api": self.base})
        price = {"currency": "eur", "unit_amount": 700, "product_data": {"name": "A hat"}}
        made = client.v1.checkout.sessions.create(
            {
                "mode": "payment",
                "line_items": [{"quantity": 1, "price_data": price}],
                "success_url": "https://hats.example/",
                "cancel_url": "https://hats.example/",
                "metadata": metadata,
                "payment_intent_data": {"metadata": metadata},
            }
        )
        self.pay(made.id)
        return next(each["payment_intent"] for each in self.books()["checkout_sessions"] if each["id"] == made.id)

    def hooks(self, *modes: str, payment: int | None = None) -> None:
        where = {"where": {"metadata": {"payment": str(payment)}}} if payment else {}
        self.ask("hooks", mode=list(modes), **where)


@contextmanager
def standin(webhook: str, *more: str) -> Iterator[Standin]:
    port = free_port()
    command = [sys.executable, "-m", "stripe_standin", "--port", str(port), "--webhook", webhook, "--secret", SECRET]
    environment = {**os.environ, "PYTHONPATH": str(TOOLS)}
    with process([*command, *more], environment) as made:
        wait_until(lambda: answers(port), "the Stripe stand-in")
        yield Standin(port, made)
