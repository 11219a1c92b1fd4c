"""The open part: the same answer for everybody, cacheable, with ETag."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any

from django.db.models import Prefetch
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.utils.dateparse import parse_datetime
from django.utils.decorators import method_decorator
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.exceptions import NotFound
from rest_framework.pagination import CursorPagination
from rest_framework.request import Request
from rest_framework.views import APIView

from reservations.models import Launch, Market, Product
from reservations.queries.availability import Availability, availabilities, present_in
from reservations.queries.draws import draw_of, proof
from reservations.queries.facts import WITH_VARIANTS, World, current_world
from reservations.queries.passports import passport_of
from reservations.rules import destinations, gate
from storefront import clock
from storefront.api import serializers, shapes
from storefront.api.problems import Problem, describe, write
from storefront.shelf import KEEP, LONG, SHORT, kept
from storefront.waiting_room import drawing


class Pages(CursorPagination):
    """`page_size` 1 to 200."""

    page_size, max_page_size, page_size_query_param = 50, 200, "page_size"


@method_decorator(kept, name="dispatch")
class Public(APIView):
    """Open, cookie-less, conditional. There is one representation and no permission: nothing is negotiated."""

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        if request.method not in ("GET", "HEAD"):
            return super().dispatch(request, *args, **kwargs)
        try:
            answer: HttpResponse = self.get(Request(request), *args, **kwargs)  # type: ignore[attr-defined]
        except Exception as error:
            body, headers = describe(error)
            if body is None:
                raise
            return write(body["status"], body, headers)
        return answer


def answer(body: Any, *, keep: str = LONG) -> HttpResponse:
    """`keep`: for how long the shelf may have it."""
    return write(200, body, {KEEP: keep})


def told_now(body: Any) -> HttpResponse:
    """It tells the time, or shows what is not watched, or what begins on a day of which no decision tells."""
    return answer(body, keep=SHORT)


def paged(
    request: Request,
    rows: Any,
    ordering: str | tuple[str, ...],
    shape: Callable[[list[Any]], list[dict[str, Any]]],
    page_size: int = 50,
) -> Any:
    """A page of rows in the shape that `shape` gives them, all at once, and the ways to the next and the previous."""
    pages = Pages()
    pages.ordering, pages.page_size = ordering, page_size
    found: Any = pages.paginate_queryset(rows, request)
    return pages.get_paginated_response(shape(list(found or []))).data


def read_market(request: Request, world: World) -> str | None:
    """The code of the market of the query, or none. Raises unknown_market."""
    code = request.query_params.get("market")
    if code is not None and code.upper() not in world.markets:
        raise Problem(422, "unknown_market", "There is no such market. GET /api/v1/markets/ lists them.")
    return code and code.upper()


def read_instant(request: Request) -> datetime | None:
    """`at`, an RFC 3339 instant."""
    text = request.query_params.get("at")
    if text is None:
        return None
    try:
        found: datetime | None = parse_datetime(text.replace(" ", "+"))
    except ValueError:
        found = None
    if found is None or found.tzinfo is None:
        remedy = "Send an RFC 3339 instant with its offset, such as 2027-02-18T00:00:00Z."
        raise Problem(422, "invalid", remedy, errors=[{"field": "at", "code": "invalid", "detail": remedy}])
    return found


class Markets(Public):
    @extend_schema(operation_id="list_markets", responses=serializers.MarketOut(many=True))
    def get(self, request: Request) -> HttpResponse:
        """All markets; 200 a page unless page_size says otherwise."""
        shape = lambda found: [shapes.market(row) for row in found]  # noqa: E731
        return answer(paged(request, Market.objects.all(), "code", shape, page_size=200))


class OneMarket(Public):
    @extend_schema(responses=serializers.MarketOut)
    def get(self, request: Request, code: str) -> HttpResponse:
        row = Market.objects.filter(code=code.upper()).first()
        if row is None:
            raise NotFound
        return answer(shapes.market(row))


_MARKET = OpenApiParameter("market", str, description="ISO 3166-1 alpha-2")


class Products(Public):
    @extend_schema(
        operation_id="list_products",
        parameters=[_MARKET, OpenApiParameter("kind", str, enum=["glasses", "ring", "earphones"])],
        responses=serializers.ProductOut(many=True),
    )
    def get(self, request: Request) -> HttpResponse:
        """Products; with `market`, each variant's price and availability there."""
        world, offers = _offers(request)
        kind = request.query_params.get("kind")
        found = [row for row in world.products if kind in (None, row.kind)]
        shape = lambda page: [shapes.product(row, world, offers) for row in page]  # noqa: E731
        if len(found) <= Pages.page_size and not {"cursor", "page_size"} & request.query_params.keys():
            return answer({"next": None, "previous": None, "results": shape(found)})
        rows = Product.objects.prefetch_related(WITH_VARIANTS).filter(pk__in=[row.pk for row in found])
        return answer(paged(request, rows, "position", shape))


class OneProduct(Public):
    @extend_schema(parameters=[_MARKET], responses=serializers.ProductOut)
    def get(self, request: Request, slug: str) -> HttpResponse:
        world, offers = _offers(request)
        row = next((each for each in world.products if each.slug == slug), None)
        if row is None:
            raise NotFound
        return answer(shapes.product(row, world, offers))


def _offers(request: Request) -> tuple[World, dict[str, Availability] | None]:
    """The world; and SKU → availability in the market of the query. Raises unknown_market."""
    code = request.query_params.get("market")
    if code is None:
        return current_world(), None
    world, lines = present_in(code.upper())
    market = read_market(request, world)
    assert market is not None
    rows = availabilities(skus=world.subjects, at=clock.now(), destinations=[(market, None)], world=world, lines=lines)
    return world, {row.sku: row for row in rows}


class ProductAvailability(Public):
    @extend_schema(
        operation_id="product_availability",
        parameters=[
            OpenApiParameter("at", datetime, description="RFC 3339; another instant than now"),
            OpenApiParameter("market", str, description="one destination; also one that we do not serve"),
            OpenApiParameter("subdivision", str, description="ISO 3166-2, with market"),
            OpenApiParameter("sku", str, description="one variant; the first by default"),
        ],
        responses=serializers.AvailabilityOut(many=True),
    )
    def get(self, request: Request, slug: str) -> HttpResponse:
        """One row a market: status, stages, reasons, notices, next change."""
        world = current_world()
        skus = world.skus_of(slug)
        if not skus:
            raise NotFound
        sku = request.query_params.get("sku", skus[0])
        if sku not in skus:
            raise Problem(422, "unknown_sku", "This product has no such SKU.")
        given = read_instant(request)
        places, at = _destinations(request, world), given or clock.now()
        others = [] if "sku" in request.query_params else [each for each in skus if each != sku]
        rows = availabilities(skus=[sku, *others], at=at, destinations=places, is_replay=given is not None, world=world)
        count = len(rows) // (1 + len(others))
        shown = [_with_others(rows, number, count) for number in range(count)]
        # The dates of subdivisions are not watched, those of whole markets are.
        keep = SHORT if "subdivision" in request.query_params else LONG
        return answer({"results": shown, "next": None, "previous": None}, keep=keep)


class ProductPassport(Public):
    @extend_schema(
        operation_id="product_passport",
        parameters=[OpenApiParameter("market", str, description="ISO 3166-1 alpha-2", required=True)],
        responses={200: serializers.PassportOut, 404: serializers.ProblemOut, 422: serializers.ProblemOut},
    )
    def get(self, request: Request, slug: str) -> HttpResponse:
        """The device passport: what the product records, where that goes in this market, and how one objects."""
        world = current_world()
        market = read_market(request, world)
        if market is None:
            remedy = "Send market: what is recorded goes to another place in each."
            raise Problem(422, "invalid", remedy, errors=[{"field": "market", "code": "required", "detail": remedy}])
        if not world.skus_of(slug):
            raise NotFound
        row = passport_of(world, product=slug, market=market, at=clock.now())
        if row is None:
            told = "There is no device passport for this market yet, so that nothing can be reserved there."
            raise Problem(404, gate.PASSPORT_MISSING, told)
        return told_now(shapes.passport(row, market))


def _with_others(rows: list[Availability], number: int, count: int) -> dict[str, Any]:
    """The row of the asked variant, and which other variants differ there."""
    shown = rows[number]
    differs = [
        {"sku": other.sku, "status": other.status}
        for other in rows[count + number :: count]
        if other.status != shown.status
    ]
    return shapes.availability(shown) | {"differs": differs}


def _destinations(request: Request, world: World) -> list[tuple[str, str | None]] | None:
    code, subdivision = request.query_params.get("market"), request.query_params.get("subdivision")
    if code is None:
        if subdivision is not None:
            remedy = "Send market with subdivision."
            raise Problem(422, "invalid", remedy, errors=[{"field": "market", "code": "required", "detail": remedy}])
        return None
    place = destinations.settle(code.upper(), subdivision)
    code, subdivision = place.country, place.subdivision
    terms = world.markets.get(code)
    if subdivision and terms and subdivision not in terms.subdivisions:
        remedy = "Use a code that the market lists under subdivisions."
        raise Problem(422, "invalid", remedy, errors=[{"field": "subdivision", "code": "unknown", "detail": remedy}])
    return [(code, subdivision)]


class Launches(Public):
    @extend_schema(operation_id="list_launches", responses=serializers.LaunchOut(many=True))
    def get(self, request: Request) -> HttpResponse:
        at = clock.now()
        rows = Launch.objects.prefetch_related("windows", Prefetch("products", Product.objects.only("slug")))
        return told_now(paged(request, rows, "slug", lambda found: [shapes.launch(row, at) for row in found]))


class OneLaunch(Public):
    @extend_schema(responses=serializers.LaunchOut)
    def get(self, request: Request, slug: str) -> HttpResponse:
        row = Launch.objects.prefetch_related("windows", "products").filter(slug=slug).first()
        if row is None:
            raise NotFound
        return told_now(shapes.launch(row, clock.now()))


class LaunchDraw(Public):
    @extend_schema(operation_id="launch_draw", parameters=[_MARKET], responses=serializers.DrawOut)
    def get(self, request: Request, slug: str) -> HttpResponse:
        """The draw of the opening of `market` (the first opening without one): promise before, proof after."""
        market = read_market(request, current_world())
        drawing.hold_if_asked(slug, market)
        row = draw_of(slug, market)
        if row is None:
            raise NotFound
        return told_now(shapes.draw(proof(row)))
