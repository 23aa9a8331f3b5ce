"""The frame in a browser: every page in light and dark, wide and narrow, in both languages."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import expect

from tests.console.browser import findings_of_axe, settled
from tests.console.conftest import Visit

PAGES = (
    "/editor",
    "/simulator",
    "/tests",
    "/compare",
    "/live",
    "/versions",
    "/settings",
    "/settings/keys",
    "/settings/accounts",
    "/settings/audit",
    "/me",
    "/search?q=order",
)


@pytest.mark.slow
def test_every_page_can_be_used_by_everybody(visit: Visit) -> None:
    """axe-core finds nothing serious in light and dark, and nothing scrolls sideways at 400 px."""
    found = {}
    page = visit("admin")
    for size in ((1440, 900), (400, 860)):
        page.set_viewport_size({"width": size[0], "height": size[1]})
        for path in PAGES:
            page.goto(path)
            settled(page)
            wide = page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
            found[path, size] = findings_of_axe(page) + ([f"{wide} px too wide"] if wide > 0 else [])

    assert {place: problems for place, problems in found.items() if problems} == {}


def test_pages_are_found_by_keys_alone(visit: Visit) -> None:
    """Ctrl K, a word, arrow down, Enter."""
    page = visit("editor", "/versions")
    page.keyboard.press("Control+k")
    page.keyboard.type("pickup-over")
    expect(page.locator("#search-found a").first).to_be_visible()
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Enter")

    page.wait_for_url(re.compile("/editor"))


def test_theme_and_language_are_remembered(visit: Visit) -> None:
    """From page to page."""
    page = visit("viewer", "/live")
    page.click(".theme-switch")
    page.click("a[lang=en]")
    page.goto("/versions")

    expect(page.locator("html")).to_have_attribute("data-theme", "dark")
    expect(page.locator("html")).to_have_attribute("lang", "en")
