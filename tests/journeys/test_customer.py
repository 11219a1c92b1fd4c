"""What customers do, from the first page to the mail, in a real browser."""

from __future__ import annotations

import re
import uuid
from datetime import datetime

import pytest
from playwright.sync_api import expect

from tests.jobs.stage import wait_until
from tests.journeys.conftest import Visitor

# Each language in a browser with JavaScript, and one without: its pages are made by the same templates.
EACH_LANGUAGE = pytest.mark.parametrize(
    ("visitor", "language"),
    [(True, "en"), (True, "de"), (True, "zh-hans"), (False, "en")],
    indirect=["visitor"],
    ids=["script-en", "script-de", "script-zh-hans", "no-script-en"],
)
CONFIRMED = {"en": "Your place is reserved", "de": "Ihr Platz ist reserviert", "zh-hans": "已为您保留排位"}


def somebody() -> str:
    return f"{uuid.uuid4().hex[:12]}@customers.example"


def choose(visitor: Visitor, variant: str) -> None:
    """With JavaScript the form is made anew for another variant: only then is there something to fill in."""
    page = visitor.page
    page.wait_for_load_state()
    choice = page.locator(f"input[name=variant][value={variant}]")
    if not choice.is_checked():
        before = choice.element_handle()
        choice.check()
        if visitor.has_javascript:
            page.wait_for_function("before => !before.isConnected", arg=before)


def fill_in(visitor: Visitor, email: str, variant: str = "S1-TRT") -> None:
    page = visitor.page
    choose(visitor, variant)
    page.locator("[name=email]").fill(email)
    page.locator("[name=name]").fill("Ada Lovelace")
    for tick in page.locator("[name^=consent_]").all():
        tick.check()


@EACH_LANGUAGE
def test_reserve_read_the_mail_and_cancel(visitor: Visitor, language: str) -> None:
    page, shop, email = visitor.page, visitor.shop, somebody()
    visitor.go("/")
    visitor.check()
    page.locator(f"a[href='/{language}-de/']").first.click()
    visitor.check()
    page.locator("main a[href$='/products/glasses-s1/']").first.click()
    visitor.check()
    page.locator("main a[href$='/reserve/glasses-s1/']").first.click()
    visitor.check()
    fill_in(visitor, email)
    visitor.submit("[data-submit]")

    (row,) = shop.books("of", email)
    assert (row["status"], row["language"], row["variant__sku"]) == ("confirmed", language, "S1-TRT")
    expect(page.locator(".reference")).to_have_text(row["reference"])
    expect(page.locator(".pass-number")).to_have_text(str(row["place_number"]))
    expect(page.locator("h1")).to_have_text(CONFIRMED[language])
    visitor.check()

    mail = shop.mail_to(email)
    assert row["reference"] in mail["text"] and str(row["place_number"]) in mail["subject"] + mail["text"]
    visitor.go(shop.link_in(mail, "/r/"))
    page.locator("a[href*='cancel=1']").click()
    visitor.check()
    visitor.submit("button.stop")
    assert [each["status"] for each in shop.books("of", email)] == ["cancelled"]
    expect(page.locator("a[href*='cancel=1']")).to_have_count(0)
    shop.mail_to(email, count=2)


@EACH_LANGUAGE
def test_before_the_opening_there_is_a_countdown_and_then_the_form(visitor: Visitor, language: str) -> None:
    page, shop, email = visitor.page, visitor.shop, somebody()
    market = {"en": "SG", "de": "CH", "zh-hans": "HK"}[language]
    opens_at = datetime.fromisoformat(shop.books("open_in", market, "3600"))
    form = f"/{language}-{market.lower()}/reserve/glasses-s1/"
    visitor.go(form)
    assert datetime.fromisoformat(page.locator("[data-countdown]").get_attribute("data-opens-at") or "") == opens_at
    expect(page.locator("[name=email]")).to_have_count(0)
    visitor.check()
    shop.books("open_in", market, "4")
    visitor.go(form)
    if visitor.has_javascript:
        expect(page.locator("[name=email]")).to_be_visible(timeout=20_000)  # the page opens by itself
    else:
        wait_until(
            lambda: page.goto(shop.url + form) is not None and page.locator("[name=email]").count() > 0, "opening"
        )
    fill_in(visitor, email)
    visitor.submit("[data-submit]")
    assert [each["status"] for each in shop.books("of", email)] == ["confirmed"]


@EACH_LANGUAGE
def test_where_it_is_not_allowed_the_page_says_why_and_tells_later(visitor: Visitor, language: str) -> None:
    page, shop, email = visitor.page, visitor.shop, somebody()
    visitor.go(f"/{language}-ca/reserve/glasses-s1/")
    expect(page.locator("[name=email]")).to_have_count(0)
    assert page.locator("main .lines li").count() >= 1
    visitor.check()
    page.locator("main a[href*='/notify/']").first.click()
    visitor.check()
    page.locator("main form[method=post] [name=email]").fill(email)
    visitor.submit()
    visitor.go(shop.link_in(shop.mail_to(email), "/confirm/"))
    visitor.check()
    visitor.submit()
    visitor.check()
    assert shop.books("of", email) == []


def test_errors_are_named_and_what_was_typed_stays(visitor: Visitor) -> None:
    page, email = visitor.page, somebody()
    visitor.go("/en-de/reserve/glasses-s1/")
    fill_in(visitor, email)
    page.locator("[name=quantity]").fill("7")
    visitor.submit("[data-submit]")
    summary = page.locator("[data-error-summary]")
    expect(summary).to_contain_text("at most 2")
    if visitor.has_javascript:
        expect(summary).to_be_focused()
    visitor.check()
    expect(page.locator("[name=email]")).to_have_value(email)
    expect(page.locator("[name^=consent_]").first).to_be_checked()
    page.locator("[name=quantity]").fill("2")
    visitor.submit("[data-submit]")
    assert [each["quantity"] for each in visitor.shop.books("of", email)] == [2]


def test_a_double_click_is_one_reservation(visitor: Visitor) -> None:
    email = somebody()
    visitor.go("/en-de/reserve/glasses-s1/")
    fill_in(visitor, email)
    visitor.page.locator("[data-submit]").dblclick()
    expect(visitor.page.locator(".reference")).to_be_visible()
    assert len(visitor.shop.books("of", email)) == 1


def test_with_the_keyboard_alone(visitor: Visitor) -> None:
    page, email = visitor.page, somebody()
    visitor.go("/en-de/reserve/glasses-s1/")
    press = page.keyboard.press
    page.locator("input[name=variant]").first.focus()
    for text in ("1", email, "Ada Lovelace"):
        press("Tab")
        page.keyboard.press("Control+A")
        page.keyboard.type(text)
    press("Tab")
    for _ in page.locator("[name^=consent_]").all():
        press("Space")
        press("Tab")
    expect(page.locator("[data-submit]")).to_be_focused()
    press("Enter")
    expect(page.locator(".reference")).to_be_visible()
    assert len(visitor.shop.books("of", email)) == 1


def test_notices_follow_the_variant_and_what_was_ticked_stays(visitor: Visitor) -> None:
    page, email = visitor.page, somebody()
    visitor.go("/en-de/reserve/glasses-s1/")
    fill_in(visitor, email, "S1-BLK")
    lenses = page.locator("[name=consent_eu-gdpr-art9-lenses]")
    expect(lenses).to_have_count(0)
    page.locator("input[name=variant][value=S1-BLK-RX]").check()
    if visitor.has_javascript:
        expect(lenses).to_be_visible()
    else:
        visitor.submit("[data-submit]")
        expect(page.locator("[data-error-summary]")).to_be_visible()
    expect(page.locator("[name=email]")).to_have_value(email)
    expect(page.locator("[name=consent_eu-gdpr-art8-children]")).to_be_checked()
    lenses.check()
    visitor.submit("[data-submit]")
    assert [each["variant__sku"] for each in visitor.shop.books("of", email)] == ["S1-BLK-RX"]


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [390, 1280])
def test_pages_are_accessible_and_fit(visitor: Visitor, scheme: str, width: int) -> None:
    page = visitor.page
    page.emulate_media(color_scheme="dark" if scheme == "dark" else "light")
    page.set_viewport_size({"width": width, "height": 900})
    paths = ["", "products/glasses-s1/", "products/ring/", "availability/", "reserve/glasses-s1/", "privacy/", "terms/"]
    for path in paths:
        visitor.go(f"/en-de/{path}")
        visitor.check()
        if visitor.has_javascript:
            assert page.evaluate("document.documentElement.scrollWidth") <= width, path
    assert re.search("<main", page.content())
