"""A product manager's afternoon: compare a change, be stopped by the gate, publish, see a real event judged by it, roll back."""

from __future__ import annotations

import pytest
from playwright.sync_api import expect

from tests.console.conftest import Visit
from tests.console.house import Console
from tests.console.test_compare import NOTE, edit, order

pytestmark = pytest.mark.slow


def test_from_a_change_to_a_live_event_and_back(console: Console, visit: Visit) -> None:
    """By keyboard where a form allows it."""
    order(console, 1, 36.5)
    edit(console, "orders.yaml", "name: 下单确认", "name: 订单确认\n    description: 下单后立刻确认")
    page = visit("publisher", "/compare")
    page.click("#compare-form button")
    expect(page.locator(".totals")).to_be_visible(timeout=60_000)

    publish = page.locator("[data-gate]")
    expect(page.locator("#gate-missing")).to_contain_text("写明原因", timeout=20_000)
    page.fill("#note", "太短")
    publish.click()
    assert console.service.versions()[0]["version"] == 1

    page.fill("#note", NOTE)
    publish.click()
    page.wait_for_url("**/versions?published=2")
    expect(page.locator(".version").first).to_contain_text(NOTE)

    order(console, 2, 20)
    with console.service.store.read() as tx:
        judged_by = tx.connection.exec_driver_sql("SELECT book FROM decisions WHERE cause = 'event' ORDER BY seq DESC LIMIT 1").scalar()
    assert judged_by == 2

    row = page.locator(".version", has_text="first book")
    row.get_by_text("回滚到这里").click()
    row.locator("input[name=reason]").fill("客户投诉太多")
    page.keyboard.press("Enter")
    expect(row.locator(".tag-live")).to_be_visible()
    assert next(one["version"] for one in console.service.versions() if one["active"]) == 1
