"""Make a partner if need be and print a new API key, once."""

from datetime import UTC, datetime
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils.text import slugify

from reservations.actions.keys import SCOPES, create_api_key
from reservations.models import Partner


class Command(BaseCommand):
    help = __doc__

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("partner")
        parser.add_argument("--scopes", nargs="+", required=True, choices=SCOPES)
        parser.add_argument("--sandbox", action="store_true")

    def handle(self, *args: Any, partner: str, scopes: list[str], sandbox: bool, **options: Any) -> None:
        slug = slugify(partner)
        if not slug:
            raise CommandError("partner: give a name with letters or digits")
        row, _ = Partner.objects.get_or_create(slug=slug, defaults={"name": partner})
        _, secret = create_api_key(partner=row, scopes=scopes, is_sandbox=sandbox, at=datetime.now(UTC), actor="system")
        self.stdout.write(secret)
