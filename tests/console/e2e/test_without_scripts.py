"""Without JavaScript the pages are for reading: signing in works, every page shows what it is about, and no pane waits for ever."""

from __future__ import annotations

import pytest
from playwright.sync_api import Browser

from tests.console.house import PASSWORD, Console, served

# Address -> what is read there.
PAGES = {
    "/editor?file=orders.yaml": "order-created",
    "/simulator?story=sample:1-evening": "138****8000",
    "/tests?run=1": "137/137",
    "/compare": "没有差别",
    "/live": "待触发定时",
    "/live/events": "order.created",
    "/live/messages": "order-created",
    "/live?who=u1": "138****8000",
    "/versions": "first book",
    "/settings": "capture",
    "/search?q=order": "order-created",
}


@pytest.mark.slow
def test_every_page_can_be_read(console: Console, browser: Browser) -> None:
    """Each by the address that panes use, too."""
    console.post("order.created", {"id": "u1", "phone": "13800138000"}, order_id="A1", item="咖啡", amount=36.5)
    console.settle()
    missing = []
    with served(console.app) as home:
        context = browser.new_context(base_url=home, java_script_enabled=False, locale="zh-CN")
        page = context.new_page()
        page.goto("/signin")
        page.fill("input[name=name]", "viewer")
        page.fill("input[name=password]", PASSWORD)
        page.click("button.primary")
        for address, read in PAGES.items():
            page.goto(address)
            text = page.locator("main").text_content() or ""
            values = (
                " ".join(page.locator("textarea").evaluate_all("fields => fields.map(field => field.value)")) if "editor" in address else ""
            )
            if read not in text + values:
                missing.append((address, text[:200]))
        context.close()

    assert missing == []
