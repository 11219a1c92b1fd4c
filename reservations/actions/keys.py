"""API keys of partners, and the first answer to an idempotency key."""

from __future__ import annotations

import hashlib
import secrets
import uuid
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db import IntegrityError, transaction

from reservations.actions.recording import record
from reservations.models import ApiKey, IdempotencyKey, Partner

SCOPES = ("reservations:read", "reservations:write")
IN_FLIGHT = timedelta(seconds=60)


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


class KeyReused(Exception):
    """The idempotency key came before with another body."""


class RequestInProgress(Exception):
    """The first request with this key has not answered yet."""


@dataclass(frozen=True)
class FirstAnswer:
    """What the first request with this key was answered."""

    status: int
    body: dict[str, object]


def claim_key(*, api_key: ApiKey, key: str, body_digest: str, at: datetime) -> IdempotencyKey | FirstAnswer:
    """Claim a key for this request, or find the first answer. Raises KeyReused or RequestInProgress.

    A claim whose request died is taken over after a minute; its `attempt` finds what it may have stored.
    """
    try:
        with transaction.atomic():
            return IdempotencyKey.objects.create(
                partner=api_key.partner,
                key=key,
                is_sandbox=api_key.is_sandbox,
                body_digest=body_digest,
                attempt=uuid.uuid4(),
                claimed_at=at,
            )
    except IntegrityError:
        kept = IdempotencyKey.objects.get(partner=api_key.partner, key=key, is_sandbox=api_key.is_sandbox)
    if kept.body_digest != body_digest:
        raise KeyReused
    if kept.status is not None:
        return FirstAnswer(kept.status, kept.answer or {})
    over = IdempotencyKey.objects.filter(pk=kept.pk, status=None, claimed_at=kept.claimed_at)
    if at - kept.claimed_at < IN_FLIGHT or not over.update(claimed_at=at):
        raise RequestInProgress
    return kept


def keep_answer(*, claimed: IdempotencyKey, status: int, body: dict[str, object]) -> None:
    """Keep the answer for repeats of the request."""
    IdempotencyKey.objects.filter(pk=claimed.pk).update(status=status, answer=body)


def release_key(*, claimed: IdempotencyKey) -> None:
    """Forget a claim whose request failed on our side: the next try starts afresh, with the same attempt."""
    IdempotencyKey.objects.filter(pk=claimed.pk, status=None).update(claimed_at=claimed.claimed_at - IN_FLIGHT)
