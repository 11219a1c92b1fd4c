"""Read a delivery report from standard input, as a mail server's alias pipes it."""

from __future__ import annotations

import sys
from datetime import UTC, datetime
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from reservations.actions.reporting import take_report
from reservations.gateways import bounces

MOST_BYTES = 1_000_000


class Command(BaseCommand):
    help = "Take a delivery status notification or a complaint, one mail on standard input."

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            reports = bounces.read(sys.stdin.buffer.read(MOST_BYTES))
        except bounces.NotAReport as error:
            raise CommandError("This is no report about a mail of ours.") from error
        noted = sum(take_report(report=report, at=datetime.now(UTC)) for report in reports)
        self.stdout.write(f"Reports: {len(reports)}, noted: {noted}.")
