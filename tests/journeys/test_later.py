"""What customers do in the months after reserving, by keyboard alone, on a narrow page."""

from __future__ import annotations

import uuid

import pytest
from playwright.sync_api import Locator, expect

from tests.journeys.conftest import Visitor

NARROW = {"width": 390, "height": 844}
MOST_TABS = 60


def somebody() -> str:
    return f"{uuid.uuid4().hex[:12]}@customers.example"


def reach(visitor: Visitor, target: Locator) -> None:
    """Press the tabulator until the focus is there, as somebody without a mouse does."""
    for _ in range(MOST_TABS):
        if target.evaluate("element => element === document.activeElement"):
            return
        visitor.page.keyboard.press("Tab")
    raise AssertionError(f"the keyboard does not reach {target}")


def press(visitor: Visitor, target: Locator) -> None:
    """Follow a link or press a button by the Enter key."""
    reach(visitor, target)
    with visitor.page.expect_navigation():
        visitor.page.keyboard.press("Enter")


def look(visitor: Visitor) -> None:
    visitor.check()
    assert visitor.page.evaluate("document.documentElement.scrollWidth <= innerWidth")


@pytest.fixture
def narrow(visitor: Visitor) -> Visitor:
    visitor.page.set_viewport_size(NARROW)  # type: ignore[arg-type]
    return visitor


def test_a_move_to_another_country_is_shown_first_and_then_accepted(narrow: Visitor) -> None:
    page, shop, email = narrow.page, narrow.shop, somebody()
    narrow.go(shop.books("made", email, "en"))
    press(narrow, page.locator("a[href*='/change/']"))
    look(narrow)
    country = page.locator("select[name=market]")
    reach(narrow, country)
    page.keyboard.type("Japan")
    press(narrow, page.get_by_role("button", name="Show what would change"))
    look(narrow)
    expect(page.locator("tr.differs", has_text="Price each")).to_contain_text("JPY")
    (row,) = shop.books("of", email)
    assert row["market"] == "DE"
    for tick in page.locator("[name^=consent_]").all():
        reach(narrow, tick)
        page.keyboard.press("Space")
    press(narrow, page.get_by_role("button", name="Change it so"))
    look(narrow)
    expect(page.locator(".events")).to_contain_text("Changed; the rank is kept")
    (row,) = shop.books("of", email)
    assert (row["market"], row["status"]) == ("JP", "confirmed")
    assert "nothing to do" in shop.mail_to(email, count=2)["subject"]


def test_who_is_invited_gives_the_address_and_orders(narrow: Visitor) -> None:
    page, shop, email = narrow.page, narrow.shop, somebody()
    path = shop.books("made", email, "de")
    assert shop.books("invited", email) == "invited"
    mail = shop.mail_to(email, count=2)
    assert mail["subject"].startswith("Jetzt bestellen, binnen 72 Stunden")
    narrow.go(shop.link_in(mail, "/r/"))
    look(narrow)
    press(narrow, page.get_by_role("link", name="Lieferanschrift angeben"))
    look(narrow)
    for name, words in (("street", "Lindenweg 4"), ("postcode", "50667"), ("city", "Köln")):
        reach(narrow, page.locator(f"[name={name}]"))
        page.keyboard.type(words)
    press(narrow, page.get_by_role("button", name="Speichern"))
    press(narrow, page.get_by_role("button", name="Zahlungspflichtig bestellen"))
    reach(narrow, page.locator("#number"))
    page.keyboard.type("4242424242424242")
    press(narrow, page.locator("#pay"))
    expect(page.locator("h1")).to_have_text("Danke für Ihre Bestellung", timeout=30_000)
    look(narrow)
    assert shop.mail_to(email, count=3)["subject"].startswith("Sie haben bestellt")
    narrow.go(path)
    expect(page.get_by_role("button", name="Zahlungspflichtig bestellen")).to_have_count(0)


@pytest.mark.parametrize(("after", "heading"), [("expired", "您的邀请已结束"), ("revoked", "我们不得不收回您的预订")])
def test_what_has_ended_says_so_and_offers_nothing_that_cannot_be(narrow: Visitor, after: str, heading: str) -> None:
    page, shop, email = narrow.page, narrow.shop, somebody()
    path = shop.books("made", email, "zh-hans")
    shop.books("invited", email)
    shop.mail_to(email, count=2)
    shop.books("ended", email, after)
    narrow.go(path)
    look(narrow)
    expect(page.locator("h1")).to_have_text(heading)
    expect(page.locator("main form")).to_have_count(0)
    expect(page.locator(".may")).to_have_count(0)


def test_a_ring_gets_its_size_later(narrow: Visitor) -> None:
    page, shop, email = narrow.page, narrow.shop, somebody()
    narrow.go(shop.books("ring", email))
    look(narrow)
    size = page.locator("select[name=sku]")
    reach(narrow, size)
    page.keyboard.type("9")
    press(narrow, page.get_by_role("button", name="Choose this size"))
    look(narrow)
    expect(page.locator("select[name=sku] option:checked")).to_have_text("9")
    press(narrow, page.get_by_role("button", name="Send me a sizing kit"))
    for name, words in (("street", "Lindenweg 4"), ("postcode", "50667"), ("city", "Köln")):
        reach(narrow, page.locator(f"[name={name}]"))
        page.keyboard.type(words)
    press(narrow, page.get_by_role("button", name="Save"))
    press(narrow, page.get_by_role("button", name="Send me a sizing kit"))
    look(narrow)
    assert "Your sizing kit comes" in shop.mail_to(email, count=2)["subject"]
    (row,) = shop.books("of", email)
    assert (row["variant__sku"], row["status"]) == ("RING-GRA-ANY", "confirmed")


def test_a_lost_link_is_mailed_anew(narrow: Visitor) -> None:
    page, shop, email = narrow.page, narrow.shop, somebody()
    path = shop.books("made", email, "en")
    narrow.go(path.replace("key=", "key=x"))
    press(narrow, page.get_by_role("link", name="Send me a new link"))
    look(narrow)
    reach(narrow, page.locator("[name=email]"))
    page.keyboard.type(email)
    press(narrow, page.get_by_role("button", name="Send me the link"))
    look(narrow)
    narrow.go(shop.link_in(shop.mail_to(email, count=2), "/r/"))
    expect(page.locator("h1")).to_have_text("Your place is reserved")
