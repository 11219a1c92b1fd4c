"""Limits that hold before a view is reached."""

from collections.abc import Callable

from django.conf import settings
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render


class BodyLimit:
    """Refuse a body over DATA_UPLOAD_MAX_MEMORY_SIZE by its declared length, before anything reads it."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        declared = request.META.get("CONTENT_LENGTH") or "0"
        if (
            not declared.isdecimal()
            or int(declared) <= settings.DATA_UPLOAD_MAX_MEMORY_SIZE
            or request.path.startswith("/admin/")
        ):
            return self.get_response(request)
        limit = settings.DATA_UPLOAD_MAX_MEMORY_SIZE
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
