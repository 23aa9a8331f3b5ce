"""What QA does with the simulator, in a browser: an overdue pick-up, an offer that waits for the morning, what did not fire, a test."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import expect

from rules.checking import check
from tests.console.browser import findings_of_axe, settled
from tests.console.conftest import Visit
from tests.console.house import Console


def test_qa_follows_an_overdue_pickup_and_a_waiting_offer_and_keeps_a_test(visit: Visit, console: Console) -> None:
    """From the sample to the rule test, with the clock's buttons, the filters, the keys, and a link that a colleague opens."""
    page = visit("qa", "/simulator")
    page.click(".state >> text=自提逾期与晚间营销")
    expect(page.locator(".clock-figure")).to_contain_text("6月19日")

    # The overdue pick-up: ready at 10:05, the timer a day later.
    page.click(".event-at:has-text('10:05')")
    expect(page.locator(".clock-figure")).to_contain_text("10:05 6月16日")
    expect(page.locator("#jump-timer")).to_contain_text("10:05")
    page.click("#jump-hour")
    expect(page.locator(".clock-figure")).to_contain_text("11:05 6月16日")
    page.click("#jump-timer")
    expect(page.locator(".clock-figure")).to_contain_text("10:05 6月17日")
    expect(page.locator("#sim-said")).to_contain_text("个判定")
    page.locator("#log a:has-text('pickup-overdue')").last.click()
    expect(page.locator("#inspector h2")).to_have_text("自提逾期24小时提醒")
    expect(page.locator(".chain")).to_contain_text("已排定 16日 10:05")

    # The offer that waited for the morning.
    page.click("#jump-end")
    page.click("#f-deferred")
    expect(page.locator("#f-deferred")).to_have_attribute("aria-current", "true")
    page.locator("#log tbody a").first.click()
    expect(page.locator(".headline")).to_contain_text("等到 6月17日 周三 08:00")
    expect(page.locator(".chain")).to_contain_text("已发送")
    expect(page.locator(".bubble")).to_contain_text("拒收请回复R")

    # What did not fire, by key.
    page.keyboard.press("Escape")
    page.click("#f-unsent")
    page.keyboard.press("j")
    expect(page.locator("#inspector .headline")).to_be_visible()
    page.locator("#log a:has-text('dish-video')").first.click()
    expect(page.locator(".headline")).to_have_text("每人每天最多 1 条，已有 1 条")
    expect(page.locator(".detail-main")).to_contain_text("占着名额的：加购1小时未下单")
    shared = page.url

    # Its line of the book.
    expect(page.locator("#to-yaml")).to_have_attribute("href", re.compile(r"/editor\?file=messages\.yaml&line=\d+"))

    # Kept as a test, which the book then has.
    page.keyboard.press("t")
    page.fill("#inspector input[name=name]", "没发特色菜")
    page.click("#inspector button.primary")
    expect(page.locator(".sim-note")).to_contain_text("tests-console.yaml")
    assert "没发特色菜" in check(console.service.drafts.files()).draft.book.tests

    # The link, in a colleague's browser.
    colleague = visit("viewer", "/" + shared.split("/", 3)[3])
    expect(colleague.locator(".headline")).to_have_text("每人每天最多 1 条，已有 1 条")
    assert findings_of_axe(colleague) == []


def test_a_story_is_written_by_hand(visit: Visit) -> None:
    """An empty story, a person, an event from the book's declarations, and back by the browser's button."""
    page = visit("editor", "/simulator")
    page.click("button:has-text('新故事')")
    page.click("[aria-label='添加用户']")
    page.fill("#inspector input[name=phone]", "13912345678")
    page.click("#inspector button.primary")
    expect(page.locator(".people")).to_contain_text("139****5678")
    page.click("[aria-label='添加事件']")
    page.select_option("#inspector select[name=type]", "pickup.done")
    page.fill("#inspector input[name='data.order_id']", "A1")
    page.click("#inspector button.primary")
    expect(page.locator(".events")).to_contain_text("pickup.done")
    page.click("[aria-label='添加事件']")
    page.select_option("#inspector select[name=type]", "order.created")
    page.fill("#inspector input[name='data.order_id']", "A1")
    page.fill("#inspector input[name='data.item']", "<b>咖啡</b>")
    page.fill("#inspector input[name='data.amount']", "12.5")
    page.click("#inspector button.primary")
    page.click("#log a:has-text('order-created')")
    expect(page.locator(".bubble")).to_contain_text("<b>咖啡</b>，合计12.50元")
    page.go_back()
    expect(page.locator("#inspector")).to_contain_text("选一个判定")
    expect(page.locator(".topbar")).to_be_visible()


@pytest.mark.slow
def test_every_state_can_be_used_by_everybody(visit: Visit) -> None:
    """axe-core finds nothing serious in light and dark, nothing is too wide at 400 px."""
    page = visit("qa")
    story = "/simulator?story=sample:1-evening&at=2026-06-17T15:00:00Z"
    found = {}
    for size in ((1440, 900), (1100, 800), (400, 860)):
        page.set_viewport_size({"width": size[0], "height": size[1]})
        for path in (
            story,
            f"{story}&verdict=33b3d7c833",
            f"{story}&edit=event-4",
            f"{story}&edit=user-1",
            f"{story}&view=log",
            f"{story}&view=story",
        ):
            page.goto(path)
            settled(page)
            wide = page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
            found[path, size] = findings_of_axe(page) + ([f"{wide} px too wide"] if wide > 0 else [])

    assert {place: problems for place, problems in found.items() if problems} == {}
