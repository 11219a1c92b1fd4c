"""What must hold after a rehearsal, and whether it does."""

from __future__ import annotations

import time
from collections import Counter
from contextlib import closing
from dataclasses import dataclass

from storefront.rehearsal.shop import NotReady, Shop
from storefront.rehearsal.visitors import Seen

MAIL_SECONDS = 60


@dataclass(frozen=True)
class Finding:
    """One promise, with the figures that were seen."""

    promise: str
    holds: bool
    seen: str


def judge(shop: Shop, seen: Seen) -> list[Finding]:
    """Waits for the mails that are still on their way."""
    return [_answers(seen), *_table(shop, seen), _mails(shop), _books(shop)]


def _answers(seen: Seen) -> Finding:
    counts = Counter(sample.status for sample in seen.samples)
    failed = sum(count for status, count in counts.items() if not status or status >= 500)
    told = ", ".join(f"{count} × {status or 'cut off'}" for status, count in sorted(counts.items()))
    return Finding(
        "No answer is an error of the site, whatever was killed, and nobody gave up.",
        not failed and not seen.gave_up,
        f"{told}; {seen.gave_up} gave up",
    )


def _table(shop: Shop, seen: Seen) -> list[Finding]:
    with closing(shop.connect()) as connection:
        rows = connection.execute("SELECT email, reference, place_number FROM reservations_reservation").fetchall()
        [(early,)] = connection.execute(
            "SELECT count(*) FROM reservations_reservation r JOIN reservations_launchmarket w "
            "ON w.launch_id = r.launch_id AND w.market_id = r.market_id WHERE r.created_at < w.opens_at"
        ).fetchall()
    stored, places = {row[0]: row[1] for row in rows}, {row[1]: row[2] for row in rows}
    kept = sum(set(told) == {stored.get(email)} for email, told in seen.yes.items())
    same = sum(places.get(reference) == place for reference, place in seen.places.items())
    doubled = len(rows) - len(stored)
    return [
        Finding(
            "Every yes is in the table, under the reference that was told, each time it was told.",
            kept == len(seen.yes),
            f"{kept} of {len(seen.yes)}; {seen.cut_off} were cut off first, {_doubles(seen)} asked twice at once",
        ),
        Finding(
            "Every partner's order has the place that was told.",
            same == len(seen.places),
            f"{same} of {len(seen.places)}",
        ),
        Finding("Nobody has two reservations.", not doubled, f"{len(rows)} reservations, {doubled} too many"),
        Finding("Nothing is reserved before the opening.", not early, f"{early} too early"),
    ]


def _doubles(seen: Seen) -> int:
    return sum(len(told) > 1 for told in seen.yes.values())


def _mails(shop: Shop) -> Finding:
    end = time.monotonic() + MAIL_SECONDS
    owed, sent = shop.count_mails()
    while sent < owed and time.monotonic() < end:
        time.sleep(0.2)
        owed, sent = shop.count_mails()
    with closing(shop.connect()) as connection:
        states = dict(connection.execute("SELECT state, count(*) FROM reservations_message GROUP BY 1").fetchall())
    return Finding(
        "Every message that is owed was sent once.",
        owed == sent == states.get("sent", 0),
        f"{owed} owed, {sent} in the mailbox; states: {states}",
    )


def _books(shop: Shop) -> Finding:
    try:
        return Finding("The books balance.", True, shop.manage("check_invariants"))
    except NotReady as broken:
        return Finding("The books balance.", False, str(broken))
