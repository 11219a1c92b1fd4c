"""Load or update markets, products, requirements, evidence and launches from data files."""

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser

from reservations.actions.loading import CapacityBelowHeld, EvidenceStays, load_launch, load_passports
from reservations.launchdata import BadLaunchData, LaunchData, read_launch_data
from reservations.models import Market, Passport
from reservations.queries.cells import cells_that_differ
from reservations.queries.differences import Difference, by_id, difference, facts_with
from reservations.queries.facts import read_world


class Command(BaseCommand):
    help = __doc__

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("path", nargs="?", type=Path, default=settings.BASE_DIR / "data")
        parser.add_argument("--once", action="store_true", help="Load only what is not there yet: staff own the rest.")

        parser.add_argument(
            "--diff",
            action="store_true",
            help="Print what would change in requirements, evidence and decisions; load nothing.",
        )

    def handle(self, *args: Any, path: Path, once: bool, diff: bool, **options: Any) -> None:
        is_there = once and Market.objects.exists()
        if is_there and Passport.objects.exists():
            self.stdout.write("The launch data is there already.")
            return
        at = datetime.now(UTC)
        try:
            data = read_launch_data(path)
            if is_there:
                self.stdout.write(f"passports: {load_passports(data=data, at=at)} changed")
                return
            if diff:
                self.stdout.write("\n".join(describe_differences(data, at)))
                return
            changed = load_launch(data=data, at=at)
        except (BadLaunchData, CapacityBelowHeld, EvidenceStays) as error:
            raise CommandError(str(error)) from error
        self.stdout.write(", ".join(f"{table}: {count} changed" for table, count in changed.items()))


def describe_differences(data: LaunchData, at: datetime) -> Iterator[str]:
    """Line by line: rows that are new, changed field by field or not in the files, and decisions that would change."""
    given = {"requirements": by_id(data.requirements), "evidence": by_id(data.evidence)}
    found = {table: difference(table, rows) for table, rows in given.items()}
    for table, each in found.items():
        yield from _describe(table, each)
    world = read_world()
    cells = cells_that_differ(world, facts_with(world, {table: each.after for table, each in found.items()}), at=at)
    yield f"{len(cells)} decisions would change"
    for cell in cells:
        yield f"  {cell.sku} in {cell.market}: {cell.before} -> {cell.after}"


def _describe(table: str, found: Difference) -> Iterator[str]:
    for key, fields in found.after.items():
        if key not in found.before:
            yield f"{table}: {key} is new"
            continue
        for name, value in fields.items():
            yield f"{table}: {key}: {name}: {found.before[key][name]!r} -> {value!r}"
    for key in found.missing:
        yield f"{table}: {key} is not in the file and stays"
