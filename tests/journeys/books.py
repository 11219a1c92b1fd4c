"""What a journey sets or asks in the shop's database, from a process of its own: the helper `tests.journeys.books`."""

from __future__ import annotations

import os
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "storefront.settings")
django.setup()

from django.contrib.auth.models import User  # noqa: E402
from django.db import transaction  # noqa: E402

from reservations.actions import drawing, lines, waving  # noqa: E402
from reservations.actions.reserving import reserve  # noqa: E402
from reservations.models import Allotment, Decision, Draw, Launch, LaunchMarket, Reservation, Wave, WaveSupply  # noqa: E402
from reservations.queries import links  # noqa: E402
from reservations.rules.draw import commitment  # noqa: E402
from storefront import clock  # noqa: E402
from tests import officers  # noqa: E402
from tests.asking import answer  # noqa: E402
from tests.world import allotment, consents, open_rings, wish  # noqa: E402


def open_in(market: str, seconds: str) -> str:
    """Set the opening of a market to so many seconds from now."""
    opens_at = clock.now() + timedelta(seconds=float(seconds))
    LaunchMarket.objects.filter(market_id=market).update(opens_at=opens_at)
    return opens_at.isoformat()


def room(per_minute: str) -> int:
    """Switch the waiting room on, with so many let in a minute."""
    return Launch.objects.update(has_waiting_room=True, admission_per_minute=int(per_minute))


def no_room() -> int:
    return Launch.objects.update(has_waiting_room=False)


def challenge(is_on: str) -> int:
    """Ask for a proof of work before a ticket, and let nobody in."""
    return Launch.objects.update(has_waiting_room=True, admission_per_minute=0, has_challenge=is_on == "on")


def drawn() -> str:
    """A draw among three, held just now; the id of one of them."""
    at = clock.now()
    ids = [f"{number:024x}" for number in range(3)]
    row = Draw(
        launch=Launch.objects.get(), opening=1, opens_at=at - timedelta(minutes=2), closes_at=at, seed="5eed" * 16
    )
    row.commitment = commitment(row.seed)
    row.save()
    drawing.draw(launch=row.launch.slug, opening=1, ticket_ids=ids, at=at)
    return ids[0]


def of(email: str) -> list[dict[str, Any]]:
    fields = ("reference", "status", "quantity", "place_number", "language", "variant__sku", "market")
    return list(Reservation.objects.filter(email=email).order_by("created_at").values(*fields))


def made(email: str, language: str) -> str:
    """A reservation made just now; the path that its customer was mailed."""
    at = clock.now()
    return links.reservation_path(reserve(wish=wish(email=email, language=language, consents=consents(at=at)), at=at))


def held(email: str) -> str:
    """Held in Australia for its deposit since just now; the path that its customer was mailed."""
    at = clock.now()
    asked = wish(email=email, market="AU", consents=consents(market="AU", at=at))
    return links.reservation_path(reserve(wish=asked, at=at))


def time_is_over(email: str) -> int:
    """The half hour for which a place is held for its deposit."""
    return Reservation.objects.filter(email=email).update(expires_at=clock.now())


def ring(email: str) -> str:
    """A ring without a size, reserved just now; the path that its customer was mailed."""
    at = clock.now()
    if not Allotment.objects.filter(launch__slug="ring-2026").exists():
        open_rings(at)
    asked = wish(sku="RING-GRA-ANY", email=email, consents=consents("RING-GRA-ANY", at=at))
    return links.reservation_path(reserve(wish=asked, at=at))


def invited(email: str) -> str:
    """A wave that reaches everybody of the line, released just now."""
    at, pool = clock.now(), allotment()
    number = Wave.objects.count() + 1
    wave = Wave.objects.create(launch=pool.launch, number=number, ships_from="2027-03-01", ships_to="2027-03-31")
    WaveSupply.objects.create(wave=wave, allotment=pool, quantity=pool.held)
    one, other = (User.objects.get_or_create(username=name, is_superuser=True)[0] for name in ("one", "other"))
    waving.propose(wave=wave, at=at, officer=one)
    waving.release(wave=wave, at=at, officer=other)
    return Reservation.objects.get(email=email).status


def ended(email: str, after: str) -> str:
    """Taken back, or lapsed as if it had been delivered, reminded, and the deadline had passed."""
    row, at = Reservation.objects.get(email=email), clock.now()
    row.invitations.update(delivered_at=at, ends_at=at, reminded_at=at, reminders=1)
    with transaction.atomic():
        lines.end(
            lines.lock([row.pk]), after, at=clock.now(), actor="system", reason="We found two orders of one card."
        )
    return after


def units_held() -> int:
    return allotment().held


def officer(name: str, password: str) -> str:
    """Somebody of the group Compliance who can sign in."""
    person = officers.officer(name)
    person.set_password(password)
    person.save()
    return name


def reasons(sku: str, market: str) -> list[str]:
    answer = Decision.objects.get(variant__sku=sku, market=market).answer
    return [row["requirement"] for row in answer["reasons"]]


if __name__ == "__main__":
    actions: dict[str, Callable[..., Any]] = {
        "open_in": open_in,
        "room": room,
        "no_room": no_room,
        "challenge": challenge,
        "drawn": drawn,
        "of": of,
        "made": made,
        "ring": ring,
        "invited": invited,
        "ended": ended,
        "held": held,
        "units_held": units_held,
        "time_is_over": time_is_over,
        "officer": officer,
        "reasons": reasons,
    }
    answer(actions)
