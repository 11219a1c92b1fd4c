"""RFC 9457 problem details: every error of the API has a stable code and says what would help."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from functools import lru_cache
from typing import Any

import orjson
from django.core.exceptions import RequestDataTooBig
from django.db import InterfaceError, OperationalError
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from pydantic import ValidationError as Invalid
from rest_framework import exceptions
from rest_framework.response import Response

from reservations.actions import wishes
from reservations.rules import gate
from storefront.api import bodies
from storefront.refusals import CODES
from storefront.web.middleware import RETRY_SECONDS

MEDIA_TYPE = "application/problem+json"
MALFORMED = "The body is not valid JSON in UTF-8."


class Problem(exceptions.APIException):
    """A problem that a view raises by name."""

    def __init__(
        self, status: int, code: str, detail: str, headers: dict[str, str] | None = None, **members: Any
    ) -> None:
        super().__init__(detail, code)
        self.status_code, self.code, self.members, self.headers = status, code, members, headers or {}


# Exception → status, code, the sentence that names the remedy.
_OTHERS: dict[type[Exception], tuple[int, str, str]] = {
    exceptions.NotAuthenticated: (401, "not_authenticated", "Send Authorization: Bearer and an API key."),
    exceptions.AuthenticationFailed: (401, "not_authenticated", "The API key is unknown or revoked."),
    exceptions.ParseError: (400, "malformed", MALFORMED),
    exceptions.UnsupportedMediaType: (415, "unsupported_media_type", "Send Content-Type: application/json."),
    exceptions.NotAcceptable: (406, "not_acceptable", "This API answers application/json."),
    exceptions.MethodNotAllowed: (405, "method_not_allowed", "This URL does not take this method."),
    exceptions.NotFound: (404, "not_found", "There is nothing here, or it is not yours."),
    Http404: (404, "not_found", "There is nothing here, or it is not yours."),
    RequestDataTooBig: (413, "too_large", "Send a smaller body."),
    **dict.fromkeys(
        (OperationalError, InterfaceError),
        (503, "try_again", "The books are busy. Send the same request again; nothing is doubled."),
    ),
    wishes.KeyReused: (
        422,
        "idempotency_key_reused",
        "This Idempotency-Key came before with another body. Use a new key.",
    ),
}

_DETAILS = {
    "unknown_sku": "There is no such SKU. GET /api/v1/products/ lists them.",
    "unknown_market": "There is no such market. GET /api/v1/markets/ lists them.",
    "subdivision_required": "The rules differ within this country. Send subdivision, an ISO 3166-2 code of the market.",
    "invalid": "The address is not right. See errors.",
    "not_available_in_market": "The law does not allow a reservation there now. See reasons.",
    "not_open_yet": "Reservations are not open yet. See opens_at.",
    "launch_paused": "Reservations are stopped for the moment.",
    "launch_closed": "Reservations are closed.",
    "consent_required": "Ask the customer for each consent in notices and send its id and version.",
    "limit_reached": "This customer may not hold more units of this product.",
    "sold_out": "All units are taken and there is no waiting list.",
    "allotment_exhausted": "Your allotment is used up.",
    "more_units": "A change cannot take more units. Reserve another place.",
    "other_product": "A change keeps the product and the launch. Reserve another place.",
    "nothing_changes": "It is so already.",
    "unknown_size": "There is no such size. GET /api/v1/products/ lists the variants.",
    "cannot_change": "In its present status this reservation cannot be changed so.",
}


def answer(error: Exception, context: dict[str, Any]) -> Response | None:
    """DRF's exception handler. None lets what nobody foresaw through to Django."""
    body, headers = describe(error)
    if body is None:
        return None
    response = Response(body, status=int(body["status"]), headers=headers)
    response.content_type = MEDIA_TYPE
    return response


def describe(error: Exception) -> tuple[dict[str, Any] | None, dict[str, str]]:
    """The problem and the headers for a foreseen error."""
    if isinstance(error, Problem):
        return make(error.status_code, error.code, str(error.detail), **error.members), error.headers
    if type(error) in CODES:
        status, code = CODES[type(error)]
        return make(status, code, _DETAILS[code], **_facts(error)), {}
    if isinstance(error, Invalid):
        return _bad_body(error), {}
    if isinstance(error, exceptions.ValidationError):
        errors = list(_flatten(error.get_full_details()))
        return make(422, "invalid", "Some fields are not right. See errors.", errors=errors), {}
    for kind, (status, code, detail) in _OTHERS.items():
        if isinstance(error, kind):
            headers = {"WWW-Authenticate": "Bearer"} if status == 401 else {}
            return make(status, code, detail), headers | ({"Retry-After": str(RETRY_SECONDS)} if status == 503 else {})
    return None, {}


def _bad_body(error: Invalid) -> dict[str, Any]:
    if not bodies.is_json(error):
        return make(400, "malformed", MALFORMED)
    return make(422, "invalid", "Some fields are not right. See errors.", errors=list(bodies.field_errors(error)))


def write(
    status: int, body: dict[str, Any] | orjson.Fragment, headers: Mapping[str, str] | None = None
) -> HttpResponse:
    """An answer as JSON; a problem by its media type."""
    return HttpResponse(orjson.dumps(body), status=status, content_type=media_type(status), headers=headers)


def media_type(status: int) -> str:
    return "application/json" if status < 400 else MEDIA_TYPE


def make(status: int, code: str, detail: str, **members: Any) -> dict[str, Any]:
    title = code.replace("_", " ").capitalize()
    return {"type": f"/api/docs/#{code}", "title": title, "status": status, "detail": detail, "code": code, **members}


def _facts(error: Exception) -> dict[str, Any]:
    """What a refusal knows, as members of the problem."""
    match error:
        case wishes.NotOpenYet(opens_at=at):
            return {"opens_at": stamp(at), "retry_at": stamp(at)}
        case wishes.NotAvailableInMarket(decision=decision, next_change_at=at):
            return {"reasons": [reason(row) for row in decision.reasons], "retry_at": stamp(at)}
        case wishes.ConsentRequired(missing=missing, unknown=unknown):
            return {"notices": [notice(row) for row in missing], "unknown": list(unknown)}
        case wishes.LimitReached(limit=limit):
            return {"limit": limit}
        case wishes.LaunchClosed(closed_at=at):
            return {"closed_at": stamp(at)}
        case wishes.UnknownSubdivision():
            return _wrong("subdivision", "unknown", "Use a code that the market lists under subdivisions.")
        case wishes.UnknownPostcode(market=market, example=example):
            return _wrong("postcode", "unknown", f"Send a postcode of {market}, such as {example}.")
        case wishes.PostcodeElsewhere(subdivision=subdivision, told=told):
            where = f"is in {told}" if told else f"is not in {subdivision}"
            return _wrong("postcode", "elsewhere", f"It {where}. Send market, subdivision and postcode of one address.")
    return {}


def _wrong(field: str, code: str, remedy: str) -> dict[str, Any]:
    return {"errors": [{"field": field, "code": code, "detail": remedy}]}


def reason(row: gate.Reason) -> dict[str, Any]:
    """One reason of a decision."""
    return {
        "requirement": row.requirement,
        "title": row.title,
        "stage": row.stage,
        "effect": row.effect,
        "code": row.code,
        "evidence": row.evidence,
        "until": row.until.isoformat() if row.until else None,
    }


def notice(row: gate.Notice) -> dict[str, Any]:
    return {"id": row.id, "version": row.version, "text": row.text, "consent": row.consent}


@lru_cache(maxsize=1024)  # an answer names one instant several times
def stamp(at: datetime | None) -> str | None:
    """RFC 3339 in UTC."""
    return at.isoformat().replace("+00:00", "Z") if at else None


def _flatten(details: Any, field: str = "") -> Any:
    if isinstance(details, Mapping) and "message" in details:
        yield {"field": field or "body", "code": str(details["code"]), "detail": str(details["message"])}
    elif isinstance(details, Mapping):
        for name, inner in details.items():
            inner_field = field if name == "non_field_errors" else f"{field}.{name}" if field else str(name)
            yield from _flatten(inner, inner_field)
    elif isinstance(details, list):
        for number, inner in enumerate(details):
            is_leaf = isinstance(inner, Mapping) and "message" in inner
            yield from _flatten(inner, field if is_leaf else f"{field}.{number}")


def unknown_url(request: HttpRequest, rest: str = "") -> JsonResponse:
    """Any other URL under /api/."""
    body = make(404, "not_found", "There is no such URL. See /api/docs/.")
    return JsonResponse(body, status=404, content_type=MEDIA_TYPE)
