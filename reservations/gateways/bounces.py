"""Reports about mails: that one did not arrive (RFC 3464), or that its reader complains (RFC 5965)."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from email import message_from_bytes, policy
from email.message import Message

# The identifier that `mail.compose` gives, with the number of the message in it.
OWN_ID = re.compile(r"<[^<>@\s]{1,150}\.m(\d{1,18})@[^<>@\s]{1,253}>")
BOUNCED, DELAYED, DELIVERED, COMPLAINED = "bounced", "delayed", "delivered", "complained"
_ACTIONS = {"failed": BOUNCED, "delayed": DELAYED, "delivered": DELIVERED, "relayed": DELIVERED, "expanded": DELIVERED}
MOST_WORDS = 300


class NotAReport(Exception):
    """The mail is no report, or one about no mail of ours."""


@dataclass(frozen=True, kw_only=True)
class Report:
    """What became of the mail of a message. `status` is an enhanced status code (RFC 3463), such as 5.1.1."""

    message_number: int
    message_id: str
    kind: str
    status: str
    diagnostic: str


def read(raw: bytes) -> list[Report]:
    """The reports in a mail, one for each recipient. Raises NotAReport, and nothing else whatever the bytes are."""
    mail = message_from_bytes(raw, policy=policy.compat32)
    kind = str(mail.get_param("report-type") or "").lower()
    if mail.get_content_type() != "multipart/report" or kind not in ("delivery-status", "feedback-report"):
        raise NotAReport
    message_id = _original_id(mail)
    found = OWN_ID.fullmatch(message_id)
    if found is None:
        raise NotAReport
    about = {"message_number": int(found[1]), "message_id": message_id}
    if kind == "feedback-report":
        return [Report(**about, kind=COMPLAINED, status="", diagnostic="")]  # type: ignore[arg-type]
    reports = [
        Report(
            **about,  # type: ignore[arg-type]
            kind=_ACTIONS[action],
            status=_words(part, "Status")[:9],
            diagnostic=_words(part, "Diagnostic-Code"),
        )
        for part in _recipients(mail)
        if (action := _words(part, "Action").lower()) in _ACTIONS
    ]
    if not reports:
        raise NotAReport
    return reports


def _recipients(mail: Message) -> Iterator[Message]:
    """The blocks of a delivery status, one a recipient; the first is about the whole mail."""
    for part in mail.walk():
        if part.get_content_type() in ("message/delivery-status", "message/global-delivery-status"):
            blocks = part.get_payload()
            yield from (block for block in blocks if isinstance(block, Message)) if isinstance(blocks, list) else ()


def _original_id(mail: Message) -> str:
    """The Message-ID of the mail that came back, whole or by its header alone."""
    for part in mail.walk():
        kind = part.get_content_type()
        if kind in ("message/rfc822", "message/global") and isinstance(part.get_payload(), list):
            return _words(part.get_payload()[0], "Message-ID")  # type: ignore[index, arg-type]
        if kind in ("text/rfc822-headers", "message/global-headers"):
            content = part.get_payload(decode=True)
            header = message_from_bytes(content if isinstance(content, bytes) else b"", policy=policy.compat32)
            return _words(header, "Message-ID")
    return ""


def _words(part: Message, name: str) -> str:
    """A header on one line, without control characters."""
    return "".join(letter if letter.isprintable() else " " for letter in str(part.get(name, "")))[:MOST_WORDS].strip()
