"""Small programs that a test runs in another process against another database.

python -m tests.jobs.books reserve COUNT | states
"""

from __future__ import annotations

import json
import os
import sys
from collections import Counter

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "storefront.settings")
django.setup()

from reservations.actions.reserving import reserve  # noqa: E402
from reservations.models import Message  # noqa: E402
from storefront import clock  # noqa: E402
from tests.world import wish  # noqa: E402


def main(action: str, count: int = 0) -> None:
    if action == "reserve":
        for number in range(count):
            language = ("en", "de", "zh-hans")[number % 3]
            reserve(wish=wish(email=f"customer{number}@x.example", language=language), at=clock.now())
    print(json.dumps(Counter(Message.objects.values_list("state", flat=True))))


if __name__ == "__main__":
    main(sys.argv[1], *map(int, sys.argv[2:]))
