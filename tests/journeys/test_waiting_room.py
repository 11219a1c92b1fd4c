"""The queue at opening, in a real browser, with and without JavaScript."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest
from playwright.sync_api import expect

from tests.jobs.stage import wait_until
from tests.journeys.conftest import PATIENCE_SECONDS, Visitor
from tests.journeys.test_customer import EACH_LANGUAGE, fill_in, somebody
from tests.shop import Shop

TURN = {"en": "It is your turn.", "de": "Sie sind an der Reihe.", "zh-hans": "轮到您了"}
FORM = re.compile(r"/reserve/glasses-s1/")


def queue_up(visitor: Visitor, path: str) -> None:
    """To the form, and to the room instead, once the web server has noticed that it is on and lets nobody in."""

    def is_waiting() -> bool:
        visitor.page.context.clear_cookies()  # with the turn of a moment ago one would never wait
        visitor.go(path)
        return visitor.page.locator("[data-room]").count() == 1

    wait_until(is_waiting, "the waiting room")


@pytest.mark.parametrize("language", ["de"])  # the others are read in `test_layer.py`
def test_wait_for_a_turn_take_more_time_and_reserve(visitor: Visitor, language: str) -> None:
    page, shop, email = visitor.page, visitor.shop, somebody()
    shop.books("room", "0")
    queue_up(visitor, f"/{language}-de/reserve/glasses-s1/")
    number = page.locator("[data-place]").inner_text()
    assert int(number) >= 1
    visitor.check()

    page.goto("about:blank")
    visitor.go(f"/{language}-de/waiting-room/?product=glasses-s1")
    expect(page.locator("[data-place]")).to_have_text(number)

    shop.books("room", "6000")
    if visitor.has_javascript:
        page.wait_for_url(FORM, timeout=30_000)
    else:
        wait_until(lambda: look_again(visitor), "the turn")
    expect(page.locator("[data-turn]")).to_contain_text(TURN[language])
    visitor.check()
    page.locator("[data-turn] button").click()
    expect(page.locator("[data-turn]")).to_be_visible()
    if visitor.has_javascript:
        expect(page.locator("[data-turn] [data-left]")).to_have_text(re.compile(r"^(10:00|9:5\d)$"))
    fill_in(visitor, email)
    visitor.submit("[data-submit]")
    assert [each["status"] for each in shop.books("of", email)] == ["confirmed"]


def look_again(visitor: Visitor) -> bool:
    again = visitor.page.locator("[data-room] a.button")
    if again.count():
        again.click()
    return FORM.search(visitor.page.url) is not None


def test_the_link_opens_the_place_in_another_browser(visitor: Visitor) -> None:
    page, shop = visitor.page, visitor.shop
    shop.books("room", "0")
    queue_up(visitor, "/en-de/reserve/glasses-s1/")
    number = page.locator("[data-place]").inner_text()
    link = page.locator("[data-link]").get_attribute("href")
    assert link and link.startswith(shop.url)
    page.context.clear_cookies()
    visitor.go(link)
    expect(page.locator("[data-place]")).to_have_text(number)


def test_a_challenge_is_solved_by_the_browser_or_by_patience(visitor: Visitor) -> None:
    page, shop = visitor.page, visitor.shop
    shop.books("challenge", "on")
    try:
        wait_until(lambda: is_at_door(visitor), "the challenge")
        if not visitor.has_javascript:
            page.locator("[data-door] button").click()
            expect(page.locator("[data-door]")).to_be_visible()  # too early
            page.wait_for_timeout(PATIENCE_SECONDS * 1000)
            page.locator("[data-door] button").click()
        expect(page.locator("[data-room]")).to_be_visible(timeout=60_000)
    finally:
        shop.books("challenge", "off")


def is_at_door(visitor: Visitor) -> bool:
    """The challenge page was reached; a browser with JavaScript may be through it already."""
    visitor.page.context.clear_cookies()
    with visitor.page.expect_response(re.compile(r"/waiting-room/")) as got:
        visitor.go("/en-de/waiting-room/?product=glasses-s1")
    return "data-door" in got.value.text()


@pytest.fixture(scope="module")
def drawn_ticket(shop: Shop) -> str:
    return str(shop.books("drawn"))


@EACH_LANGUAGE
def test_anybody_can_check_the_draw(visitor: Visitor, drawn_ticket: str, language: str, tmp_path: Path) -> None:
    page = visitor.page
    visitor.go(f"/{language}-de/draw/glasses-2026/")
    visitor.check()
    page.locator("#ticket").fill(f"{visitor.shop.url}/en-de/waiting-room/?ticket={drawn_ticket}.0.abc")
    visitor.submit("main form button")
    place = page.locator("[data-place]").get_attribute("data-place")
    visitor.check()
    for name in ("draw.json", "verify_draw.py"):
        href = page.locator(f"a[download='{name}']").get_attribute("href")
        (tmp_path / name).write_bytes(page.request.get(f"{visitor.shop.url}{href}").body())
    command = [sys.executable, "-I", "verify_draw.py", "draw.json", drawn_ticket]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 0 and f"place {place}\n" in done.stdout
