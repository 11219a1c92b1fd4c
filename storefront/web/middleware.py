"""What holds around every view: a limit before it is reached, and an answer where the database is away."""

import logging
from collections.abc import Callable

from django.conf import settings
from django.db import InterfaceError, OperationalError
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render
from django.utils import translation

RETRY_SECONDS = 2
MOST_UPLOADED = 64_000_000  # documents that staff send; the form that takes one says how large it may be
MOST_TOLD = 1_000_000  # an event of Stripe's
log = logging.getLogger(__name__)


def most_bytes(path: str) -> int:
    """How long the body of a request may be."""
    if path.startswith("/stripe/"):
        return MOST_TOLD
    return MOST_UPLOADED if path.startswith("/admin/") else int(settings.DATA_UPLOAD_MAX_MEMORY_SIZE)


class BodyLimit:
    """Refuse a body that is too long by its declared length, before anything reads it."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        declared = request.META.get("CONTENT_LENGTH") or "0"
        limit = most_bytes(request.path)
        if not declared.isdecimal() or int(declared) <= limit:
            return self.get_response(request)
        if request.path.startswith("/api/"):
            problem = {
                "type": "about:blank",
                "title": "Content too large",
                "status": 413,
                "detail": f"Send at most {limit} bytes.",
                "code": "too_large",
            }
            return JsonResponse(problem, status=413, content_type="application/problem+json")
        return render(request, "problem.html", {"code": "too_large", "limit": limit}, status=413)


class DatabaseAway:
    """A page that says to try again, instead of an error, while the database is away or too busy."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        return self.get_response(request)

    def process_exception(self, request: HttpRequest, error: Exception) -> HttpResponse | None:
        """What a customer has sent can be sent again as it is: a form counts once, however often it comes."""
        if not isinstance(error, (OperationalError, InterfaceError)):
            return None
        log.warning("%s %s: %s", request.method, request.path, error)
        found = request.resolver_match.kwargs if request.resolver_match else {}
        sent = list(request.POST.items()) if "language" in found and request.method == "POST" else []
        with translation.override(found.get("language") or translation.get_language()):
            response = render(request, "try_again.html", {"sent": sent}, status=503)
        response["Retry-After"] = str(RETRY_SECONDS)
        return response
