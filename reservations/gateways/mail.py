"""Hand one mail to a mail server, or to the mailbox folder of the embedded default.

A mail server acts on the final full stop of DATA and on nothing before it. `before_handover` is called right before
that full stop goes down the wire, so that a caller that dies earlier knows that nothing was accepted.
"""

from __future__ import annotations

import os
import smtplib
import ssl
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime, make_msgid
from pathlib import Path
from urllib.parse import parse_qs, unquote, urlsplit

CONNECT_SECONDS = 20


class NotAccepted(Exception):
    """The mail was certainly not accepted. `is_permanent` says that trying again is useless."""

    def __init__(self, reason: str, *, is_permanent: bool) -> None:
        super().__init__(reason)
        self.is_permanent = is_permanent


class Uncertain(Exception):
    """The connection broke after the mail was handed over and before the answer came."""


@dataclass(frozen=True, kw_only=True)
class Mail:
    """One mail to one address, in plain text and HTML."""

    sender: str
    recipient: str
    subject: str
    text: str
    html: str
    headers: dict[str, str]


def compose(mail: Mail, *, message_id_domain: str, at: datetime) -> EmailMessage:
    """The mail as an RFC 5322 message. Raises NotAccepted when an address or subject cannot be a header."""
    message = EmailMessage(policy=SMTP)
    try:
        message["From"], message["Subject"] = mail.sender, mail.subject
        local, _, domain = mail.recipient.rpartition("@")
        message["To"] = f"{local}@{domain.encode('idna').decode()}"
        for name, value in mail.headers.items():
            message[name] = value
    except (ValueError, UnicodeError) as error:
        raise NotAccepted(f"cannot be a mail header: {error}", is_permanent=True) from error
    message["Date"] = format_datetime(at)
    message["Message-ID"] = make_msgid(domain=message_id_domain)
    message.set_content(mail.text)
    message.add_alternative(mail.html, subtype="html")
    return message


def deliver(url: str, message: EmailMessage, *, before_handover: Callable[[], None]) -> None:
    """Deliver by `mailbox:///folder`, `smtp://user:password@host:port?tls=1` or `smtps://…`.

    Raises NotAccepted or Uncertain.
    """
    target = urlsplit(url)
    if target.scheme == "mailbox":
        _drop(Path(target.path), message, before_handover)
        return
    try:
        client = _connect(url)
    except (OSError, smtplib.SMTPException) as error:
        raise NotAccepted(f"{type(error).__name__}: {error}", is_permanent=False) from error
    with client:
        _hand_over(client, message, before_handover)


def _drop(folder: Path, message: EmailMessage, before_handover: Callable[[], None]) -> None:
    """One file a mail, named by its Message-ID, complete or not there."""
    folder.mkdir(parents=True, exist_ok=True)
    name = str(message["Message-ID"]).strip("<>").replace("/", "-") + ".eml"
    part = folder / f".{name}"
    try:
        part.write_bytes(message.as_bytes())
        before_handover()
        os.replace(part, folder / name)
    except OSError as error:
        raise NotAccepted(f"mailbox folder: {error.strerror}", is_permanent=False) from error


class _Client(smtplib.SMTP):
    """An SMTP client that quits without a word when the connection is gone."""

    def __exit__(self, *args: object) -> None:
        try:
            self.quit()
        except (smtplib.SMTPException, OSError):
            self.close()


class _TlsClient(smtplib.SMTP_SSL, _Client):
    """The same over implicit TLS."""


def _connect(url: str) -> _Client:
    target = urlsplit(url)
    host, is_tls = target.hostname or "localhost", target.scheme == "smtps"
    options = parse_qs(target.query)
    client: _Client
    if is_tls:
        client = _TlsClient(host, target.port or 465, timeout=CONNECT_SECONDS, context=ssl.create_default_context())
    else:
        client = _Client(host, target.port or 25, timeout=CONNECT_SECONDS)
    client.ehlo_or_helo_if_needed()
    if options.get("tls") == ["1"]:
        client.starttls(context=ssl.create_default_context())
        client.ehlo()
    if target.username:
        client.login(unquote(target.username), unquote(target.password or ""))
    return client


def _hand_over(client: smtplib.SMTP, message: EmailMessage, before_handover: Callable[[], None]) -> None:
    recipient = str(message["To"])
    options = []
    if not recipient.isascii():
        if not client.has_extn("smtputf8"):
            raise NotAccepted("the mail server does not take addresses outside ASCII", is_permanent=True)
        options = ["SMTPUTF8", "BODY=8BITMIME"]
    sender = message["From"].addresses[0].addr_spec
    try:
        _expect(client.mail(sender, options))
        _expect(client.rcpt(recipient))
        client.putcmd("data")
        _expect(client.getreply(), 354)
    except (OSError, smtplib.SMTPException) as error:
        raise NotAccepted(f"{type(error).__name__}: {error}", is_permanent=False) from error
    body = message.as_bytes().replace(b"\r\n.", b"\r\n..")
    try:
        client.send(body.rstrip(b"\r\n") + b"\r\n")
    except (OSError, smtplib.SMTPException) as error:
        raise NotAccepted(f"{type(error).__name__}: {error}", is_permanent=False) from error
    before_handover()
    try:
        client.send(b".\r\n")
        reply = client.getreply()
    except (OSError, smtplib.SMTPException) as error:
        raise Uncertain(f"{type(error).__name__}: {error}") from error
    _expect(reply)


def _expect(reply: tuple[int, bytes], wanted: int = 250) -> None:
    code, text = reply
    if code != wanted and not (wanted == 250 and code == 251):
        raise NotAccepted(f"{code} {text.decode(errors='replace')}", is_permanent=code >= 500)
