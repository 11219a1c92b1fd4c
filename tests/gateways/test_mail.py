"""Handing a mail over, to real servers on this machine."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from email import message_from_bytes, message_from_string, policy
from pathlib import Path

import pytest

from reservations.gateways.mail import Composed, Mail, NotAccepted, Uncertain, compose, open_post
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


def composed(**changes: object) -> Composed:
    return compose(mail(**changes), message_id_domain="shop.example", at=AT)


def deliver(url: str, *mails: Composed, before_handover: Callable[[], None]) -> None:
    with open_post(url) as post:
        for each in mails:
            post.deliver(each, before_handover=before_handover)


@contextmanager
def scripted(*connections: tuple[bytes, ...]) -> Iterator[int]:
    """An SMTP server that answers line by line, and hangs up after the last reply of each connection; its port."""
    listener = socket.create_server(("127.0.0.1", 0))

    def serve() -> None:
        for replies in connections:
            connection, _ = listener.accept()
            with connection, connection.makefile("rb") as lines:
                connection.sendall(b"220 here\r\n")
                is_data = False
                for reply in replies:
                    while (line := lines.readline()) and is_data and line != b".\r\n":
                        pass
                    connection.sendall(reply)
                    is_data = b"354" in reply

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    try:
        yield listener.getsockname()[1]
    finally:
        listener.close()
        thread.join(5)


def test_a_mail_arrives_as_it_was_written(tmp_path: Path) -> None:
    handed = Count()
    with sink(tmp_path) as server:
        deliver(f"smtp://127.0.0.1:{server.port}", composed(subject="预订 – Platz 1"), before_handover=handed)
        (kept,) = server.mails
    assert (kept["to"], kept["subject"]) == (["ada@customers.example"], "预订 – Platz 1")
    assert kept["text"].splitlines() == ["Hello", ".", ".dots stay"]
    assert kept["headers"]["Date"] == "Wed, 25 Nov 2026 12:00:00 +0000"
    assert kept["headers"]["Auto-Submitted"] == "auto-generated" and kept["has_html"]
    assert handed.calls == 1


def test_the_mailbox_keeps_a_file_a_mail(tmp_path: Path) -> None:
    message = composed()
    deliver(f"mailbox://{tmp_path}/box", message, before_handover=Count())
    (file,) = (tmp_path / "box").iterdir()
    kept = message_from_bytes(file.read_bytes(), policy=policy.default)
    assert kept["Subject"] == "Your place: 1" and kept["Message-ID"] == message.message_id


@pytest.mark.parametrize(
    "changes",
    [
        {"subject": "a\nBcc: b@x.example"},
        {"recipient": "a@b.example\nBcc: c@d.example"},
        {"recipient": "a@b.example, c@d.example"},
    ],
)
def test_a_header_cannot_be_smuggled_in(changes: dict[str, object]) -> None:
    with pytest.raises(NotAccepted) as caught:
        composed(**changes)
    assert caught.value.is_permanent


def test_a_server_that_is_away_has_certainly_not_taken_it() -> None:
    handed = Count()
    with pytest.raises(NotAccepted) as caught:
        deliver(f"smtp://127.0.0.1:{free_port()}", composed(), before_handover=handed)
    assert not caught.value.is_permanent and handed.calls == 0


EHLO, OK, GO = b"250 here\r\n", b"250 ok\r\n", b"354 go\r\n"
MAIL = (OK, OK, GO, OK)  # a mail that is taken


@pytest.mark.parametrize(
    ("replies", "is_permanent", "handed_over"),
    [
        ((EHLO, OK, b"550 no such user\r\n", OK, OK), True, 0),
        ((EHLO, OK, b"451 later\r\n", OK, OK), False, 0),
        ((EHLO, OK, OK, GO, b"554 refused\r\n", OK), True, 1),
        ((EHLO, OK, OK, GO, b"452 full\r\n", OK), False, 1),
        ((EHLO, OK, OK, GO, b"421 closing\r\n"), False, 1),
        ((EHLO, b"421 closing\r\n"), False, 0),
        ((EHLO,), False, 0),
    ],
)
def test_a_refusal_says_whether_trying_again_helps(
    replies: tuple[bytes, ...], is_permanent: bool, handed_over: int
) -> None:
    handed = Count()
    with scripted(replies) as port, pytest.raises(NotAccepted) as caught:
        deliver(f"smtp://127.0.0.1:{port}", composed(), before_handover=handed)
    assert (caught.value.is_permanent, handed.calls) == (is_permanent, handed_over)


@pytest.mark.parametrize("answer", [b"", b"hm\r\n", b"2"])
def test_a_handover_without_a_clear_answer_is_uncertain(answer: bytes) -> None:
    handed: Callable[[], None] = Count()
    with scripted((EHLO, OK, OK, GO, answer)) as port, pytest.raises(Uncertain):
        deliver(f"smtp://127.0.0.1:{port}", composed(), before_handover=handed)


def test_many_mails_go_by_one_connection() -> None:
    handed = Count()
    with scripted((EHLO, *MAIL, *MAIL, *MAIL, b"221 bye\r\n")) as port:
        deliver(f"smtp://127.0.0.1:{port}", *[composed()] * 3, before_handover=handed)
    assert handed.calls == 3


@pytest.mark.parametrize("farewell", [(), (b"421 enough for today\r\n",), (OK, OK, b"421 enough\r\n")])
def test_a_connection_that_ends_between_two_mails_is_no_fault_of_the_second(farewell: tuple[bytes, ...]) -> None:
    handed = Count()
    with scripted((EHLO, *MAIL, *farewell), (EHLO, *MAIL)) as port:
        deliver(f"smtp://127.0.0.1:{port}", *[composed()] * 2, before_handover=handed)
    assert handed.calls == 2


def test_a_refused_mail_leaves_the_connection_to_the_next() -> None:
    handed = Count()
    with (
        scripted((EHLO, OK, b"550 no such user\r\n", OK, *MAIL)) as port,
        open_post(f"smtp://127.0.0.1:{port}") as post,
    ):
        with pytest.raises(NotAccepted):
            post.deliver(composed(), before_handover=handed)
        post.deliver(composed(), before_handover=handed)
    assert handed.calls == 1


def test_a_handover_that_is_forbidden_at_the_last_moment_does_not_happen(tmp_path: Path) -> None:
    def forbid() -> None:
        raise OSError("the journal's disk is full")

    with sink(tmp_path) as server, open_post(f"smtp://127.0.0.1:{server.port}") as post:
        with pytest.raises(OSError, match="disk is full"):
            post.deliver(composed(), before_handover=forbid)
        post.deliver(composed(subject="The next"), before_handover=Count())
        assert [kept["subject"] for kept in server.mails] == ["The next"]


PIPELINING = b"250-here\r\n250 PIPELINING\r\n"


TALKS_AT_ONCE = (b"250-here\r\n250 PIPELINING\r\n", b"", b"")  # and says nothing before the third command


def test_a_server_that_takes_commands_at_once_gets_them_at_once() -> None:
    handed = Count()
    with scripted((*TALKS_AT_ONCE, OK + OK + GO, OK)) as port:
        deliver(f"smtp://127.0.0.1:{port}", composed(), before_handover=handed)
    assert handed.calls == 1


def test_a_server_that_waits_for_a_mail_to_nobody_gets_none() -> None:
    handed = Count()
    refusing = (*TALKS_AT_ONCE, OK + b"550 no such user\r\n" + GO)
    with (
        scripted(refusing, (*TALKS_AT_ONCE, OK + OK + GO, OK)) as port,
        open_post(f"smtp://127.0.0.1:{port}") as post,
    ):
        with pytest.raises(NotAccepted) as caught:
            post.deliver(composed(), before_handover=handed)
        post.deliver(composed(), before_handover=handed)
    assert caught.value.is_permanent and handed.calls == 1


@pytest.mark.parametrize("text", ["Grüße – “ok”\n", "您的位置已预留。\n" * 40, "x" * 300 + " \n.\n..\n\nFrom me\n", ""])
def test_any_text_travels_in_short_lines_of_ascii_and_arrives_whole(tmp_path: Path, text: str) -> None:
    message = composed(text=text, html=f"<p>{text}</p>")
    assert message.content.isascii() and all(len(line) <= 78 for line in message.content.split(b"\r\n"))
    assert b"\n" not in message.content.replace(b"\r\n", b"") and b"\r" not in message.content.replace(b"\r\n", b"")
    with sink(tmp_path) as server:
        deliver(f"smtp://127.0.0.1:{server.port}", message, before_handover=Count())
        (kept,) = server.mails
    assert kept["text"].splitlines() == text.splitlines()


@pytest.mark.parametrize(
    ("address", "written"),
    [
        ("ada@bücher.example", "ada@xn--bcher-kva.example"),
        ('"a b"@x.example', '"a b"@x.example'),
        ("o'neil+tag@x.example", "o'neil+tag@x.example"),
        ("a" * 60 + "@customers.example", "a" * 60 + "@customers.example"),
        ("ада@x.example", "ада@x.example"),
    ],
)
def test_an_address_is_written_as_servers_read_it(address: str, written: str) -> None:
    message = composed(recipient=address)
    kept = message_from_string(message.content.decode(), policy=policy.default)
    assert message.recipient == written and kept["To"].addresses[0].addr_spec == written
    assert message.sender == "shop@qianwen.example" and kept["From"].addresses[0].display_name == "Shop"


@pytest.mark.parametrize("subject", ["Your place: 1", "=?utf-8?q?Not_encoded?=", "预订 " * 40, "long words " * 12, "é"])
def test_a_subject_is_read_as_it_was_written(subject: str) -> None:
    kept = message_from_bytes(composed(subject=subject).content, policy=policy.default)
    assert " ".join(kept["Subject"].split()) == " ".join(subject.split())


def test_a_calendar_comes_as_a_file_beside_the_text() -> None:
    content = "BEGIN:VCALENDAR\r\nSUMMARY:预订\r\nEND:VCALENDAR\r\n".encode()
    read = message_from_bytes(composed(calendar=content).content, policy=policy.default)
    assert read.get_content_type() == "multipart/mixed"
    text, html = (read.get_body((kind,)) for kind in ("plain", "html"))
    assert text and html and "dots stay" in text.get_content() and "<p>Hello</p>" in html.get_content()
    [file] = read.iter_attachments()
    assert (file.get_content_type(), file.get_filename()) == ("text/calendar", "deadline.ics")
    assert file.get_payload(decode=True) == content
    assert message_from_bytes(composed().content, policy=policy.default).get_content_type() == "multipart/alternative"
