"""The whole shop, with a browser in front: web server, worker, relay, beat, broker, mail server, database."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, sync_playwright

from tests.shop import Shop, running_shop

CHROMIUM = "/usr/bin/chromium"
PATIENCE_SECONDS = 6
STANDS_STILL = """() => Promise.allSettled(
  document.getAnimations()
    .filter((each) => each.timeline === document.timeline && Number.isFinite(each.effect.getComputedTiming().endTime))
    .map((each) => each.finished)
)"""


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shop]:
    with running_shop(
        tmp_path_factory.mktemp("shop"),
        "journeys",
        books="tests.journeys.books",
        web=1,
        bank=["--voucher-seconds", "3"],
        more={"MONEY_RETRY_SECONDS": "1", "WAITING_ROOM_PATIENCE_SECONDS": str(PATIENCE_SECONDS)},
    ) as made:
        yield made


@pytest.fixture(scope="module")
def browser(shop: Shop) -> Iterator[Browser]:
    """After the shop: while Playwright's loop runs in this thread, Django lets nobody copy a database."""
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield chromium
        chromium.close()


@pytest.fixture(scope="module")
def axe() -> Axe:
    return Axe()


@dataclass(frozen=True)
class Visitor:
    """Somebody in front of a browser. Whatever the browser complains about fails the journey."""

    page: Page
    shop: Shop
    axe: Axe
    has_javascript: bool

    def go(self, path: str) -> None:
        self.page.goto(path if path.startswith("http") else self.shop.url + path)

    def check(self) -> None:
        """No violation of WCAG 2.2 AA that axe can find once what fades in is there; needs JavaScript to look."""
        if self.has_javascript:
            self.page.evaluate(STANDS_STILL)
            tags = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
            found = self.axe.run(
                self.page, options={"runOnly": {"type": "tag", "values": tags}, "resultTypes": ["violations"]}
            )
            assert found.violations_count == 0, found.generate_report()

    def submit(self, selector: str = "main form[method=post] button") -> None:
        with self.page.expect_navigation():
            self.page.locator(selector).click()


@pytest.fixture(params=[True, False], ids=["script", "no-script"])
def visitor(request: pytest.FixtureRequest, browser: Browser, shop: Shop, axe: Axe) -> Iterator[Visitor]:
    context = browser.new_context(java_script_enabled=request.param, locale="en-GB")
    context.set_default_timeout(15_000)
    page = context.new_page()
    complaints: list[str] = []
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.on("console", lambda message: complaints.append(message.text) if message.type == "error" else None)
    yield Visitor(page, shop, axe, request.param)
    context.close()
    # A page that says no has a status of 4xx, and Chromium notes that on its console.
    assert [each for each in complaints if "responded with a status of 4" not in each] == []
