"""The letters: in whose language, about whose reservation, and with nothing of anybody else's."""

from __future__ import annotations

import re
from datetime import datetime, timedelta

import pytest
from django.conf import settings
from icalendar import Calendar

from reservations.actions.cancelling import cancel
from reservations.actions.notifying import ask_to_be_told, confirm_wish, tell_opened
from reservations.actions.reserving import reserve
from reservations.gateways.mail import Mail
from reservations.jobs import letters
from reservations.models import Allotment, Market, Message, NotifyRequest, Product, Reservation
from reservations.queries import links
from tests.money import ask_for_deposit
from tests.world import AT, allotment, wish

pytestmark = [pytest.mark.django_db, pytest.mark.both_databases]
SLOT_CHARACTERS = re.compile("[\ue000\ue001]")


def letter(cause: Reservation | NotifyRequest, kind: str, ahead: int = 0) -> Mail:
    """As a worker writes it: from what is stored now."""
    return letters.write(Message.objects.get(pk=cause.messages.get(kind=kind).pk), people_ahead=ahead)


def test_a_confirmation_says_what_was_reserved(launch_data: datetime) -> None:
    made = reserve(wish=wish(), at=AT)
    mail = letter(made, "confirmed")
    assert (
        mail.recipient == "ada@customers.example" and mail.subject == "Your place 1 is reserved: Qianwen AI Glasses S1"
    )
    url = settings.SITE_URL + links.reservation_path(made)
    for part in (mail.text, mail.html):
        for words in (made.reference, "Ada L.", "Nobody is ahead of you.", "25 November 2026, 13:00 UTC+1", url):
            assert words in part
    assert mail.headers == {"Auto-Submitted": "auto-generated"}


@pytest.mark.parametrize(
    ("language", "ahead", "words"),
    [
        ("en", 1, "1 person is ahead of you."),
        ("en", 12000, "12000 people are ahead of you."),
        ("de", 2, "2 Personen sind vor Ihnen."),
        ("zh-hans", 2, "2"),
    ],
)
def test_it_says_in_the_customers_language_who_is_ahead(
    launch_data: datetime, language: str, ahead: int, words: str
) -> None:
    mail = letter(reserve(wish=wish(language=language), at=AT), "confirmed", ahead)
    assert words in mail.text and words in mail.html and f'lang="{language}"' in mail.html


def test_two_letters_from_one_form_share_nothing_personal(launch_data: datetime) -> None:
    first = reserve(wish=wish(email="a@x.example", name="Ada L."), at=AT)
    second = reserve(wish=wish(email="b@x.example", name="Bo M."), at=AT + timedelta(hours=1))
    ours, theirs = letter(first, "confirmed"), letter(second, "confirmed", 1)
    for words in ("Ada L.", first.reference, links.reservation_key(first), "13:00 UTC+1"):
        assert words in ours.text + ours.html and words not in theirs.text + theirs.html
    for words in ("Bo M.", second.reference, links.reservation_key(second), "14:00 UTC+1", "1 person is ahead"):
        assert words in theirs.text + theirs.html and words not in ours.text + ours.html


def test_letters_about_different_things_come_from_different_forms(launch_data: datetime) -> None:
    glasses = letter(reserve(wish=wish(), at=AT), "confirmed")
    others = [
        letter(reserve(wish=wish(email="b@x.example", quantity=2), at=AT), "confirmed"),
        letter(reserve(wish=wish(email="c@x.example", sku="S1-TRT"), at=AT), "confirmed"),
        letter(reserve(wish=wish(email="d@x.example", market="NL"), at=AT), "confirmed"),
    ]
    for mail, words in zip(others, ("Quantity: 2", "Tortoise", "Delivery country: Netherlands"), strict=True):
        assert words in mail.text and words not in glasses.text


@pytest.mark.parametrize("name", ["<b>Ada</b> & “Co”", "\ue000url\ue001", "\ue000", "{{ url }} %(url)s \\1 \\g<0>"])
def test_a_name_is_text_and_nothing_else(launch_data: datetime, name: str) -> None:
    made = reserve(wish=wish(), at=AT)
    Reservation.objects.update(name=name)
    mail = letter(made, "confirmed")
    assert f"Name: {name}\n" in mail.text
    escaped = name.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    assert f'dir="auto">{escaped}</td>' in mail.html or f">{escaped}</td>" in mail.html


def test_who_waits_and_who_is_promoted_or_cancels_is_told_so(launch_data: datetime) -> None:
    pool = allotment()
    pool.capacity = 1
    pool.save()
    held, waiting = (reserve(wish=wish(email=f"{who}@x.example"), at=AT) for who in "ab")
    mail = letter(waiting, "waitlisted")
    assert mail.subject == "You are number 2 on the waiting list: Qianwen AI Glasses S1"
    assert "Number on the waiting list: 2" in mail.text
    cancel(reservation=held, at=AT, actor="customer")
    assert "Place: 2" in letter(waiting, "promoted").text
    assert "Nothing was charged" in letter(held, "cancelled").html


@pytest.mark.parametrize("language", ["en", "de", "zh-hans"])
def test_every_letter_is_filled_in_wholly_in_every_language(launch_data: datetime, language: str) -> None:
    pool = allotment()
    pool.capacity = 1
    pool.save()
    held, *_ = (reserve(wish=wish(email=f"{who}@x.example", language=language), at=AT) for who in "ab")
    cancel(reservation=held, at=AT, actor="customer")
    asked = ask_to_be_told(
        product=Product.objects.get(slug="glasses-s1"),
        market=Market.objects.get(code="DE"),
        email="c@x.example",
        language=language,
        at=AT,
    )
    confirm_wish(wish=asked, at=AT)
    tell_opened(at=AT)
    kinds = {message.kind: letters.write(message, people_ahead=1) for message in Message.objects.all()}
    assert set(kinds) == {"confirmed", "waitlisted", "cancelled", "promoted", "confirm_wish", "opened"}
    for mail in kinds.values():
        assert not SLOT_CHARACTERS.search(mail.subject + mail.text + mail.html)
        assert "<style" not in mail.html and 'style="' in mail.html and "\n" not in mail.subject
    end_url = settings.SITE_URL + links.wish_path(asked, "end")
    assert kinds["opened"].headers["List-Unsubscribe"] == f"<{end_url}>" and end_url in kinds["opened"].text
    assert settings.SITE_URL + links.wish_path(asked, "confirm") in kinds["confirm_wish"].html


def test_letters_of_a_kind_are_rendered_once(launch_data: datetime) -> None:
    letters._render.cache_clear()
    for number in range(5):
        letter(reserve(wish=wish(email=f"{number}@x.example"), at=AT + timedelta(minutes=number)), "confirmed", number)
    assert letters._render.cache_info().misses == 1


def test_a_deadline_of_days_comes_as_a_file_for_the_calendar(launch_data: datetime) -> None:
    pool = allotment()
    ask_for_deposit(pool.launch, "DE", 500, "EUR")
    Allotment.objects.filter(pk=pool.pk).update(capacity=1)
    first, waiting = (reserve(wish=wish(email=f"{who}@x.example"), at=AT) for who in "ab")
    assert not letter(first, "awaiting_payment").calendar and not letter(waiting, "waitlisted").calendar
    cancel(reservation=first, at=AT, actor="customer")
    assert not letter(first, "cancelled").calendar
    [event] = Calendar.from_ical(letter(waiting, "promoted").calendar).walk("VEVENT")
    assert event["summary"] == "Pay the deposit by now: Qianwen AI Glasses S1"
    assert event.decoded("dtend") == AT + timedelta(hours=48)
    assert str(event["url"]) == settings.SITE_URL + links.reservation_path(waiting)
