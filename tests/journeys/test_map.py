"""The map in a real browser: three days, and an open, a waiting and a blocked market opened by the keyboard."""

from __future__ import annotations

import re

from playwright.sync_api import expect

from tests.journeys.conftest import Visitor

DAYS = ("2026-02-28", "2026-11-25", "2027-02-18")
STATES = ("open", "notify_only", "blocked")


def test_three_days_are_three_maps_and_a_country_opens_by_the_keyboard(visitor: Visitor) -> None:
    page = visitor.page
    visitor.go("/en-de/availability/")
    seen = set()
    for day in DAYS:
        page.locator("#on").fill(day)
        page.locator(".map-choice button").click()
        page.wait_for_url(re.compile(f"/availability/glasses-s1/{day}/"))
        seen.add(tuple(page.locator(".map a[data-status]").evaluate_all("all => all.map(each => each.dataset.status)")))
    assert len(seen) == len(DAYS)
    for state in STATES:
        visitor.go("/en-de/availability/")
        country = page.locator(f".map a[data-status={state}]").first
        words = country.get_attribute("aria-label") or ""
        country.focus()
        page.keyboard.press("Enter")
        page.wait_for_url(re.compile("/availability/glasses-s1/now/here/"))
        expect(page.locator(f'.state[data-status="{state}"]').first).to_contain_text(words.partition(": ")[2])


def test_a_state_of_the_legend_is_shown_alone_and_all_come_back(visitor: Visitor) -> None:
    page = visitor.page
    visitor.go("/en-de/availability/")
    every = page.locator("[data-availability] tbody tr").count()
    page.locator("[data-only=notify_only]").focus()
    page.keyboard.press("Enter")
    page.wait_for_url(re.compile("/only/notify_only/"))
    few = page.locator("[data-availability] tbody tr").count()
    assert 0 < few < every and page.locator(".map a[data-status]:not([data-dim])").count() == few
    page.get_by_text("Show every country").click()
    page.wait_for_url(re.compile("/availability/glasses-s1/$"))
    expect(page.locator("[data-availability] tbody tr")).to_have_count(every)
