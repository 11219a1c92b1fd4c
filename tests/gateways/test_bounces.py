"""Reports of mail servers: what they say of which mail, and that nothing else is believed."""

from __future__ import annotations

import base64
import subprocess
import sys
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from django.conf import settings
from hypothesis import given
from hypothesis import strategies as st

from reservations.actions.reporting import take_report
from reservations.gateways import bounces
from reservations.gateways.bounces import NotAReport, Report, read
from reservations.models import Event, Invitation, Message
from tests.actions.test_waves import NOON, place, release, wave_of

ID = "<179.4242.777.m31@shop.example>"


def report(
    *, action: str = "failed", original: str = "message/rfc822", message_id: str = ID, end: str = "\r\n"
) -> bytes:
    lines = [
        "From: MAILER-DAEMON@mx.example",
        "To: bounces@shop.example",
        "Subject: Undelivered Mail Returned to Sender",
        'Content-Type: multipart/report; report-type=delivery-status; boundary="b"',
        "",
        "--b",
        "Content-Type: text/plain; charset=utf-8",
        "",
        "I could not deliver it.",
        "--b",
        "Content-Type: message/delivery-status",
        "",
        "Reporting-MTA: dns; mx.example",
        "",
        "Final-Recipient: rfc822; ada@x.example",
        f"Action: {action}",
        "Status: 5.1.1",
        "Diagnostic-Code: smtp; 550 5.1.1 <ada@x.example>: user unknown",
        "",
        "--b",
        f"Content-Type: {original}",
        "",
        "From: shop@shop.example",
        f"Message-ID: {message_id}",
        "Subject: Order now",
        "",
        "Hello" if original == "message/rfc822" else "",
        "--b--",
        "",
    ]
    return end.join(lines).encode()


@pytest.mark.parametrize("original", ["message/rfc822", "text/rfc822-headers"])
@pytest.mark.parametrize("end", ["\r\n", "\n"])
def test_a_delivery_status_names_the_mail_and_why_it_did_not_arrive(original: str, end: str) -> None:
    [found] = read(report(original=original, end=end))
    assert (found.message_number, found.message_id, found.kind, found.status) == (31, ID, "bounced", "5.1.1")
    assert found.diagnostic == "smtp; 550 5.1.1 <ada@x.example>: user unknown"


@pytest.mark.parametrize(("action", "kind"), [("delayed", "delayed"), ("relayed", "delivered"), ("FAILED", "bounced")])
def test_a_delay_is_no_bounce(action: str, kind: str) -> None:
    assert [each.kind for each in read(report(action=action))] == [kind]


def test_a_complaint_names_the_mail() -> None:
    raw = (
        report()
        .replace(b"delivery-status;", b"feedback-report;")
        .replace(b"message/delivery-status", b"message/feedback-report")
    )
    assert [(each.message_number, each.kind) for each in read(raw)] == [(31, "complained")]


@pytest.mark.parametrize("kind", ["not-spam", "auth-failure", "NOT-SPAM (thanks)"])
def test_feedback_that_is_no_complaint_is_none(kind: str) -> None:
    raw = (
        report()
        .replace(b"delivery-status;", b"feedback-report;")
        .replace(b"message/delivery-status", b"message/feedback-report")
        .replace(b"Reporting-MTA: dns; mx.example", f"Feedback-Type: {kind}".encode())
    )
    with pytest.raises(NotAReport):
        read(raw)


def test_comments_beside_a_word_are_no_part_of_it() -> None:
    raw = report(action="failed (for good)").replace(b"Status: 5.1.1", b"Status: (permanent) 5.1.1 (bad mailbox)")
    assert [(each.kind, each.status) for each in read(raw)] == [("bounced", "5.1.1")]


@pytest.mark.parametrize("encoding", ["8bit", "base64"])
def test_a_report_about_an_address_beyond_ascii_is_read(encoding: str) -> None:
    """RFC 6533: message/global-delivery-status, which need not be ASCII."""
    blocks = (
        "Reporting-MTA: dns; mx.example\r\n\r\n"
        "Final-Recipient: utf-8; 阿达@例子.example\r\nAction: failed\r\nStatus: 5.1.1\r\n"
    ).encode()
    body = base64.encodebytes(blocks) if encoding == "base64" else blocks
    plain = report(original="message/global-headers")
    begin, end = plain.index(b"Content-Type: message/delivery-status"), plain.index(b"--b\r\nContent-Type: message/glo")
    head = f"Content-Type: message/global-delivery-status\r\nContent-Transfer-Encoding: {encoding}\r\n\r\n"
    [found] = read(plain[:begin] + head.encode() + body + b"\r\n" + plain[end:])
    assert (found.message_number, found.kind, found.status) == (31, "bounced", "5.1.1")


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"Subject: hello\r\n\r\nhello",
        report(message_id="<somebody@elsewhere.example>"),
        report(message_id=f"{ID}\r\n <x.m9@y>"),
        report(action="eaten"),
        report()[:300],
        report().replace(b"text/plain; charset=utf-8", b"text/rfc822-headers; charset=none\r\nContent-Type"),
        b"Content-Type: multipart/report; report-type=delivery-status; boundary=b\r\n\r\n"
        + b"--b\r\nContent-Type: message/rfc822\r\n\r\n" * 3000,
    ],
)
def test_what_is_no_report_about_a_mail_of_ours_is_refused(raw: bytes) -> None:
    with pytest.raises(NotAReport):
        read(raw)


@given(st.binary() | st.binary().map(lambda noise: report().replace(b"5.1.1", noise).replace(b"Hello", noise)))
def test_whatever_the_bytes_are_there_is_a_list_or_a_clear_no(raw: bytes) -> None:
    try:
        found = read(raw)
    except NotAReport:
        return
    assert all(isinstance(each, Report) for each in found)


@pytest.mark.django_db
def test_a_bounce_stops_the_clock_of_the_invitation_and_is_noted_once(launch_data: datetime) -> None:
    row = place("ada")
    release(wave_of(1))
    message = row.messages.get(kind="invited")
    own = f"<1.2.m{message.pk}@shop.example>"
    Message.objects.filter(pk=message.pk).update(state="sent", sent_at=NOON, raw=f"Message-ID: {own}\r\n")
    forged = Report(message_number=message.pk, message_id="<9.m9@x>", kind="bounced", status="", diagnostic="")
    assert not take_report(report=forged, at=NOON)
    [real] = read(report(message_id=own))
    assert take_report(report=real, at=NOON + timedelta(hours=1))
    assert not take_report(report=real, at=NOON + timedelta(hours=2))
    assert Invitation.objects.get().bounced_at == NOON + timedelta(hours=1)
    assert Event.objects.filter(action="reservation.mail_bounced").count() == 1


def test_the_command_refuses_what_is_no_report(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "manage.py", "take_report"], input=b"hello", capture_output=True, cwd=settings.BASE_DIR
    )
    assert done.returncode == 1 and b"no report" in done.stderr
    assert bounces.OWN_ID.fullmatch(ID)
