"""What the mail provider tells of our mails. Routed only when there is a provider."""

from __future__ import annotations

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_http_methods

from reservations.actions.reporting import take_report
from reservations.gateways.provider_events import NotFromProvider, Unreadable, read
from storefront import clock


@csrf_exempt
@require_http_methods(["POST", "HEAD"])  # with HEAD some see whether there is anybody
def mail_events(request: HttpRequest) -> HttpResponse:
    """Note bounces and complaints, each once, however often they are told."""
    if request.method == "HEAD":
        return HttpResponse()
    try:
        reports = read(request, provider=settings.MAIL_PROVIDER)
    except NotFromProvider:
        return _say("not from the mail provider", 403)
    except Unreadable:
        return _say("not an event of the mail provider", 400)
    noted = sum(take_report(report=report, at=clock.now()) for report in reports)
    return _say(f"noted: {noted}", 200)


def _say(words: str, status: int) -> HttpResponse:
    return HttpResponse(f"{words}\n", status=status, content_type="text/plain")
