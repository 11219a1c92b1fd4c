"""Two views: one answers JSON, one parses a JSON body first."""

from __future__ import annotations

import json

from django.http import HttpRequest, JsonResponse
from django.urls import path


def read(request: HttpRequest) -> JsonResponse:
    return JsonResponse({"slug": "bare", "name": "Bare", "variants": []})


def parse(request: HttpRequest) -> JsonResponse:
    body = json.loads(request.body)
    return JsonResponse({"email": body["email"], "lines": body["lines"]}, status=201)


urlpatterns = [path("read/", read), path("parse/", parse)]
