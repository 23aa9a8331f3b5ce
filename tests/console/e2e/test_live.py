"""An operator's task from start to end: watch an event arrive, follow it, find out why somebody got nothing, pause, stop."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from playwright.sync_api import Page, expect

from engine.core.outcomes import Item
from engine.store import campaigns
from engine.store.campaigns import Campaign
from tests.console.browser import findings_of_axe
from tests.console.conftest import Visit
from tests.console.house import Console

SECOND = 1_000_000
SOON = 15_000  # ms: three turns of a list


def posted(console: Console, key: str, order: str) -> str:
    """An event through the API, as an integrator sends it."""
    until = (datetime.fromtimestamp(console.clock.now() / 1e6, UTC) + timedelta(hours=9)).isoformat()
    data = {"order_id": order, "store": "徐汇店", "address": "天钥桥路1号", "code": "998877", "valid_until": until}
    line = {"id": f"live-{order}", "type": "pickup.ready", "time": console.now().isoformat(), "user": "u1", "data": data}
    answer = console.app.test_client().post("/v1/events", json=line, headers={"Authorization": f"Bearer {key}"})
    assert answer.status_code == 202, answer.text
    console.settle()
    console.service.figures.step()
    return f"live-{order}"


def campaign(console: Console) -> None:
    now = console.clock.now()
    item = Item("holiday-sale", "2026-06-16T02:00:00Z", now)
    counts = {"people": 40, "looked": 10, "sent": 8, "micros": SECOND}
    with console.service.store.write() as tx:
        campaigns.add(tx, "live", Campaign("c1", now, [item], counts=counts, created=now, changed=now))


@pytest.mark.slow
def test_an_operator_watches_and_steers(console: Console, visit: Visit) -> None:
    service = console.service
    service.put_users("live", [{"id": "u1", "phone": "+8613812348000", "attributes": {"member": True, "consent_marketing": False}}])
    console.post("cart.abandoned", "u1", cart_id="C1", item="保洁", amount=99)
    console.settle()
    service.advance_clock(2 * 3600 * SECOND)
    console.settle()
    key = service.create_key("till", "ingest")
    page = visit("publisher", "/live")

    # It arrives by itself, and its trace leads from the event to the receipt.
    id = posted(console, key, "L1")
    row = page.locator("#live-recent .live-entry", has_text="pickup.ready").first
    expect(row).to_be_visible(timeout=SOON)
    row.locator("a.name").click()
    expect(page.locator(".live-step-receipt")).to_be_visible()
    assert f"api%2F{id}" in page.url or f"api/{id}" in page.url
    trace = page.locator("[data-copy]").get_attribute("data-copy")
    page.fill(".live-filter-form input[name=id]", str(trace))
    page.keyboard.press("Enter")
    expect(page.locator(".live-step-receipt")).to_be_visible()

    # Why did this person get nothing?
    page.goto("/live")
    page.fill("#who", "13812348000")
    page.keyboard.press("Enter")
    page.click("#show-unsent")
    entry = page.locator(".live-entry", has_text="cart-reminder").first
    expect(entry).to_contain_text("no_consent")
    expect(entry).to_contain_text("user.consent_marketing 是 否")
    expect(page.locator(".live-number")).to_have_text("138****8000")

    # New rows wait while somebody is in the list.
    page.click("#show-all")
    page.locator(".live-entry").first.hover()
    posted(console, key, "L2")
    newer = page.locator("[data-newer]")
    expect(newer).to_be_visible(timeout=SOON)
    expect(page.locator(".live-entry", has_text="pickup-ready")).to_have_count(1)
    page.keyboard.press("n")
    expect(page.locator(".live-entry", has_text="pickup-ready")).to_have_count(2)

    # Pausing acts at once and can be undone.
    campaign(console)
    page.click("#pause-c1")
    expect(page.locator("#live-running")).to_contain_text("已暂停")
    assert service.campaigns("live").items[0]["state"] == "paused"
    page.click("#resume-c1")
    expect(page.locator("#pause-c1")).to_be_visible()
    assert service.campaigns("live").items[0]["state"] == "running"

    # A switch, with a reason; the next event is skipped.
    page.get_by_role("link", name="停用开关…").click()
    page.select_option("select[name=what]", "rule:pickup-ready")
    page.fill("main input[name=reason]", "门店停电")
    page.get_by_role("button", name="立刻停用").click()
    expect(page.get_by_role("cell", name="门店停电")).to_be_visible()
    posted(console, key, "L3")
    page.goto("/live?who=u1&show=unsent")
    expect(page.locator(".live-entry", has_text="pickup-ready").first).to_contain_text("stopped")


@pytest.mark.slow
def test_figures_stand_still_when_asked_and_say_when_the_connection_is_lost(console: Console, visit: Visit) -> None:
    page = visit("viewer", "/live")
    page.click("#live-stop")
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.wait_for_timeout(4500)  # two turns of the strip: the real clock of the browser is what is tested
    assert asked == []
    page.click("#live-stop")
    expect(page.locator("#live-clock")).to_contain_text("每 2 秒更新")

    page.evaluate("() => { window.fetch = () => Promise.reject(new TypeError('offline')); }")
    expect(page.locator("#live-lost")).to_contain_text("连接断了", timeout=SOON)


SUB_PAGES = ("/live?who=u1", "/live/events", "/live/messages", "/live/messages/1", "/live/trace?id=live-A1", "/live/campaigns",
             "/live/suppressions", "/live/verification", "/live/switches")  # fmt: skip


@pytest.mark.slow
def test_every_page_of_it_can_be_used_by_everybody(console: Console, visit: Visit) -> None:
    console.service.put_users("live", [{"id": "u1", "phone": "+8613812348000"}])
    key = console.service.create_key("till", "ingest")
    posted(console, key, "A1")
    campaign(console)
    page: Page = visit("publisher")
    found: dict[tuple[str, int], list[str]] = {}
    for width, height in ((1440, 900), (400, 860)):
        page.set_viewport_size({"width": width, "height": height})
        for path in SUB_PAGES:
            page.goto(path)
            wide = page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
            problems = [*findings_of_axe(page), *(["scrolls sideways"] if wide > 0 else [])]
            if problems:
                found[path, width] = problems
    assert found == {}
