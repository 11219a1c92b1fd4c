"""The partners' part: reservations of their own customers."""

from __future__ import annotations

import hashlib
import uuid
from datetime import datetime
from typing import Any, Protocol, TypeVar

from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.utils.dateparse import parse_datetime
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.exceptions import NotFound, UnsupportedMediaType
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from reservations.actions import accepting, amending, asks, cancelling, reserving, wishes
from reservations.actions.relocating import Change
from reservations.models import Allotment, ApiKey, Reservation
from reservations.rules import lifecycle
from storefront import clock
from storefront.api import serializers, shapes
from storefront.api.access import WRITE, BearerKey, HasScope, api_key, need_scope, open_with
from storefront.api.bodies import AmendmentIn, Body, ConsentsIn, ReservationIn, versions
from storefront.api.problems import Problem, describe, write
from storefront.api.public import paged

MOST_KEY_LETTERS = 255
Sent = TypeVar("Sent", bound=Body)
REPLAYED = {"Idempotent-Replayed": "true"}


class Headers(Protocol):
    """Of a request, under any spelling of their names."""

    def get(self, name: str, /) -> str | None: ...


class Partners(APIView):
    """Needs a key."""

    authentication_classes = [BearerKey]
    permission_classes = [HasScope]


def own(request: Request) -> Any:
    """The reservations of this partner in the key's world."""
    rows = Reservation.objects.select_related("variant", "settled_variant", "market", "allotment", "launch")
    return rows.filter(partner=api_key(request).partner, is_sandbox=api_key(request).is_sandbox)


def find_own(request: Request, pk: uuid.UUID) -> Reservation:
    row: Reservation | None = own(request).filter(pk=pk).first()
    if row is None:
        raise NotFound
    return row


class Reservations(Partners):
    @extend_schema(
        operation_id="list_reservations",
        parameters=[
            OpenApiParameter("status", str, enum=list(lifecycle.STATUSES)),
            OpenApiParameter("market", str),
            OpenApiParameter("created_after", str, description="RFC 3339"),
            OpenApiParameter("partner_reference", str),
        ],
        responses={
            200: serializers.ReservationOut(many=True),
            401: serializers.ProblemOut,
            403: serializers.ProblemOut,
        },
    )
    def get(self, request: Request) -> Response:
        """The partner's own reservations, newest first."""
        rows, query, at = own(request), request.query_params, clock.now()
        names = {"status": "status", "market": "market_id", "partner_reference": "partner_reference"}
        rows = rows.filter(**{field: query[name] for name, field in names.items() if name in query})
        if "created_after" in query:
            after = parse_datetime(query["created_after"].replace(" ", "+"))
            if after is None or after.tzinfo is None:
                remedy = "Send an RFC 3339 instant with its offset."
                raise Problem(
                    422, "invalid", remedy, errors=[{"field": "created_after", "code": "invalid", "detail": remedy}]
                )
            rows = rows.filter(created_at__gt=after)
        return Response(paged(request, rows, ("-created_at", "-id"), lambda found: shapes.reservations(found, at)))

    @extend_schema(
        operation_id="create_reservation",
        request=ReservationIn,
        parameters=[OpenApiParameter("Idempotency-Key", str, OpenApiParameter.HEADER, required=True)],
        responses={201: serializers.ReservationOut}
        | dict.fromkeys((400, 401, 403, 409, 413, 415, 422, 429, 451, 503), serializers.ProblemOut),
    )
    def post(self, request: HttpRequest) -> HttpResponse:
        """Reserve. The same Idempotency-Key and body answer what they answered first."""
        given = read_wish(request.headers, request.content_type or "", request.body)
        (status, answer), is_replayed = reserving.reserve_once(wish=given[0], at=clock.now(), request=given[1])
        return write(status, answer, REPLAYED if is_replayed else None)

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        """Reserving goes without the framework's wrapping: on launch day that would cost as much as all the rest."""
        if request.method != "POST":
            return super().dispatch(request, *args, **kwargs)
        try:
            return self.post(request)
        except Exception as error:
            body, headers = describe(error)
            if body is None:
                raise
            return write(body["status"], body, headers)


def read_json(kind: type[Sent], content_type: str, body: bytes) -> Sent:
    """A body of that kind; parameters of the media type, such as a charset, change nothing (RFC 8259)."""
    if content_type.partition(";")[0].strip().lower() != "application/json":
        raise UnsupportedMediaType(content_type)
    return kind.model_validate_json(body)


def read_wish(headers: Headers, content_type: str, body: bytes) -> tuple[wishes.Wish, asks.Request]:
    """What a partner asks for, in a request that may come again. Raises what `describe` describes."""
    key = open_with(headers.get("authorization") or "")
    need_scope(key, WRITE)
    given = read_json(ReservationIn, content_type, body)
    return _wish(key, given), _repeatable(headers.get("idempotency-key") or "", key, given)


def _wish(key: ApiKey, body: ReservationIn) -> wishes.Wish:
    return wishes.Wish(
        sku=body.lines[0].sku,
        quantity=body.lines[0].quantity,
        market=body.market.upper(),
        subdivision=body.subdivision or None,
        postcode=body.postcode,
        language=body.language,
        email=body.email,
        name=body.name,
        phone=body.phone,
        consents=versions(body.consents),
        partner_id=key.partner_id,
        partner_slug=key.partner.slug,
        partner_reference=body.partner_reference,
        is_sandbox=key.is_sandbox,
    )


def _repeatable(name: str, key: ApiKey, body: ReservationIn) -> asks.Request:
    """The same key with the same body, however its members are ordered, is the same request."""
    if not name or len(name) > MOST_KEY_LETTERS or not name.isprintable():
        raise Problem(400, "idempotency_key_required", "Send Idempotency-Key, at most 255 printable characters.")
    return asks.Request(
        partner_id=key.partner_id,
        key=name,
        is_sandbox=key.is_sandbox,
        body_digest=hashlib.sha256(body.model_dump_json().encode()).hexdigest(),
        write=write_outcome,
    )


def write_outcome(outcome: asks.Granted | wishes.Refusal) -> tuple[int, dict[str, Any]]:
    """The answer, a refusal included: both are kept for repeats."""
    if isinstance(outcome, asks.Granted):
        return 201, shapes.granted(outcome)
    problem, _headers = describe(outcome)
    assert problem is not None
    return problem["status"], problem


def _shape(row: Reservation, at: datetime) -> dict[str, Any]:
    return shapes.reservations([row], at)[0]


class OneReservation(Partners):
    @extend_schema(responses={200: serializers.ReservationOut, 404: serializers.ProblemOut})
    def get(self, request: Request, pk: uuid.UUID) -> Response:
        return Response(_shape(find_own(request, pk), clock.now()))

    @extend_schema(
        operation_id="amend_reservation",
        request=AmendmentIn,
        responses={200: serializers.ReservationOut}
        | dict.fromkeys((400, 404, 409, 415, 422, 451), serializers.ProblemOut),
    )
    def patch(self, request: Request, pk: uuid.UUID) -> Response:
        """Amend variant, quantity, market, name, telephone, address or e-mail: all of it or nothing. The rank is kept.

        A new e-mail address counts once its owner follows the link that is mailed to it.
        """
        at, row = clock.now(), find_own(request, pk)
        body = read_json(AmendmentIn, request.content_type or "", request.body)
        row = amending.amend(
            reservation=row,
            amendment=_amendment(body),
            at=at,
            actor=f"partner:{api_key(request).partner.slug}",
        )
        return Response(_shape(find_own(request, row.pk), at))


def _amendment(body: AmendmentIn) -> amending.Amendment:
    moves = body.lines is not None or body.market is not None or body.subdivision is not None
    line = body.lines[0] if body.lines else None
    change = Change(
        sku=line.sku if line else None,
        quantity=line.quantity if line else None,
        market=body.market.upper() if body.market else None,
        subdivision=body.subdivision,
        postcode=body.postcode,
    )
    return amending.Amendment(
        change=change if moves else None,
        name=body.name,
        phone=body.phone,
        address=body.shipping_address.model_dump(exclude_defaults=True) if body.shipping_address else None,
        email=body.email,
        given=versions(body.consents),
    )


class CancelReservation(Partners):
    @extend_schema(
        operation_id="cancel_reservation",
        request=None,
        responses={200: serializers.ReservationOut, 404: serializers.ProblemOut},
    )
    def post(self, request: Request, pk: uuid.UUID) -> Response:
        """Cancel. Cancelling again answers the same."""
        at = clock.now()
        row = cancelling.cancel(
            reservation=find_own(request, pk), at=at, actor=f"partner:{api_key(request).partner.slug}"
        )
        return Response(_shape(row, at))


class Consents(Partners):
    @extend_schema(
        operation_id="give_consents",
        request=ConsentsIn,
        responses={200: serializers.ReservationOut} | dict.fromkeys((400, 404, 415, 422), serializers.ProblemOut),
    )
    def post(self, request: Request, pk: uuid.UUID) -> Response:
        """Each consent of `consents_due`, given by the customer. Sending it again answers the same."""
        at, row = clock.now(), find_own(request, pk)
        body = read_json(ConsentsIn, request.content_type or "", request.body)
        accepting.accept(
            reservation=row,
            given=versions(body.consents),
            language=row.language,
            at=at,
            actor=f"partner:{api_key(request).partner.slug}",
        )
        return Response(_shape(row, at))


class Allotments(Partners):
    @extend_schema(operation_id="list_allotments", responses=serializers.AllotmentOut(many=True))
    def get(self, request: Request) -> Response:
        """The partner's own capacity and what is left of it."""
        rows = Allotment.objects.filter(partner=api_key(request).partner, is_sandbox=api_key(request).is_sandbox)
        rows = rows.select_related("variant").prefetch_related("markets")
        return Response(paged(request, rows, "id", _allotments))


def _allotments(rows: list[Allotment]) -> list[dict[str, Any]]:
    return [
        {
            "sku": row.variant.sku,
            "markets": sorted(market.code for market in row.markets.all()),
            "capacity": row.capacity,
            "held": row.held,
            "left": row.left,
        }
        for row in rows
    ]
