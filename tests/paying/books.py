"""What the tests of money set or ask in the shop's database, from a process of its own."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "storefront.settings")
django.setup()

from django.db import transaction  # noqa: E402
from django.db.models import Sum  # noqa: E402

from reservations.actions import cancelling, inviting, lines  # noqa: E402
from reservations.actions.reserving import reserve  # noqa: E402
from reservations.models import (  # noqa: E402
    Allotment,
    CustomerLimit,
    Message,
    Payment,
    Refund,
    Reservation,
    StripeEvent,
    Wave,
    WaveSupply,
)
from reservations.queries import links  # noqa: E402
from reservations.queries.books import find_broken  # noqa: E402
from reservations.rules.money import to_stripe  # noqa: E402
from storefront import clock  # noqa: E402
from tests.asking import answer  # noqa: E402
from tests.money import ask_for_deposit  # noqa: E402
from tests.world import allotment, consents, wish  # noqa: E402


def deposit(market: str, amount_minor: str, currency: str) -> int:
    """Ask for a deposit in a market whose pool is large enough."""
    pool = allotment(market=market)
    Allotment.objects.filter(pk=pool.pk).update(capacity=100_000)
    made = ask_for_deposit(pool.launch, market, int(amount_minor), currency)
    return made.pk


def reserved(email: str, market: str) -> dict[str, str]:
    """Reserved just now: the reference, and the path that its customer was mailed."""
    given = wish(email=email, market=market, consents=consents(market=market, at=clock.now()))
    row = reserve(wish=given, at=clock.now())
    return {"reference": row.reference, "path": links.reservation_path(row)}


def _row(reference: str) -> Reservation:
    return Reservation.objects.select_related("allotment", "launch", "variant", "market").get(reference=reference)


def hurry(reference: str) -> str:
    """The time to pay is over."""
    Reservation.objects.filter(reference=reference).update(expires_at=clock.now())
    return reference


@transaction.atomic
def invited(reference: str) -> str:
    """Its turn has come, and where to send it is known."""
    row = _row(reference)
    wave, is_new = Wave.objects.get_or_create(
        launch=row.launch, number=1, defaults={"ships_from": "2027-03-01", "ships_to": "2027-03-31"}
    )
    if is_new:
        WaveSupply.objects.create(wave=wave, allotment=row.allotment, quantity=10_000)
    [held] = lines.lock([row.pk])
    inviting.invite([held], wave=wave, at=clock.now(), actor="staff:grace")
    Reservation.objects.filter(pk=row.pk).update(address={"street": "Lindenweg 4", "city": "Köln"})
    return reference


def cancel(reference: str) -> str:
    return cancelling.cancel(reservation=_row(reference), at=clock.now(), actor="customer").status


def state(reference: str) -> dict[str, Any]:
    """All that our books have of a reservation."""
    row = _row(reference)
    paid = Payment.objects.filter(reservation=row).order_by("pk")
    return {
        "status": row.status,
        "payments": list(paid.values("pk", "purpose", "attempt", "state", "session_id", "intent_id", "amount_minor")),
        "refunds": list(
            Refund.objects.filter(payment__reservation=row)
            .order_by("pk")
            .values("pk", "state", "amount_minor", "reason")
        ),
        "letters": list(Message.objects.filter(reservation=row).order_by("pk").values_list("kind", "state")),
        "email": row.email,
        "units": row.quantity,
    }


def broken() -> list[str]:
    return [str(each) for each in find_broken()]


def waiting_events() -> int:
    return StripeEvent.objects.exclude(state__in=["done", "poison"]).count()


def sums() -> dict[str, dict[str, int]]:
    """By currency, in Stripe's units: deposits of live reservations, and what is on its way back."""
    found: dict[str, dict[str, int]] = {}
    for payment in Payment.objects.filter(state="captured").select_related("reservation"):
        back = payment.refunds.aggregate(all=Sum("amount_minor"))["all"] or 0
        kept = found.setdefault(payment.currency.lower(), {"live": 0, "back": 0})
        factor = to_stripe(payment.amount) // payment.amount_minor
        kept["live"] += (payment.amount_minor - back) * factor
        kept["back"] += back * factor
    return found


def statuses() -> dict[str, int]:
    found: dict[str, int] = {}
    for status in Reservation.objects.values_list("status", flat=True):
        found[status] = found.get(status, 0) + 1
    return found


def limits() -> int:
    return CustomerLimit.objects.aggregate(all=Sum("quantity"))["all"] or 0


if __name__ == "__main__":
    actions: dict[str, Callable[..., Any]] = {
        "deposit": deposit,
        "reserved": reserved,
        "hurry": hurry,
        "invited": invited,
        "cancel": cancel,
        "state": state,
        "broken": broken,
        "waiting_events": waiting_events,
        "sums": sums,
        "statuses": statuses,
        "limits": limits,
    }
    answer(actions)
