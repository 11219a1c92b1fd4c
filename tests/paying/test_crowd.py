"""Five hundred customers at once: some are declined, some take too long at their bank, some go away; events come twice
and shuffled. In the end the money at Stripe is what our books say, to the smallest unit of each currency."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.jobs.stage import wait_until
from tests.paying.stage import Customer, Shop, paid_shop

PEOPLE, TOGETHER = 500, 24
DECLINED, ASKS, GOOD = "4000000000000002", "4000002760003184", "4242424242424242"
# Market → deposit in minor units of ISO 4217: two decimals, none, three, and none where Stripe counts hundredths.
MARKETS = {"DE": (500, "EUR"), "JP": (800, "JPY"), "KW": (1500, "KWD"), "IS": (700, "ISK")}


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shop]:
    with paid_shop(tmp_path_factory.mktemp("crowd"), "crowd") as made:
        for market, (amount, currency) in MARKETS.items():
            made.ask("deposit", market, str(amount), currency)
        made.bank.hooks("doubled", "reordered")
        yield made


def come(shop: Shop, number: int) -> tuple[str, Customer, str]:
    """One customer: 10 % go away, 20 % are declined (half of them then pay), 20 % stay too long at the bank."""
    who = Customer(shop, f"crowd{number}@x.example", list(MARKETS)[number % len(MARKETS)])
    kind = ("gone", "declined", "declined_then_paid", "bank", "bank")[number % 10] if number % 10 < 5 else "paid"
    session = who.press_pay()
    if kind in ("declined", "declined_then_paid"):
        assert shop.bank.pay(session, card=DECLINED) == "declined"
    if kind == "declined_then_paid":
        session = who.press_pay()
    if kind == "bank":
        assert shop.bank.pay(session, card=ASKS) == "authenticate"
    if kind in ("paid", "declined_then_paid"):
        assert shop.bank.pay(session, card=GOOD) == "paid"
    return kind, who, session


def test_of_five_hundred_at_once_both_books_agree_to_the_smallest_unit(shop: Shop) -> None:
    with ThreadPoolExecutor(TOGETHER) as pool:
        came = list(pool.map(lambda number: come(shop, number), range(PEOPLE)))
    kinds = Counter(kind for kind, _, _ in came)
    assert kinds == {"gone": 50, "declined": 50, "declined_then_paid": 50, "bank": 100, "paid": 250}
    for kind, who, _ in came:
        if kind in ("gone", "declined", "bank"):
            shop.ask("hurry", who.reference)  # their half hour is over
    wanted = {"confirmed": 300, "expired": 200}
    wait_until(lambda: shop.ask("statuses") == wanted, f"{wanted}, not {shop.ask('statuses')}")
    wait_until(lambda: shop.ask("waiting_events") == 0, "every event to be worked on")
    for kind, _, session in came:
        if kind == "bank":  # the bank says yes at last, on a page that is closed
            with pytest.raises(OSError, match="400"):
                shop.bank.ask(f"sessions/{session}/authenticate", result="complete")
    ours, theirs = shop.ask("sums"), shop.bank.ask("totals")
    assert {name: sums["captured"] - sums["refunded"] for name, sums in theirs.items()} == {
        name: sums["live"] for name, sums in ours.items()
    }
    assert {name: sums["live"] for name, sums in ours.items()} == {
        "eur": 75 * 500, "jpy": 75 * 800, "kwd": 75 * 1500, "isk": 75 * 700 * 100
    }  # fmt: skip
    assert shop.ask("broken") == []
    wait_until(lambda: len(shop.smtp.mails) >= PEOPLE, "one mail for each")
    assert Counter(mail["to"][0] for mail in shop.smtp.mails) == {who.email: 1 for _, who, _ in came}
