"""Who calls, what they may do, and how often."""

from __future__ import annotations

import logging
from typing import Any

from django.conf import settings
from django.core.cache import cache
from redis.exceptions import RedisError
from rest_framework.authentication import BaseAuthentication, get_authorization_header
from rest_framework.exceptions import AuthenticationFailed, NotAuthenticated
from rest_framework.permissions import BasePermission
from rest_framework.request import Request

from reservations.actions.keys import find_api_key
from reservations.models import ApiKey, Partner
from storefront import clock
from storefront.api.problems import Problem

log = logging.getLogger(__name__)
WINDOW_SECONDS = 60


class BearerKey(BaseAuthentication):
    """`Authorization: Bearer rsv_…`; the request's user is the partner and its auth the key."""

    def authenticate(self, request: Request) -> tuple[Partner, ApiKey]:
        words = get_authorization_header(request).split()
        if len(words) != 2 or words[0].lower() != b"bearer":
            raise NotAuthenticated
        key = find_api_key(secret=words[1].decode("ascii", "replace"))
        if key is None:
            raise AuthenticationFailed
        count_request(key)
        return key.partner, key

    def authenticate_header(self, request: Request) -> str:
        return "Bearer"


def api_key(request: Request) -> ApiKey:
    """The key that a partner's request came with."""
    key: Any = request.auth
    assert isinstance(key, ApiKey)
    return key


class HasScope(BasePermission):
    """The key has the scope that the view names for the method."""

    def has_permission(self, request: Request, view: Any) -> bool:
        scope = "reservations:read" if request.method in ("GET", "HEAD", "OPTIONS") else "reservations:write"
        if scope not in api_key(request).scopes:
            raise Problem(403, "scope_missing", f"This key lacks the scope {scope}.", scope=scope)
        return True


def count_request(key: ApiKey) -> None:
    """Count a key's requests a minute, atomically. A cache that is down stops nobody from reserving."""
    limit, now = settings.API_REQUESTS_PER_MINUTE, int(clock.now().timestamp())
    name = f"api:{key.prefix}:{now // WINDOW_SECONDS}"
    try:
        cache.add(name, 0, timeout=2 * WINDOW_SECONDS)
        used = cache.incr(name)
    except (RedisError, ValueError) as error:
        log.warning("requests are not counted: %s", error)
        return
    if used > limit:
        wait = WINDOW_SECONDS - now % WINDOW_SECONDS
        headers = {
            "Retry-After": str(wait),
            "RateLimit-Limit": str(limit),
            "RateLimit-Remaining": "0",
            "RateLimit-Reset": str(wait),
        }
        raise Problem(429, "rate_limited", f"At most {limit} requests a minute. Wait {wait} seconds.", headers)
