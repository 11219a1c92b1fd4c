"""The mails of the embedded default, to be read on this machine. Routed only when mail goes to a folder."""

from __future__ import annotations

from email import message_from_bytes, policy
from email.message import EmailMessage
from pathlib import Path

from csp.decorators import csp_replace
from django.conf import settings
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.cache import never_cache
from django.views.decorators.clickjacking import xframe_options_sameorigin
from django.views.decorators.http import require_safe

MOST = 200


@never_cache
@require_safe
def mailbox(request: HttpRequest) -> HttpResponse:
    """The latest mails, newest first."""
    folder = Path(settings.MAILBOX_DIR or "")
    files = sorted(folder.glob("*.eml"), key=lambda file: file.stat().st_mtime, reverse=True)[:MOST]
    mails = [{"url": reverse("mail", args=[file.stem]), **_headers(_read(file))} for file in files]
    return render(request, "mailbox.html", {"mails": mails})


@never_cache
@require_safe
def mail(request: HttpRequest, name: str) -> HttpResponse:
    """One mail, as text and as the reader's program would show it."""
    message = _find(name)
    text = message.get_body(("plain",))
    context = {"text": text.get_content() if text else "", "html_url": reverse("mail_html", args=[name])}
    return render(request, "mail_open.html", context | _headers(message))


@never_cache
@xframe_options_sameorigin
@csp_replace(  # type: ignore[arg-type]
    {"default-src": ["'none'"], "style-src": ["'unsafe-inline'"], "img-src": ["'self'"], "frame-ancestors": ["'self'"]}
)
@require_safe
def mail_html(request: HttpRequest, name: str) -> HttpResponse:
    """The HTML part alone, for a sandboxed frame."""
    html = _find(name).get_body(("html",))
    return HttpResponse(html.get_content() if html else "")


def _find(name: str) -> EmailMessage:
    folder = Path(settings.MAILBOX_DIR or "")
    file = folder / f"{name}.eml"
    if file.parent != folder or not file.is_file():
        raise Http404
    return _read(file)


def _read(file: Path) -> EmailMessage:
    return message_from_bytes(file.read_bytes(), policy=policy.default)


def _headers(message: EmailMessage) -> dict[str, str]:
    return {"subject": str(message["Subject"]), "to": str(message["To"]), "date": str(message["Date"] or "")}
