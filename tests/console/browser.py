"""A browser as people have one: Debian's chromium, driven by Playwright; and what no page may do in it."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Browser, Page, expect, sync_playwright

AXE = Path(__file__).resolve().parents[2] / "webapp" / "frontend" / "node_modules" / "axe-core" / "axe.min.js"
SIZES = {"wide": (1440, 900), "narrow": (400, 860)}


def chromium() -> str:
    """Where it is; without it tests are skipped, or fail under CI."""
    found = shutil.which("chromium")
    if found is None:
        how = "no chromium: apt-get install chromium fonts-noto-cjk"
        if os.environ.get("CI"):
            pytest.fail(how)
        pytest.skip(how)
    return found


@contextmanager
def launched() -> Iterator[Browser]:
    """A browser that asks nobody for anything by itself."""
    with sync_playwright() as playwright:
        quiet = ["--disable-background-networking", "--disable-component-update", "--disable-sync", "--no-first-run", "--disable-quic"]
        browser = playwright.chromium.launch(executable_path=chromium(), args=quiet)
        yield browser
        browser.close()


class Watched:
    """A page, and what it did that no page may: messages of errors, refusals of the CSP, requests to other machines."""

    def __init__(self, page: Page, home: str) -> None:
        self.page = page
        self.noise: list[str] = []
        own = urlsplit(home).netloc
        page.on("console", lambda message: self.noise.append(f"console: {message.text}") if message.type in ("error", "warning") else None)
        page.on("pageerror", lambda error: self.noise.append(f"error: {error}"))
        page.on("request", lambda request: self.noise.append(f"left: {request.url}") if urlsplit(request.url).netloc != own else None)


def settled(page: Page) -> None:
    """Wait until all that a page fetches for itself is there."""
    expect(page.locator("[aria-busy=true]")).to_have_count(0, timeout=30_000)
    if page.locator("#editor[data-file]").count():
        expect(page.locator("#editor[data-checked]")).to_have_count(1)


def findings_of_axe(page: Page) -> list[str]:
    """Serious and critical violations that axe-core finds on the page as it stands; and on the same in the dark, where nothing but colours
    is another."""
    page.evaluate(AXE.read_text("utf-8") + "; undefined")  # by the debugger, which no CSP stops
    found = _violations(page, {})
    page.emulate_media(color_scheme="dark")
    found += [f"dark: {one}" for one in _violations(page, {"runOnly": ["color-contrast", "link-in-text-block"]})]
    page.emulate_media(color_scheme="light")
    return found


def _violations(page: Page, options: dict[str, Any]) -> list[str]:
    found: dict[str, Any] = page.evaluate("options => axe.run(document, options)", {"resultTypes": ["violations"], **options})
    return [
        f"{one['id']}: {node['target']} {node.get('failureSummary', '')}"
        for one in found["violations"]
        if one["impact"] in ("serious", "critical")
        for node in one["nodes"]
    ]
