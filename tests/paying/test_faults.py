"""Whatever breaks at whatever step of a deposit, a balance or a refund: in the end both books say the same.

Each step of each journey of money, with each fault: the process is killed before or after Stripe does the work, the
answer never comes, Stripe says 500 after doing the work, events come twice, late, before we know of their object, or
shuffled. All run at once against one shop of real processes; each test looks at its own.
"""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import pytest

from tests.jobs.stage import wait_until
from tests.paying.stage import Customer, Shop, paid_shop

CALLS = ("kill_before", "kill_after", "timeout", "error_after")
EVENTS = ("doubled", "late", "early", "reordered")
TOGETHER, LATE_SECONDS = 28, 4.0  # how often what is late arrives
DECLINED = "4000000000000002"


@dataclass(frozen=True)
class Case:
    """A journey, the step of it at which something breaks, and what breaks."""

    journey: str
    step: str
    fault: str

    def __str__(self) -> str:
        return f"{self.journey}-{self.step}-{self.fault}"


class Play:
    """One customer on a journey. `at` arms the fault when its step comes."""

    def __init__(self, shop: Shop, case: Case, number: int) -> None:
        self.shop, self.case, self.bank = shop, case, shop.bank
        self.who = Customer(shop, f"p{number}@x.example")
        self.late: dict[str, Any] = {}

    def at(self, step: str, method: str, path: str, **where: str) -> None:
        """The next call that fits breaks, or the events from here on."""
        if step != self.case.step:
            return
        fault = self.case.fault
        if fault in CALLS or fault == "early":
            how: dict[str, Any] = {"fault": "slow", "seconds": 1.5} if fault == "early" else {"fault": fault}
            if fault == "timeout":
                how |= {"times": 2, "seconds": 6}  # once more than the library tries by itself
            self.bank.ask("faults", method=method, path=path, where=where, **how)
        else:
            mine = {"metadata": {"reservation": self.who.reference}}
            self.bank.ask("hooks", mode=[fault], where=mine)
            if fault == "late":
                self.late = mine

    def go(self) -> None:
        """The whole journey; what is late arrives while it waits for it."""
        journey: Callable[[], None] = getattr(self, self.case.journey)
        is_over = threading.Event()

        def release() -> None:
            while not is_over.wait(LATE_SECONDS):
                if self.late:
                    self.bank.ask("release", where=self.late)

        arrives = threading.Thread(target=release)
        arrives.start()
        try:
            journey()
            status, _, _, letters = ENDS[self.case.journey]
            self.who.wait_for(status)
            self.who.wait_for_letters(letters)
        finally:
            is_over.set()
            arrives.join()

    def open(self, step: str) -> str:
        self.at(step, "POST", "/v1/checkout/sessions", client_reference_id=self.who.reference)
        if step == self.case.step and self.case.fault == "early":
            return self._open_and_pay_early()
        return self.who.press_pay()

    def _open_and_pay_early(self) -> str:
        """The customer is so quick that the event comes before the answer to our call."""
        with ThreadPoolExecutor(1) as other:
            pressed = other.submit(self.who.press_pay)
            mine = self._open_sessions
            wait_until(lambda: bool(mine()), "the page")
            session = mine()[-1]["id"]
            self.bank.pay(session)
            pressed.result()
        return ""

    def _open_sessions(self) -> list[dict[str, Any]]:
        return [
            each for each in self.bank.books()["checkout_sessions"]
            if each["client_reference_id"] == self.who.reference and each["status"] == "open"
        ]  # fmt: skip

    def pay(self, session: str, step: str) -> None:
        """On Stripe's page; what it tells us is worked on by asking it again."""
        if session:
            self.at(step, "GET", f"/v1/checkout/sessions/{session}")
            self.bank.pay(session)

    def deposit(self) -> None:
        self.pay(self.open("open"), "told")
        self.who.wait_for("confirmed")

    def cancel(self) -> None:
        """After the deposit has arrived and was confirmed."""
        self.deposit()
        self.who.wait_for_letters(["paid"])
        intent = self.who.state["payments"][-1]["intent_id"]
        self.at("refund", "POST", "/v1/refunds", payment_intent=intent)
        self.at("refund_told", "GET", "/v1/refunds/.*")
        self.shop.ask("cancel", self.who.reference)

    def abandon(self) -> None:
        session = self.open("open")
        self.at("close", "POST", f"/v1/checkout/sessions/{session}/expire")
        self.shop.ask("hurry", self.who.reference)
        self.who.wait_for("expired")

    def decline(self) -> None:
        session = self.open("open")
        self.bank.pay(session, card=DECLINED)
        self.at("look", "GET", f"/v1/checkout/sessions/{session}")
        self.at("close", "POST", f"/v1/checkout/sessions/{session}/expire")
        self.at("open_again", "POST", "/v1/checkout/sessions", client_reference_id=self.who.reference)
        again = self.who.press_pay()
        self.pay(again, "told")
        self.who.wait_for("confirmed")

    def balance(self) -> None:
        self.deposit()
        self.who.wait_for_letters(["paid"])
        self.shop.ask("invited", self.who.reference)
        self.who.wait_for_letters(["invited"])
        self.pay(self.open("open_balance"), "balance_told")
        self.who.wait_for("converted")

    def withdraw(self) -> None:
        self.balance()
        self.who.wait_for_letters(["ordered"])
        deposit, balance = (each["intent_id"] for each in self.who.state["payments"] if each["state"] == "captured")
        self.at("refund_deposit", "POST", "/v1/refunds", payment_intent=deposit)
        self.at("refund_balance", "POST", "/v1/refunds", payment_intent=balance)
        self.shop.ask("cancel", self.who.reference)

    def too_late(self) -> None:
        """A voucher is paid after the customer has cancelled."""
        session = self.open("open")
        self.bank.pay(session, method="voucher")
        self.who.wait(lambda state: state["payments"][-1]["state"] == "processing", "the bank to be at work")
        self.shop.ask("cancel", self.who.reference)
        intent = self.who.state["payments"][-1]["intent_id"]
        self.at("late_refund", "POST", "/v1/refunds", payment_intent=intent)
        self.at("late_told", "GET", f"/v1/checkout/sessions/{session}")
        self.bank.ask(f"sessions/{session}/voucher", result="succeeded")


# Status, captured payments by purpose, how many refunds, and the letters that are sent.
ENDS: dict[str, tuple[str, list[str], int, list[str]]] = {
    "deposit": ("confirmed", ["deposit"], 0, ["paid"]),
    "cancel": ("cancelled", ["deposit"], 1, ["paid", "cancelled", "refund"]),
    "abandon": ("expired", [], 0, ["unpaid"]),
    "decline": ("confirmed", ["deposit"], 0, ["paid"]),
    "balance": ("converted", ["deposit", "balance"], 0, ["paid", "invited", "ordered"]),
    "withdraw": ("cancelled", ["deposit", "balance"], 2, ["paid", "invited", "ordered", "cancelled"] + ["refund"] * 2),
    "too_late": ("cancelled", ["deposit"], 1, ["cancelled", "refund"]),
}
STEPS = {
    "deposit": ("open", "told"),
    "cancel": ("refund", "refund_told"),
    "abandon": ("close",),
    "decline": ("look", "close", "open_again"),
    "balance": ("open_balance", "balance_told"),
    "withdraw": ("refund_deposit", "refund_balance"),
    "too_late": ("late_refund", "late_told"),
}
CASES = [
    Case(journey, step, fault) for journey, steps in STEPS.items() for step in steps for fault in (*CALLS, *EVENTS)
]
# Nobody can pay early on a page that is being closed, or be told of what nothing is told of.
PLAYED = [case for case in CASES if not (case.fault == "early" and case.step in ("close", "open_again"))]


def play(shop: Shop, case: Case, number: int) -> Customer:
    """Play it to its end; whose it was."""
    played = Play(shop, case, number)
    played.go()
    return played.who


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shop]:
    with paid_shop(tmp_path_factory.mktemp("faults"), "faults") as made:
        made.ask("deposit", "DE", "500", "EUR")
        yield made


@pytest.fixture(scope="module")
def outcomes(shop: Shop) -> dict[Case, Any]:
    """Of every case how it ended, or why it did not; then everything is quiet."""

    def outcome(numbered: tuple[int, Case]) -> Any:
        try:
            return play(shop, numbered[1], numbered[0])
        except Exception as error:  # noqa: BLE001  (told by the test of the case)
            return error

    with ThreadPoolExecutor(TOGETHER) as pool:
        found = dict(zip(PLAYED, pool.map(outcome, enumerate(PLAYED)), strict=True))
    shop.bank.ask("release", lost=False)
    wait_until(lambda: shop.ask("waiting_events") == 0, "every event to be worked on")
    return found


@pytest.fixture(scope="module")
def books(shop: Shop, outcomes: dict[Case, Any]) -> dict[str, list[dict[str, Any]]]:
    """Stripe's, when everything is quiet."""
    return shop.bank.books()


@pytest.mark.parametrize("case", PLAYED, ids=str)
def test_both_books_say_the_same_in_the_end(
    case: Case, outcomes: dict[Case, Any], shop: Shop, books: dict[str, list[dict[str, Any]]]
) -> None:
    found = outcomes[case]
    if isinstance(found, BaseException):
        raise found
    who, (status, purposes, refunds, letters) = found, ENDS[case.journey]
    state, theirs = shop.ask("state", who.reference), books
    assert state["status"] == status
    captured = [each for each in state["payments"] if each["state"] == "captured"]
    assert [each["purpose"] for each in captured] == purposes, "one charge at most for each purpose"
    charged = [
        each for each in theirs["payment_intents"]
        if each["metadata"].get("reservation") == who.reference and each["amount_received"]
    ]  # fmt: skip
    mine = sorted((each["intent_id"], each["amount_minor"]) for each in captured)
    assert mine == sorted((each["id"], each["amount_received"]) for each in charged)
    ids = {each["id"] for each in charged}
    back = [each for each in theirs["refunds"] if each["payment_intent"] in ids]
    assert [each["state"] for each in state["refunds"]] == ["succeeded"] * refunds
    assert sorted(each["amount_minor"] for each in state["refunds"]) == sorted(each["amount"] for each in back)
    sent = [kind for kind, letter in state["letters"] if letter == "sent"]
    assert Counter(sent) == Counter(letters)
    assert len(who.mails()) == len(letters)


def test_at_least_a_hundred_were_played_and_our_own_books_are_right(outcomes: dict[Case, Any], shop: Shop) -> None:
    assert len(PLAYED) >= 100 and len(outcomes) == len(PLAYED)
    assert shop.ask("broken") == []
