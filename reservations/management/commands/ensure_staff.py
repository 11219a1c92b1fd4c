"""Make the first member of staff, with a random password, when there is none."""

import os
import secrets
from typing import Any

from django.conf import settings
from django.contrib.auth import get_user_model
from django.core.management.base import BaseCommand


class Command(BaseCommand):
    help = __doc__

    def handle(self, *args: Any, **options: Any) -> None:
        users = get_user_model()
        kept = settings.VAR_DIR / "staff-password"
        if users.objects.filter(is_superuser=True).exists():
            self.stdout.write(f"Staff can sign in already; the first password was written to {kept.name} in var/.")
            return
        password = secrets.token_urlsafe(15)
        users.objects.create_superuser("staff", password=password)
        with open(kept, "w", opener=lambda path, flags: os.open(path, flags, 0o600)) as file:
            file.write(password + "\n")
        self.stdout.write(f"Staff sign in as: staff   password: {password}")
