"""WSGI entry point: the waiting room, in front of the shelf of finished answers, in front of Django."""

import os
from collections.abc import Callable, Iterable
from typing import Any

from django.core.wsgi import get_wsgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "storefront.settings")
pages = get_wsgi_application()

from django.conf import settings  # noqa: E402  # Django's settings come first
from django.core.handlers.wsgi import WSGIHandler  # noqa: E402
from django.http import HttpRequest, HttpResponse  # noqa: E402

from storefront.at_hand import leave_the_loop  # noqa: E402
from storefront.shelf import Shelf  # noqa: E402
from storefront.waiting_room.layer import WaitingRoom  # noqa: E402


class ApiHandler(WSGIHandler):
    """Django with API_MIDDLEWARE: most of MIDDLEWARE is for pages, and costs as much as a reservation."""

    def load_middleware(self, is_async: bool = False) -> None:
        everything, settings.MIDDLEWARE = settings.MIDDLEWARE, settings.API_MIDDLEWARE
        try:
            super().load_middleware(is_async)
        finally:
            settings.MIDDLEWARE = everything


api = ApiHandler()


def headers_of(*middlewares: Callable[..., Any]) -> list[tuple[str, str]]:
    """What Django's middlewares add to every answer, for answers that do not come from Django."""
    request, response = HttpRequest(), HttpResponse()
    request.META = {"HTTP_X_FORWARDED_PROTO": "https"}
    del response["Content-Type"]
    answered: Callable[[HttpRequest], HttpResponse] = lambda _: response  # noqa: E731
    for middleware in middlewares:
        answered = middleware(answered)
    return list(answered(request).headers.items())


def django_application(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
    leave_the_loop()
    return (api if environ["PATH_INFO"].startswith("/api/v1/") else pages)(environ, start_response)


application = WaitingRoom(Shelf(django_application))
