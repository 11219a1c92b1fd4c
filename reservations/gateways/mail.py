"""Hand mails to a mail server, or to the mailbox folder of the embedded default.

A mail server acts on the final full stop of DATA and on nothing before it. `before_handover` is called right before
that full stop goes down the wire, so that a caller that dies earlier knows that nothing was accepted.
"""

from __future__ import annotations

import base64
import binascii
import os
import re
import secrets
import smtplib
import socket
import ssl
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import datetime
from email.errors import NonASCIILocalPartDefect
from email.header import Header
from email.policy import SMTP, SMTPUTF8
from email.utils import format_datetime, make_msgid
from functools import lru_cache
from pathlib import Path
from typing import Protocol
from urllib.parse import parse_qs, unquote, urlsplit

TALK_SECONDS, ANSWER_SECONDS = 20, 300  # the answer to a whole mail may take minutes (RFC 5321, 4.5.3.2)
CLOSING, GO_ON = 421, 354
ENVELOPE_ANSWERS = (250, 250, GO_ON)  # to MAIL, RCPT and DATA
MOST_QUOTED = 1 / 6  # of a text that is not ASCII; above, base64 is shorter than quoted-printable
ASCII = bytes(range(128))
PLAIN_ADDRESS = re.compile(
    r"(?=.{3,64}\Z)[\w!#$%&'*+/=?^`{|}~-]+(\.[\w!#$%&'*+/=?^`{|}~-]+)*@[a-zA-Z0-9-]+(\.[a-zA-Z0-9-]+)*", re.ASCII
)
SHORT = 60  # letters that fit on a line with any header's name
CRLF = "\r\n"


class NotAccepted(Exception):
    """The mail was certainly not accepted. `is_permanent` says that trying again is useless."""

    def __init__(self, reason: str, *, is_permanent: bool) -> None:
        super().__init__(reason)
        self.is_permanent = is_permanent


class Uncertain(Exception):
    """The connection broke after the mail was handed over and before the answer came."""


@dataclass(frozen=True, kw_only=True)
class Mail:
    """One mail to one address, in plain text and, unless it is empty, HTML; `calendar` is a file (RFC 5545) with it."""

    sender: str
    recipient: str
    subject: str
    text: str
    html: str
    headers: dict[str, str]
    calendar: bytes = b""


@dataclass(frozen=True, kw_only=True)
class Composed:
    """A mail as it goes down the wire (RFC 5322), and the envelope it goes in."""

    sender: str
    recipient: str
    message_id: str
    content: bytes


def compose(mail: Mail, *, message_id_domain: str, at: datetime, number: int = 0) -> Composed:
    """The mail as bytes; the number of its message is in its Message-ID, by which reports know it (`bounces.py`).

    Raises NotAccepted when an address or subject cannot be a header.
    """
    try:
        sender, from_line = _address_line("From", mail.sender)
        recipient, to_line = _address_line("To", _in_ascii_domain(mail.recipient))
        lines = [from_line, _line("Subject", mail.subject), to_line]
        lines += [_line(name, value) for name, value in mail.headers.items()]
    except (ValueError, UnicodeError) as error:
        raise NotAccepted(f"cannot be a mail header: {error}", is_permanent=True) from error
    message_id = make_msgid(f"m{number}", message_id_domain)
    lines.append(f"Date: {format_datetime(at)}\r\nMessage-ID: {message_id}\r\nMIME-Version: 1.0\r\n")
    whole = _part("plain", mail.text)
    if mail.html:
        whole = _multipart("alternative", whole, _part("html", mail.html))
    if mail.calendar:
        whole = _multipart("mixed", whole, _calendar_part(mail.calendar))
    content = "".join(lines).encode() + whole
    return Composed(sender=sender, recipient=recipient, message_id=message_id, content=content)


def _in_ascii_domain(address: str) -> str:
    local, _, domain = address.rpartition("@")
    return f"{local}@{domain.encode('idna').decode()}"


@lru_cache(maxsize=8)  # the sender is that of every mail
def _address_line(name: str, value: str) -> tuple[str, str]:
    """The one address in it, and the header line as Python's library writes it."""
    if PLAIN_ADDRESS.fullmatch(value):
        return value, f"{name}: {value}\r\n"
    policy = SMTP if value.isascii() else SMTPUTF8
    _, header = policy.header_store_parse(name, value)
    has_defect = any(not isinstance(defect, NonASCIILocalPartDefect) for defect in header.defects)
    if has_defect or len(header.addresses) != 1:
        raise ValueError(f"{value!r} is not one address")
    return header.addresses[0].addr_spec, policy.fold(name, header)


def _line(name: str, value: str) -> str:
    """The header line, encoded (RFC 2047) and folded where that is needed. A link is never folded."""
    if not value.isprintable():
        raise ValueError(f"{name} holds a line break or another control character")
    is_plain = value.isascii() and "=?" not in value
    if is_plain and (len(value) <= SHORT or " " not in value):
        return f"{name}: {value}\r\n"
    return f"{name}: {Header(value, 'us-ascii' if is_plain else 'utf-8', header_name=name).encode(linesep=CRLF)}\r\n"


def _part(subtype: str, text: str) -> bytes:
    """A text in ASCII lines that no mail server touches, in the shorter of the two encodings."""
    data = text.replace("\r\n", "\n").replace("\r", "\n").replace("\n", "\r\n").encode()
    if len(data.translate(None, ASCII)) > len(data) * MOST_QUOTED:
        encoding, body = "base64", _in_base64(data)
    else:
        encoding, body = "quoted-printable", binascii.b2a_qp(data, istext=True)
    head = f'Content-Type: text/{subtype}; charset="utf-8"\r\nContent-Transfer-Encoding: {encoding}\r\n\r\n'
    return head.encode() + body.rstrip(b"\r\n") + b"\r\n"


def _calendar_part(content: bytes) -> bytes:
    """A file to open, not an invitation between calendars: that would have a METHOD (RFC 6047)."""
    head = (
        'Content-Type: text/calendar; charset="utf-8"; name="deadline.ics"\r\n'
        'Content-Disposition: attachment; filename="deadline.ics"\r\n'
        "Content-Transfer-Encoding: base64\r\n\r\n"
    )
    return head.encode() + _in_base64(content)


def _multipart(subtype: str, *parts: bytes) -> bytes:
    boundary = f"=_{secrets.token_hex(16)}"  # `=_` stands in no text that is quoted-printable or base64
    head = f'Content-Type: multipart/{subtype};\r\n boundary="{boundary}"\r\n\r\n'
    body = b"".join(b"--%b\r\n%b" % (boundary.encode(), part) for part in parts)
    return head.encode() + body + b"--%b--\r\n" % boundary.encode()


def _in_base64(data: bytes) -> bytes:
    return base64.encodebytes(data).replace(b"\n", b"\r\n")


class Post(Protocol):
    """Takes mails one after the other."""

    def deliver(self, mail: Composed, *, before_handover: Callable[[], None]) -> None:
        """Raises NotAccepted or Uncertain; and what `before_handover` raises, and then nothing was handed over."""


@contextmanager
def open_post(url: str) -> Iterator[Post]:
    """Where mails go: `mailbox:///folder`, `smtp://user:password@host:port?tls=1` or `smtps://…`."""
    target = urlsplit(url)
    if target.scheme == "mailbox":
        yield _Folder(Path(target.path))
        return
    server = _Server(url)
    try:
        yield server
    finally:
        server.leave()


class _Folder:
    """One file a mail, named by its Message-ID, complete or not there."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def deliver(self, mail: Composed, *, before_handover: Callable[[], None]) -> None:
        name = mail.message_id.strip("<>").replace("/", "-") + ".eml"
        part = self._folder / f".{name}"
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            part.write_bytes(mail.content)
            before_handover()
            os.replace(part, self._folder / name)
        except OSError as error:
            raise NotAccepted(f"mailbox folder: {error.strerror}", is_permanent=False) from error


class _Closing(smtplib.SMTPException):
    """The mail server closes the connection: that is about the connection, not about the mail."""


class _Lost(Exception):
    """The connection is of no use any more, and nothing of this mail was handed over."""


class _Server:
    """A mail server, by one connection for as many mails as it lasts.

    A connection that the server closed between two mails says nothing about the second: it is offered once more, on a
    new one. A server that cannot be reached, or does not answer, is not asked again.
    """

    def __init__(self, url: str) -> None:
        self._url = url
        self._client: smtplib.SMTP | None = None
        self._absent = ""

    def deliver(self, mail: Composed, *, before_handover: Callable[[], None]) -> None:
        client = self._offer_twice(mail)
        try:
            before_handover()
        except BaseException:
            self._drop()
            raise
        try:
            _expect(self._finish(client))
        except _Closing as error:
            self._drop()
            raise NotAccepted(_say(error), is_permanent=False) from error

    def leave(self) -> None:
        """Say goodbye, if there is still somebody to say it to."""
        with suppress(OSError, smtplib.SMTPException):
            if self._client:
                self._client.quit()
        self._drop()

    def _finish(self, client: smtplib.SMTP) -> tuple[int, bytes]:
        """The final full stop, and the answer to it."""
        try:
            assert client.sock is not None
            client.sock.settimeout(ANSWER_SECONDS)
            client.send(b".\r\n")
            reply = client.getreply()
            client.sock.settimeout(TALK_SECONDS)
        except (OSError, smtplib.SMTPException) as error:
            self._give_up(error)
            raise Uncertain(_say(error)) from error
        if not 200 <= reply[0] <= 599:
            self._drop()
            raise Uncertain(f"the mail server answered {reply[1]!r}")
        return reply

    def _offer_twice(self, mail: Composed) -> smtplib.SMTP:
        try:
            if self._client:
                return self._offer(self._client, mail)
        except _Lost:
            pass  # and dropped: it says nothing about this mail
        try:
            self._client = self._client or self._connect()
            return self._offer(self._client, mail)
        except _Lost as lost:
            raise NotAccepted(str(lost), is_permanent=False) from lost

    def _connect(self) -> smtplib.SMTP:
        if self._absent:
            raise _Lost(self._absent)
        try:
            return _connect(self._url)
        except (OSError, smtplib.SMTPException) as error:
            self._absent = _say(error)
            raise _Lost(self._absent) from error

    def _offer(self, client: smtplib.SMTP, mail: Composed) -> smtplib.SMTP:
        """Everything up to the final full stop."""
        try:
            _offer(client, mail)
        except NotAccepted:
            self._start_over(client)
            raise
        except (OSError, smtplib.SMTPException) as error:
            self._give_up(error)
            raise _Lost(_say(error)) from error
        return client

    def _start_over(self, client: smtplib.SMTP) -> None:
        """The next mail is offered afresh."""
        try:
            _expect(client.rset())
        except (OSError, smtplib.SMTPException, NotAccepted):  # then by a new connection
            self._drop()

    def _give_up(self, error: Exception) -> None:
        self._drop()
        if isinstance(error, TimeoutError) or isinstance(error.__context__, TimeoutError):
            self._absent = _say(error)

    def _drop(self) -> None:
        if self._client:
            self._client.close()
        self._client = None


def _connect(url: str) -> smtplib.SMTP:
    target = urlsplit(url)
    host, is_tls = target.hostname or "localhost", target.scheme == "smtps"
    client: smtplib.SMTP
    if is_tls:
        context = ssl.create_default_context()
        client = smtplib.SMTP_SSL(host, target.port or 465, timeout=TALK_SECONDS, context=context)
    else:
        client = smtplib.SMTP(host, target.port or 25, timeout=TALK_SECONDS)
    try:
        assert client.sock is not None
        client.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)  # the final full stop waits for nothing
        client.ehlo_or_helo_if_needed()
        if parse_qs(target.query).get("tls") == ["1"]:
            client.starttls(context=ssl.create_default_context())
            client.ehlo()
        if target.username:
            client.login(unquote(target.username), unquote(target.password or ""))
    except BaseException:
        client.close()
        raise
    return client


def _offer(client: smtplib.SMTP, mail: Composed) -> None:
    options = []
    if not mail.recipient.isascii():
        if not client.has_extn("smtputf8"):
            raise NotAccepted("the mail server does not take addresses outside ASCII", is_permanent=True)
        options = ["SMTPUTF8", "BODY=8BITMIME"]
    envelope = [" ".join([f"MAIL FROM:<{mail.sender}>", *options]), f"RCPT TO:<{mail.recipient}>", "DATA"]
    if client.has_extn("pipelining"):
        _talk_at_once(client, envelope)
    else:
        for command, wanted in zip(envelope, ENVELOPE_ANSWERS, strict=True):
            client.send(f"{command}\r\n".encode())
            _expect(client.getreply(), wanted)
    client.send(mail.content.replace(b"\r\n.", b"\r\n.."))


def _talk_at_once(client: smtplib.SMTP, envelope: list[str]) -> None:
    """All commands in one go (RFC 2920): over a distance, this is most of the time that a mail takes."""
    client.send("".join(f"{command}\r\n" for command in envelope).encode())
    replies = [client.getreply() for _ in envelope]
    try:
        for reply, wanted in zip(replies, ENVELOPE_ANSWERS, strict=True):
            _expect(reply, wanted)
    except NotAccepted:
        if replies[-1][0] == GO_ON:  # it waits for a mail that nobody is to get
            client.close()
        raise


def _expect(reply: tuple[int, bytes], wanted: int = 250) -> None:
    code, text = reply
    words = f"{code} {text.decode(errors='replace')}"
    if code == CLOSING:
        raise _Closing(words)
    if code != wanted and not (wanted == 250 and code == 251):
        raise NotAccepted(words, is_permanent=code >= 500)


def _say(error: Exception) -> str:
    return f"{type(error).__name__}: {error}"
