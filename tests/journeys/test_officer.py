"""Two officers take a certificate from draft to approved in a real browser, and a market opens by it."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.officers import PDF
from tests.shop import Shop

EVIDENCE = "/admin/reservations/evidence/"
PASSWORD = "a-long-password"
SHOTS = os.environ.get("SCREENSHOTS")


def shot(page: Page, name: str) -> None:
    """Keep a picture to look at, where a folder is named for them."""
    if SHOTS:
        page.screenshot(path=str(Path(SHOTS) / f"{name}.png"), full_page=True)


@contextmanager
def signed_in(browser: Browser, shop: Shop, name: str) -> Iterator[Page]:
    context = browser.new_context(locale="en-GB", viewport={"width": 1280, "height": 900})
    context.set_default_timeout(15_000)
    page = context.new_page()
    complaints: list[str] = []
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.on("console", lambda message: complaints.append(message.text) if message.type == "error" else None)
    page.goto(f"{shop.url}/admin/")
    page.locator("[name=username]").fill(name)
    page.locator("[name=password]").fill(PASSWORD)
    page.locator("[type=submit]").click()
    expect(page.locator("h1", has_text="Today")).to_be_visible()
    yield page
    context.close()
    assert complaints == []


@pytest.fixture(scope="module", autouse=True)
def officers(shop: Shop) -> None:
    for name in ("ada", "lin"):
        shop.books("officer", name, PASSWORD)


def press(page: Page, label: str) -> None:
    """Follow the link of an act and press its button."""
    page.locator(".object-tools a", has_text=re.compile(f"^{label}$")).click()
    shot(page, f"officer-{label.lower()}")
    page.locator(f"input[type=submit][value={label}]").click()
    expect(page.locator(".messagelist .success")).to_be_visible()


def write_draft(page: Page, shop: Shop) -> None:
    page.goto(f"{shop.url}{EVIDENCE}add/")
    for field, value in {
        "id": "ca-ised-s1",
        "identifier": "21098",
        "issuer": "Test laboratory",
        "issued_on": "2026-10-01",
        "products": '["glasses-s1"]',
    }.items():
        page.locator(f"[name={field}]").fill(value)
    page.locator(".field-requirement .select2-selection").click()
    page.locator(".select2-search__field").fill("ca-ised")
    page.locator(".select2-results__option", has_text="ca-ised-certification").click()
    certificate = {"name": "certificate.pdf", "mimeType": "application/pdf", "buffer": PDF}
    page.locator("[name=file]").set_input_files([certificate])
    page.locator("[name=_continue]").click()
    expect(page.locator(".errorlist")).to_contain_text("write the company number")
    shot(page, "officer-refused")
    page.locator("[name=identifier]").fill("21098-GLASSESS1")
    page.locator("[name=file]").set_input_files([certificate])
    page.locator("[name=_continue]").click()
    expect(page.locator(".field-kept")).to_contain_text("SHA-256")
    shot(page, "officer-draft")


def test_from_draft_to_approved_with_two_people(browser: Browser, shop: Shop) -> None:
    with signed_in(browser, shop, "ada") as page:
        write_draft(page, shop)
        press(page, "Submit")
        expect(page.locator(".object-tools a", has_text=re.compile("^Approve$"))).to_have_count(0)
        expect(page.locator("body")).to_contain_text("a second person approves it")
        shot(page, "officer-own")
    with signed_in(browser, shop, "lin") as page:
        expect(page.locator(".today")).to_contain_text("needs your approval")
        shot(page, "officer-today")
        page.locator(".today a", has_text="ca-ised-s1").click()
        press(page, "Approve")
        expect(page.locator(".field-standing")).to_contain_text("approved")
        expect(page.locator(".field-history")).to_contain_text("staff:lin")
        shot(page, "officer-approved")
        page.goto(f"{shop.url}/en-ca/availability/")
        page.goto(f"{shop.url}{EVIDENCE}?standing=approved")
        shot(page, "officer-list")
    assert shop.books("reasons", "S1-BLK", "CA").count("ca-ised-certification") == 0


def test_a_change_of_law_is_seen_and_confirmed_by_a_second_person(browser: Browser, shop: Shop) -> None:
    law = f"{shop.url}/admin/reservations/requirement/kr-kc-radio/change/"
    with signed_in(browser, shop, "ada") as page:
        page.goto(law)
        page.locator("[name=evidence_validity]").fill("P1D")
        page.locator("[name=_save]").click()
        page.locator("#result_list a", has_text="Requirement kr-kc-radio").click()
        expect(page.locator(".field-cells_table")).to_contain_text("not: kr-kc-radio")
        shot(page, "officer-proposal")
    with signed_in(browser, shop, "lin") as page:
        page.locator(".today a", has_text="Requirement kr-kc-radio").click()
        press(page, "Confirm")
        expect(page.locator(".field-status")).to_contain_text("applied")
        page.goto(f"{shop.url}/admin/reservations/proposedchange/import/")
        shot(page, "officer-import")
    assert "kr-kc-radio" in shop.books("reasons", "S1-BLK", "KR")
