"""Check the books: print what is broken and end with status 1, or say that they are right. Changes nothing."""

import sys
import time
from typing import Any

from django.core.management.base import BaseCommand

from reservations.queries.books import find_broken, size_of_books


class Command(BaseCommand):
    help = __doc__

    def handle(self, *args: Any, **options: Any) -> None:
        started = time.monotonic()
        broken = find_broken()
        for each in broken:
            self.stdout.write(str(each))
        if broken:
            sys.exit(1)
        reservations, allotments = size_of_books()
        self.stdout.write(
            f"The books are right: {reservations} reservations in {allotments} allotments, "
            f"checked in {time.monotonic() - started:.1f} s."
        )
