"""Handing a mail over, to real servers on this machine."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from email import message_from_bytes, policy
from pathlib import Path

import pytest

from reservations.gateways.mail import Mail, NotAccepted, Uncertain, compose, deliver
from tests.jobs.stage import free_port, sink
from tests.world import AT


def mail(**changes: object) -> Mail:
    fields: dict[str, object] = {
        "sender": "Shop <shop@qianwen.example>",
        "recipient": "ada@customers.example",
        "subject": "Your place: 1",
        "text": "Hello\n.\n.dots stay\n",
        "html": "<p>Hello</p>",
        "headers": {"Auto-Submitted": "auto-generated"},
    }
    return Mail(**(fields | changes))  # type: ignore[arg-type]


class Count:
    def __init__(self) -> None:
        self.calls = 0

    def __call__(self) -> None:
        self.calls += 1


@contextmanager
def scripted(*replies: bytes) -> Iterator[int]:
    """An SMTP server that answers line by line and hangs up after the last reply; its port."""
    listener = socket.create_server(("127.0.0.1", 0))

    def serve() -> None:
        connection, _ = listener.accept()
        with connection, connection.makefile("rb") as lines:
            connection.sendall(b"220 here\r\n")
            is_data = False
            for reply in replies:
                while (line := lines.readline()) and is_data and line != b".\r\n":
                    pass
                connection.sendall(reply)
                is_data = reply.startswith(b"354")

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    try:
        yield listener.getsockname()[1]
    finally:
        thread.join(5)
        listener.close()


def test_a_mail_arrives_as_it_was_written(tmp_path: Path) -> None:
    handed = Count()
    with sink(tmp_path) as server:
        message = compose(mail(subject="预订 – Platz 1"), message_id_domain="shop.example", at=AT)
        deliver(f"smtp://127.0.0.1:{server.port}", message, before_handover=handed)
        (kept,) = server.mails
    assert (kept["to"], kept["subject"]) == (["ada@customers.example"], "预订 – Platz 1")
    assert kept["text"].splitlines() == ["Hello", ".", ".dots stay"]
    assert kept["headers"]["Date"] == "Wed, 25 Nov 2026 12:00:00 +0000"
    assert kept["headers"]["Auto-Submitted"] == "auto-generated" and kept["has_html"]
    assert handed.calls == 1


def test_the_mailbox_keeps_a_file_a_mail(tmp_path: Path) -> None:
    message = compose(mail(), message_id_domain="shop.example", at=AT)
    deliver(f"mailbox://{tmp_path}/box", message, before_handover=Count())
    (file,) = (tmp_path / "box").iterdir()
    kept = message_from_bytes(file.read_bytes(), policy=policy.default)
    assert kept["Subject"] == "Your place: 1" and kept["Message-ID"] == message["Message-ID"]


@pytest.mark.parametrize(
    "changes", [{"subject": "a\nBcc: b@x.example"}, {"recipient": "a@b.example\nBcc: c@d.example"}]
)
def test_a_header_cannot_be_smuggled_in(changes: dict[str, object]) -> None:
    with pytest.raises(NotAccepted) as caught:
        compose(mail(**changes), message_id_domain="shop.example", at=AT)
    assert caught.value.is_permanent


def test_a_server_that_is_away_has_certainly_not_taken_it() -> None:
    handed = Count()
    with pytest.raises(NotAccepted) as caught:
        deliver(
            f"smtp://127.0.0.1:{free_port()}",
            compose(mail(), message_id_domain="x.example", at=AT),
            before_handover=handed,
        )
    assert not caught.value.is_permanent and handed.calls == 0


EHLO, OK, GO = b"250 here\r\n", b"250 ok\r\n", b"354 go\r\n"


@pytest.mark.parametrize(
    ("replies", "is_permanent", "handed_over"),
    [
        ((EHLO, OK, b"550 no such user\r\n"), True, 0),
        ((EHLO, OK, b"451 later\r\n"), False, 0),
        ((EHLO, OK, OK, GO, b"554 refused\r\n"), True, 1),
        ((EHLO, OK, OK, GO, b"452 full\r\n"), False, 1),
        ((EHLO,), False, 0),
    ],
)
def test_a_refusal_says_whether_trying_again_helps(
    replies: tuple[bytes, ...], is_permanent: bool, handed_over: int
) -> None:
    handed = Count()
    with scripted(*replies) as port, pytest.raises(NotAccepted) as caught:
        deliver(
            f"smtp://127.0.0.1:{port}", compose(mail(), message_id_domain="x.example", at=AT), before_handover=handed
        )
    assert (caught.value.is_permanent, handed.calls) == (is_permanent, handed_over)


def test_a_connection_that_breaks_after_the_handover_is_uncertain() -> None:
    handed: Callable[[], None] = Count()
    with scripted(EHLO, OK, OK, GO, b"") as port, pytest.raises(Uncertain):
        deliver(
            f"smtp://127.0.0.1:{port}", compose(mail(), message_id_domain="x.example", at=AT), before_handover=handed
        )
