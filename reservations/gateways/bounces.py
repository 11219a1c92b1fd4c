"""Reports about mails: that one did not arrive (RFC 3464), or that its reader complains (RFC 5965)."""

from __future__ import annotations

import quopri
import re
from base64 import b64decode
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from email import message_from_bytes, policy
from email.message import Message

# The identifier that `mail.compose` gives, with the number of the message in it.
OWN_ID = re.compile(r"<[^<>@\s]{1,150}\.m(\d{1,18})@[^<>@\s]{1,253}>")
BOUNCED, DELAYED, DELIVERED, COMPLAINED = "bounced", "delayed", "delivered", "complained"
_ACTIONS = {"failed": BOUNCED, "delayed": DELAYED, "delivered": DELIVERED, "relayed": DELIVERED, "expanded": DELIVERED}
_NO_COMPLAINT = ("not-spam", "auth-failure")
_COMMENT, _BLANK_LINE = re.compile(r"\([^()]*\)"), re.compile(rb"\r?\n[ \t]*\r?\n")
_DECODERS: dict[str, Callable[[bytes], bytes]] = {"base64": b64decode, "quoted-printable": quopri.decodestring}
MOST_WORDS = 300
# What the parser of the standard library raises on mails that nobody should have written.
_UNREADABLE = (AttributeError, LookupError, RecursionError, TypeError, ValueError)


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
    try:
        return _read(message_from_bytes(raw, policy=policy.compat32))
    except _UNREADABLE as error:
        raise NotAReport from error


def _read(mail: Message) -> list[Report]:
    kind = str(mail.get_param("report-type") or "").lower()
    if mail.get_content_type() != "multipart/report" or kind not in ("delivery-status", "feedback-report"):
        raise NotAReport
    message_id = _original_id(mail)
    found = OWN_ID.fullmatch(message_id)
    if found is None:
        raise NotAReport
    about = {"message_number": int(found[1]), "message_id": message_id}
    if kind == "feedback-report":
        if _feedback(mail) in _NO_COMPLAINT:
            raise NotAReport
        return [Report(**about, kind=COMPLAINED, status="", diagnostic="")]  # type: ignore[arg-type]
    reports = [
        Report(
            **about,  # type: ignore[arg-type]
            kind=_ACTIONS[action],
            status=_token(part, "Status")[:9],
            diagnostic=_words(part, "Diagnostic-Code"),
        )
        for part in _recipients(mail)
        if (action := _token(part, "Action").lower()) in _ACTIONS
    ]
    if not reports:
        raise NotAReport
    return reports


def _recipients(mail: Message) -> Iterator[Message]:
    """The blocks of a delivery status, one a recipient; the first is about the whole mail."""
    for part in mail.walk():
        blocks = part.get_payload()
        if part.get_content_type() == "message/delivery-status" and isinstance(blocks, list):
            yield from (block for block in blocks if isinstance(block, Message))
        elif part.get_content_type() == "message/global-delivery-status":  # RFC 6533, which the parser does not know
            for block in _BLANK_LINE.split(_content(part)):
                yield message_from_bytes(block, policy=policy.compat32)


def _content(part: Message) -> bytes:
    """What stands in a part, without its transfer encoding."""
    blocks = part.get_payload()
    if isinstance(blocks, list):  # read as mails, since it is called message/…
        written = b"\n\n".join(block.as_bytes() for block in blocks if isinstance(block, Message))
        return _DECODERS.get(_token(part, "Content-Transfer-Encoding").lower(), bytes)(written)
    content = part.get_payload(decode=True)
    return content if isinstance(content, bytes) else b""


def _feedback(mail: Message) -> str:
    """The type of a feedback report (RFC 5965, 7.3), such as abuse."""
    for part in mail.walk():
        if part.get_content_type() == "message/feedback-report":
            return _token(message_from_bytes(_content(part).lstrip(), policy=policy.compat32), "Feedback-Type").lower()
    return ""


def _original_id(mail: Message) -> str:
    """The Message-ID of the mail that came back, whole or by its header alone."""
    for part in mail.walk():
        kind = part.get_content_type()
        if kind in ("message/rfc822", "message/global") and isinstance(part.get_payload(), list):
            return _words(part.get_payload()[0], "Message-ID")  # type: ignore[index, arg-type]
        if kind in ("text/rfc822-headers", "message/global-headers"):
            return _words(message_from_bytes(_content(part), policy=policy.compat32), "Message-ID")
    return ""


def _token(part: Message, name: str) -> str:
    """A header that is one word, without the comments that may stand beside it (RFC 3464, 2.1.1)."""
    return _COMMENT.sub(" ", _words(part, name)).strip()


def _words(part: Message, name: str) -> str:
    """A header on one line, without control characters."""
    return "".join(letter if letter.isprintable() else " " for letter in str(part.get(name, "")))[:MOST_WORDS].strip()
