"""Load or update markets, products, requirements, evidence and launches from data files."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser

from reservations.actions.loading import CapacityBelowHeld, load_launch
from reservations.launchdata import BadLaunchData, read_launch_data
from reservations.models import Market


class Command(BaseCommand):
    help = __doc__

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("path", nargs="?", type=Path, default=settings.BASE_DIR / "data")
        parser.add_argument("--once", action="store_true", help="Do nothing when a launch is there: staff own it now.")

    def handle(self, *args: Any, path: Path, once: bool, **options: Any) -> None:
        if once and Market.objects.exists():
            self.stdout.write("The launch data is there already.")
            return
        try:
            changed = load_launch(data=read_launch_data(path), at=datetime.now(UTC))
        except (BadLaunchData, CapacityBelowHeld) as error:
            raise CommandError(str(error)) from error
        self.stdout.write(", ".join(f"{table}: {count} changed" for table, count in changed.items()))
