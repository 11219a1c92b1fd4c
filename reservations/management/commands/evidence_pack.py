"""Write the evidence pack of a market as a ZIP: decisions, evidence, documents and log."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from reservations.models import Market
from reservations.queries.pack import evidence_pack, pack_name


class Command(BaseCommand):
    help = __doc__

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("market")
        parser.add_argument("--folder", type=Path, default=Path())

    def handle(self, *args: Any, market: str, folder: Path, **options: Any) -> None:
        row = Market.objects.filter(code=market.upper()).first()
        if row is None:
            raise CommandError(f"market: {market!r} is no market; known are {', '.join(sorted(codes()))}")
        at = datetime.now(UTC)
        path = folder / pack_name(row.code, at)
        try:
            path.write_bytes(evidence_pack(market=row.code, at=at))
        except OSError as error:
            raise CommandError(f"folder: {error.strerror}: {path}") from error
        self.stdout.write(str(path))


def codes() -> list[str]:
    return list(Market.objects.values_list("code", flat=True))
