"""API keys of partners."""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Iterable
from datetime import datetime

from django.db import transaction

from reservations.actions.recording import record
from reservations.models import ApiKey, Partner

SCOPES = ("reservations:read", "reservations:write")


@transaction.atomic
def create_api_key(
    *, partner: Partner, scopes: Iterable[str], is_sandbox: bool, at: datetime, actor: str
) -> tuple[ApiKey, str]:
    """A new key and its secret, which is shown once and never stored."""
    world = "test" if is_sandbox else "live"
    prefix = f"rsv_{world}_{secrets.token_hex(4)}"
    secret = f"{prefix}_{secrets.token_urlsafe(32)}"
    key = ApiKey.objects.create(
        partner=partner,
        prefix=prefix,
        digest=digest(secret),
        scopes=sorted(scopes),
        is_sandbox=is_sandbox,
        created_at=at,
    )
    record(at=at, actor=actor, action="api_key.created", subject=f"api_key:{prefix}", facts={"scopes": key.scopes})
    return key, secret


def find_api_key(*, secret: str) -> ApiKey | None:
    """The live key that this secret opens."""
    return ApiKey.objects.select_related("partner").filter(digest=digest(secret), revoked_at=None).first()


def digest(secret: str) -> str:
    return hashlib.sha256(secret.encode()).hexdigest()
