"""A customer pays the deposit on Stripe's page (the stand-in), by keyboard alone, on a narrow page."""

from __future__ import annotations

from playwright.sync_api import expect

from tests.jobs.stage import wait_until
from tests.journeys.conftest import Visitor
from tests.journeys.test_later import look, narrow, press, reach, somebody

__all__ = ["narrow"]
GOOD, DECLINED, ASKS = "4242424242424242", "4000000000000002", "4000002760003184"


def to_the_pay_page(visitor: Visitor, email: str) -> None:
    visitor.go(visitor.shop.books("held", email))
    expect(visitor.page.locator("h1")).to_have_text("Your place is held for you")
    look(visitor)
    press(visitor, visitor.page.get_by_role("button", name="Pay AUD"))
    expect(visitor.page.locator(".amount")).to_have_text("AUD 8.00")


def pay_with(visitor: Visitor, card: str) -> None:
    number = visitor.page.locator("#number")
    reach(visitor, number)
    visitor.page.keyboard.type(card)
    press(visitor, visitor.page.locator("#pay"))


def is_confirmed(visitor: Visitor, email: str) -> None:
    """The page says so by itself, and one letter confirms it."""
    expect(visitor.page.get_by_role("heading", name="Your place is reserved")).to_be_visible(timeout=30_000)
    look(visitor)
    assert "is reserved" in visitor.shop.mail_to(email)["subject"]


def test_who_pays_is_confirmed_and_gets_it_back_on_cancelling(narrow: Visitor) -> None:
    page, email = narrow.page, somebody()
    to_the_pay_page(narrow, email)
    pay_with(narrow, GOOD)
    is_confirmed(narrow, email)
    press(narrow, page.get_by_role("link", name="Cancel this reservation"))
    look(narrow)
    expect(page.locator("#cancel + p")).to_contain_text("AUD")
    press(narrow, page.get_by_role("button", name="Cancel the reservation"))
    look(narrow)
    narrow.shop.mail_to(email, count=3)
    subjects = [mail["subject"] for mail in narrow.shop.smtp.mails if mail["to"] == [email]]
    assert sum("goes back to you" in subject for subject in subjects) == 1  # two workers: the last two in any order
    page.reload()
    expect(page.locator("[data-money]")).to_contain_text("Sent back to you")


def test_after_a_decline_another_card_pays(narrow: Visitor) -> None:
    page, email = narrow.page, somebody()
    to_the_pay_page(narrow, email)
    pay_with(narrow, DECLINED)
    expect(page.get_by_role("alert")).to_have_text("Your card was declined.")
    press(narrow, page.get_by_role("link", name="Back to the shop"))
    wait_until(lambda: page.reload() is not None and page.locator("[data-result=declined]").count() == 1, "the news")
    look(narrow)
    press(narrow, page.get_by_role("button", name="Pay AUD"))
    pay_with(narrow, GOOD)
    is_confirmed(narrow, email)


def test_the_bank_asks_who_it_is(narrow: Visitor) -> None:
    page, email = narrow.page, somebody()
    to_the_pay_page(narrow, email)
    pay_with(narrow, ASKS)
    press(narrow, page.locator("#complete"))
    is_confirmed(narrow, email)


def test_who_closes_the_tab_comes_back_by_the_link_and_sees_what_is_true(narrow: Visitor) -> None:
    page, email = narrow.page, somebody()
    path = narrow.shop.books("held", email)
    narrow.go(path)
    press(narrow, page.get_by_role("button", name="Pay AUD"))
    pay_page = page.url
    page.goto("about:blank")
    narrow.go(path)
    expect(page.get_by_role("button", name="Pay AUD")).to_be_visible()
    press(narrow, page.get_by_role("button", name="Pay AUD"))
    assert page.url == pay_page  # the same payment
    pay_with(narrow, GOOD)
    is_confirmed(narrow, email)


def test_who_takes_too_long_has_paid_nothing(narrow: Visitor) -> None:
    page, email = narrow.page, somebody()
    to_the_pay_page(narrow, email)
    pay_page = page.url
    narrow.shop.books("time_is_over", email)
    assert "was let go" in narrow.shop.mail_to(email)["subject"]
    narrow.go(pay_page)
    expect(page.locator("main")).to_contain_text("This page has expired. Nothing was paid.")
    page.get_by_role("link", name="Back to the shop").click()
    expect(page.locator("h1")).to_have_text("Your place was let go")
    look(narrow)


def test_a_voucher_takes_its_time_and_the_place_is_kept(narrow: Visitor) -> None:
    page, email = narrow.page, somebody()
    to_the_pay_page(narrow, email)
    reach(narrow, page.locator("input[value=card]"))
    page.keyboard.press("ArrowDown")
    press(narrow, page.locator("#pay"))
    look(narrow)
    expect(page.locator("[data-result=waiting]")).to_have_count(0, timeout=30_000)  # until then it reloads by itself
    narrow.shop.mail_to(email)
    page.reload()
    is_confirmed(narrow, email)
