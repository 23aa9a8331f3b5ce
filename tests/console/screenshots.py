"""`make screenshots`: every page of the console in light and dark, and at 400 px, into docs/screenshots."""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path

from playwright.sync_api import Browser, Page

from tests.console import scene
from tests.console.browser import SIZES, Watched, launched
from tests.console.house import PASSWORD, served

FOLDER = Path(__file__).resolve().parents[2] / "docs" / "screenshots"


def _compared(page: Page) -> None:
    page.click("#compare-form button")
    page.wait_for_selector(".totals", timeout=120_000)
    page.wait_for_selector("#gate-missing")


def _why_not(page: Page) -> None:
    address = page.locator('a[href*="verdict="]', has_text="条件不成立").first.get_attribute("href")  # below 720 px it stands behind a tab
    page.goto(address or "")
    page.wait_for_load_state("networkidle")


# File -> address, and what is done there. The editor comes last: its draft has an error, with which nothing can be simulated or compared.
PAGES: dict[str, tuple[str, Callable[[Page], None] | None]] = {
    "simulator": ("/simulator?story=sample:1-evening", _why_not),
    "tests": ("/tests?run=1", None),
    "compare": ("/compare", _compared),
    "live": ("/live", None),
    "versions": ("/versions?old=live&new=draft", None),
    "settings": ("/settings", None),
    "editor": ("/editor?find=cart-reminder", None),
}
LOOKS = (("light", "wide", False), ("dark", "wide", True), ("narrow", "narrow", False))


def main(wanted: Sequence[str]) -> int:
    """All pages, or those that are named. 1 when a page did what none may."""
    noise: list[str] = []
    with tempfile.TemporaryDirectory() as folder:
        console = scene.set_up(f"sqlite:///{folder}/scene.db")
        scene.change(console)
        try:
            with served(console.app) as home, launched() as browser:
                for names in (set(PAGES) - {"editor"}, {"editor"}):
                    if "editor" in names:
                        scene.break_(console)
                    for look, size, dark in LOOKS:
                        noise += _take(
                            browser, home, look, size, dark, [name for name in PAGES if name in names and name in (wanted or PAGES)]
                        )
        finally:
            console.close()
    for line in noise:
        print(line, file=sys.stderr)
    return 1 if noise else 0


def _take(browser: Browser, home: str, look: str, size: str, dark: bool, names: Sequence[str]) -> list[str]:
    width, height = SIZES[size]
    context = browser.new_context(
        base_url=home, viewport={"width": width, "height": height}, color_scheme="dark" if dark else "light", locale="zh-CN"
    )
    page = context.new_page()
    watched = Watched(page, home)
    _sign_in(page)
    for name in names:
        address, act = PAGES[name]
        page.goto(address)
        page.wait_for_load_state("networkidle")
        if act is not None:
            act(page)
        page.screenshot(path=FOLDER / f"{name}-{look}.png")
        print(FOLDER / f"{name}-{look}.png", file=sys.stderr)
    context.close()
    return watched.noise


def _sign_in(page: Page) -> None:
    page.goto("/signin")
    page.fill("input[name=name]", scene.WHO)
    page.fill("input[name=password]", PASSWORD)
    page.click("button.primary")
    page.wait_for_url(lambda address: "/signin" not in address)


if __name__ == "__main__":
    FOLDER.mkdir(parents=True, exist_ok=True)
    sys.exit(main(sys.argv[1:]))
