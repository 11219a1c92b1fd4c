"""What a test does or asks in another database, from a process of its own: the helper `tests.jobs.books`."""

from __future__ import annotations

import os
from collections import Counter

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "storefront.settings")
django.setup()

from reservations.actions.reserving import reserve  # noqa: E402
from reservations.models import Message  # noqa: E402
from storefront import clock  # noqa: E402
from tests.asking import answer  # noqa: E402
from tests.world import wish  # noqa: E402


def reserve_many(count: str) -> None:
    for number in range(int(count)):
        language = ("en", "de", "zh-hans")[number % 3]
        reserve(wish=wish(email=f"customer{number}@x.example", language=language), at=clock.now())


def states() -> dict[str, int]:
    """How many messages are in which state."""
    return dict(Counter(Message.objects.values_list("state", flat=True)))


def attempted() -> int:
    """How many messages were tried at least once."""
    return Message.objects.filter(attempts__gte=1).count()


if __name__ == "__main__":
    answer({"reserve": reserve_many, "states": states, "attempted": attempted})
