"""Who calls, what they may do, and how often."""

from __future__ import annotations

import logging
import threading
from typing import Any

from django.conf import settings
from django.core.cache import cache
from redis.exceptions import RedisError
from rest_framework.authentication import BaseAuthentication
from rest_framework.exceptions import AuthenticationFailed, NotAuthenticated
from rest_framework.permissions import BasePermission
from rest_framework.request import Request

from reservations.actions.keys import digest, find_api_key
from reservations.models import ApiKey, Partner
from storefront import clock
from storefront.api.problems import Problem
from storefront.at_hand import Renewal, leave_the_loop

log = logging.getLogger(__name__)
WINDOW_SECONDS = 60
READ, WRITE = "reservations:read", "reservations:write"


class BearerKey(BaseAuthentication):
    """`Authorization: Bearer rsv_…`; the request's user is the partner and its auth the key."""

    def authenticate(self, request: Request) -> tuple[Partner, ApiKey]:
        key = open_with(request.headers.get("Authorization", ""))
        return key.partner, key

    def authenticate_header(self, request: Request) -> str:
        return "Bearer"


def open_with(authorization: str) -> ApiKey:
    """The key of an Authorization header, and the request counted. Raises what DRF raises."""
    words = authorization.split()
    if len(words) != 2 or words[0].lower() != "bearer":
        raise NotAuthenticated
    key = _known_keys.find(words[1])
    if key is None:
        raise AuthenticationFailed
    _allowance.take(key)
    return key


class _KnownKeys:
    """Keys that opened something within the last second: a revoked one stops within that time."""

    SECONDS, MOST = 1.0, 1000

    def __init__(self) -> None:
        self._known: dict[str, tuple[Renewal, ApiKey]] = {}

    def find(self, secret: str) -> ApiKey | None:
        now, name = clock.now().timestamp(), digest(secret)
        known = self._known.get(name)
        if known is not None and not known[0].is_due(now):
            return known[1]
        leave_the_loop()
        key = find_api_key(secret=secret)
        if key is None:
            self._known.pop(name, None)
            return None
        if len(self._known) >= self.MOST:
            self._known.clear()
        renewal = Renewal(self.SECONDS)
        renewal.renew(now)
        self._known[name] = renewal, key
        return key


class _Allowance:
    """Requests a minute of a key, counted by one atomic counter for all processes, taken from it by the handful."""

    HANDFULS = 60  # of a minute's requests

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._taken: dict[str, tuple[int, int]] = {}  # key → window, requests that were counted and not made yet

    def take(self, key: ApiKey) -> None:
        """Raises the problem that says how long to wait. A cache that is down stops nobody from reserving."""
        limit, now = settings.API_REQUESTS_PER_MINUTE, int(clock.now().timestamp())
        window = now // WINDOW_SECONDS
        if self._add(key.prefix, window, -1):
            return
        leave_the_loop()
        handful = self._count(f"api:{key.prefix}:{window}", limit)  # without the lock: it asks over the network
        if not handful:
            raise _too_many(limit, WINDOW_SECONDS - now % WINDOW_SECONDS)
        self._add(key.prefix, window, handful - 1)

    def _add(self, name: str, window: int, number: int) -> bool:
        """Add to what is left in the hand of this process; False, and nothing changes, where it is too little."""
        with self._lock:
            begun, left = self._taken.get(name, (window, 0))
            left = number + (left if begun == window else 0)
            if left >= 0:
                self._taken[name] = (window, left)
            return left >= 0

    def _count(self, name: str, limit: int) -> int:
        """Count a handful of requests beforehand; how many of them are within the limit."""
        handful = max(1, limit // self.HANDFULS)
        try:
            cache.add(name, 0, timeout=2 * WINDOW_SECONDS)
            used = cache.incr(name, handful)
        except (RedisError, ValueError) as error:
            log.warning("requests are not counted: %s", error)
            return handful
        return max(0, handful - max(0, used - limit))


def _too_many(limit: int, wait: int) -> Problem:
    headers = {
        "Retry-After": str(wait),
        "RateLimit-Limit": str(limit),
        "RateLimit-Remaining": "0",
        "RateLimit-Reset": str(wait),
    }
    return Problem(429, "rate_limited", f"At most {limit} requests a minute. Wait {wait} seconds.", headers)


_known_keys, _allowance = _KnownKeys(), _Allowance()


def api_key(request: Request) -> ApiKey:
    """The key that a partner's request came with."""
    key: Any = request.auth
    assert isinstance(key, ApiKey)
    return key


class HasScope(BasePermission):
    """The key has the scope that the method needs."""

    def has_permission(self, request: Request, view: Any) -> bool:
        need_scope(api_key(request), READ if request.method in ("GET", "HEAD", "OPTIONS") else WRITE)
        return True


def need_scope(key: ApiKey, scope: str) -> None:
    if scope not in key.scopes:
        raise Problem(403, "scope_missing", f"This key lacks the scope {scope}.", scope=scope)
