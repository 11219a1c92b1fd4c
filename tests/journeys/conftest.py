"""The whole shop, with a browser in front: web server, worker, relay, beat, broker, mail server, database."""

from __future__ import annotations

import http.client
import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, sync_playwright

from tests.asking import Ask, helper
from tests.jobs.stage import (
    Sink,
    beat_command,
    broker,
    free_port,
    process,
    relay_command,
    sink,
    wait_until,
    worker_command,
)
from tests.races.stage import empty_database
from tests.standin import KEY, SECRET, standin

CHROMIUM = "/usr/bin/chromium"
STANDS_STILL = """() => Promise.allSettled(
  document.getAnimations()
    .filter((each) => each.timeline === document.timeline && Number.isFinite(each.effect.getComputedTiming().endTime))
    .map((each) => each.finished)
)"""


@dataclass(frozen=True)
class Shop:
    """A running shop."""

    url: str
    smtp: Sink
    environment: dict[str, str]
    books: Ask

    def mail_to(self, email: str, count: int = 1) -> dict[str, Any]:
        """The newest mail to an address, once so many have arrived."""
        mine = lambda: [mail for mail in self.smtp.mails if mail["to"] == [email]]  # noqa: E731
        wait_until(lambda: len(mine()) >= count, f"{count} mails to {email}")
        assert len(mine()) == count
        found: dict[str, Any] = mine()[-1]
        return found

    def link_in(self, mail: dict[str, Any], part: str) -> str:
        links = re.findall(rf"{re.escape(self.url)}\S+", mail["text"])
        return next(link for link in links if part in link)


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shop]:
    folder: Path = tmp_path_factory.mktemp("shop")
    port = free_port()
    url = f"http://localhost:{port}"
    with (
        empty_database("journeys") as environment,
        broker(folder) as broker_url,
        sink(folder) as smtp,
        standin(f"{url}/stripe/webhook/", "--voucher-seconds", "3") as bank,
    ):
        environment |= {
            "REDIS_URL": broker_url,
            "CELERY_BROKER_URL": broker_url,
            "EMAIL_URL": f"smtp://127.0.0.1:{smtp.port}",
            "SITE_URL": url,
            "PORT": str(port),
            "STRIPE_SECRET_KEY": KEY,
            "STRIPE_API_BASE": bank.base,
            "STRIPE_WEBHOOK_SECRET": SECRET,
            "MONEY_RETRY_SECONDS": "1",
        }
        web = [sys.executable, "-m", "granian", "--interface", "rsgi", "--host", "127.0.0.1", "--port", str(port)]
        web += ["--workers", "1", "--no-ws", "storefront.entrance:entrance"]
        with (
            process(web, environment),
            process(worker_command(), environment),
            process(relay_command(), environment),
            process(beat_command(folder), environment),
            helper("tests.journeys.books", environment) as books,
        ):
            wait_until(lambda: is_ready(port), "the web server")
            yield Shop(url, smtp, environment, books)


def is_ready(port: int) -> bool:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
    try:
        connection.request("GET", "/health/ready")
        return connection.getresponse().status == http.HTTPStatus.OK
    except OSError:
        return False
    finally:
        connection.close()


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
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
