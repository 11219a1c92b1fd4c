"""The reservation form, sent, on the event loop: what is right at the first look is reserved there.

Everything else is left to the form's view (`reserving.py`), which has the words. A form counts once, by its attempt:
what was reserved here before something failed is found there.
"""

from __future__ import annotations

import logging
import uuid
from typing import Any
from urllib.parse import parse_qsl

from django.conf import settings
from django.core.exceptions import SuspiciousOperation
from django.core.handlers.wsgi import WSGIRequest
from django.db import DatabaseError
from django.http import HttpRequest, HttpResponse
from django.middleware.csrf import CsrfViewMiddleware

from reservations.actions.reserving import reserve_from_loop
from reservations.actions.wishes import Refusal, Wish
from storefront import clock
from storefront.api.bodies import ReservationIn, versions
from storefront.at_hand import NotAtHand
from storefront.waiting_room.layer import Form
from storefront.web.forms import ConsentsForm
from storefront.web.reserving import find_attempt, show_the_way
from storefront.web.reserving import reserve as view

log = logging.getLogger(__name__)
FORM_TYPE = "application/x-www-form-urlencoded"
MOST_DIGITS = 6


class _Csrf(CsrfViewMiddleware):
    """Django's own check; who fails it is told so by the view's."""

    def _reject(self, request: HttpRequest, reason: str) -> HttpResponse:
        raise NotAtHand


_csrf = _Csrf(view)


async def reserve(form: Form) -> HttpResponse:
    """The way to the reservation that was made. Raises NotAtHand where there is anything to be said first."""
    wish = _read(form)
    try:
        return show_the_way(await reserve_from_loop(wish=wish, at=clock.now()))
    except (Refusal, DatabaseError) as error:
        raise NotAtHand from error
    except Exception as error:
        log.exception("a form, on the loop")
        raise NotAtHand from error


def _read(form: Form) -> Wish:
    if form.environ.get("CONTENT_TYPE") != FORM_TYPE:
        raise NotAtHand
    request = WSGIRequest(form.environ)
    try:
        given = _fields(form.environ["wsgi.input"].read())
        request.POST = given  # type: ignore[assignment]  # of a QueryDict only `get` is asked
        request.get_host()
        _csrf.process_request(request)
        _csrf.process_view(request, view, (), {})
        body = ReservationIn.model_validate(_body(form, given))
    except (ValueError, SuspiciousOperation) as error:
        raise NotAtHand from error
    return Wish(
        sku=body.lines[0].sku,
        quantity=body.lines[0].quantity,
        product=form.product,
        market=body.market,
        subdivision=body.subdivision or None,
        postcode=body.postcode,
        language=body.language,
        email=body.email,
        name=body.name,
        consents=versions(body.consents),
        attempt=_attempt(request),
    )


def _fields(body: bytes) -> dict[str, str]:
    """As Django reads them, without its QueryDict, which takes as long as all the rest. Raises ValueError."""
    most = settings.DATA_UPLOAD_MAX_NUMBER_FIELDS
    return dict(parse_qsl(body.decode(), keep_blank_values=True, max_num_fields=most))


def _body(form: Form, given: dict[str, str]) -> dict[str, Any]:
    """The fields as the API names them: what it takes, the form takes."""
    mark, quantity = ConsentsForm.PREFIX, given.get("quantity", "")
    if "show" in given or not quantity.isdecimal() or len(quantity) > MOST_DIGITS:
        raise NotAtHand
    return {
        "market": form.market,
        "subdivision": given.get("subdivision", ""),
        "postcode": given.get("postcode", ""),
        "language": form.language,
        "email": given.get("email", ""),
        "name": given.get("name", ""),
        "lines": [{"sku": given.get("variant", ""), "quantity": int(quantity)}],
        "consents": [
            {"id": name.removeprefix(mark), "version": version}
            for name, version in given.items()
            if name.startswith(mark)
        ],
    }


def _attempt(request: HttpRequest) -> uuid.UUID:
    found = find_attempt(request)
    if found is None:
        raise NotAtHand
    return found
