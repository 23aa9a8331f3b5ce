"""Tests, compare, publish and versions: what a change would do, the gate, and the way back."""

from __future__ import annotations

import re
import time

import pytest

from engine.runtime.comparing import Job
from tests.console.house import Console

USER = {"id": "u1", "phone": "13800138000", "attributes": {"consent_marketing": True, "tier": "silver"}}
NOTE = "自提提醒少打扰一些客户"


def edit(console: Console, file: str, old: str, new: str) -> None:
    """Change a file of the draft."""
    drafts = console.service.drafts
    draft = drafts.read()
    text = draft.files[file].text
    assert old in text
    drafts.save(file, text.replace(old, new), draft.files[file].revision, "tests")


def order(console: Console, number: int, amount: float) -> None:
    console.post("order.created", USER, order_id=f"A{number}", item="咖啡", amount=amount)
    console.settle()


def finished(console: Console, address: str) -> Job:
    """The job of an address, once it is done."""
    found = re.search(r"job=(\w+)", address)
    assert found is not None
    until = time.monotonic() + 60
    while (job := console.service.comparisons.get(found[1])) is not None and job.state == "running" and time.monotonic() < until:
        time.sleep(0.05)
    assert job is not None
    assert job.state == "done", job.error
    return job


@pytest.fixture
def shop(console: Console) -> Console:
    """Three orders, and a draft that sends confirmations only for large ones."""
    for number, amount in enumerate((10, 60, 90), 1):
        order(console, number, amount)
    edit(console, "orders.yaml", "    on: order.created", "    on: order.created\n    when: {event.amount: {at_least: 50}}")
    return console


@pytest.mark.slow
def test_a_comparison_shows_what_would_not_be_sent_and_why(shop: Console) -> None:
    qa = shop.as_("qa")
    answer = qa.post("/compare/run", {"old": "live", "new": "draft", "over": "7d"})
    address = answer.headers["Location"]
    result = finished(shop, address).result
    assert result is not None
    (row,) = result["rules"]
    page = qa.get(address).text

    assert (row["rule"], row["old"], row["new"], row["removed"]) == ("order-created", 3, 2, 1)
    assert (result["events"], result["people"]["removed"]) == (3, 1)
    assert row["examples"][0]["after"]["reason"] == "condition_false"
    assert row["examples"][0]["after"]["detail"]["actual"] == 10
    assert "直接改动" in page
    assert "138****8000" in page
    assert "13800138000" not in page


@pytest.mark.slow
def test_a_sample_week_is_compared_where_nothing_is_recorded(console: Console) -> None:
    edit(console, "orders.yaml", "    on: order.created", "    on: order.created\n    enabled: false")
    job = finished(console, console.as_("qa").post("/compare/run", {"old": "live", "new": "draft", "over": "sample"}).headers["Location"])

    assert job.result is not None
    assert job.done == job.total == job.result["events"] > 100
    assert {row["rule"]: row["new"] for row in job.result["rules"]}["order-created"] == 0


def test_the_same_book_has_no_difference(console: Console) -> None:
    assert "没有差别" in console.as_("viewer").get("/compare").text


def test_a_draft_with_errors_leads_to_the_first(console: Console) -> None:
    edit(console, "orders.yaml", "on: order.created", "on: order.creatd")
    text = console.as_("editor").get("/compare").text

    assert "没法比较" in text
    assert "/editor?file=" in text


# ---- the gate ---------------------------------------------------------------------------------------------------------------------------


def small_change(console: Console) -> None:
    """That no test minds."""
    edit(console, "orders.yaml", "name: 下单确认", "name: 订单确认")


@pytest.mark.parametrize("note", ["", "太短", "x" * 501])
def test_without_a_reason_nothing_is_published(console: Console, note: str) -> None:
    small_change(console)
    answer = console.as_("publisher").post("/compare/publish", {"note": note})

    assert answer.status_code == 422
    assert len(console.service.versions()) == 1


def test_a_failing_test_stops_it_and_the_note_is_kept(shop: Console) -> None:
    answer = shop.as_("publisher").post("/compare/publish", {"note": NOTE})

    assert answer.status_code == 422
    assert "先让测试通过" in answer.text
    assert NOTE in answer.text
    assert len(shop.service.versions()) == 1


def test_through_the_gate_the_draft_is_live(console: Console) -> None:
    small_change(console)
    answer = console.as_("publisher").post("/compare/publish", {"note": NOTE})
    version = console.service.versions()[0]

    assert answer.headers["Location"] == "/versions?published=2"
    assert (version["author"], version["note"], version["active"]) == ("publisher", NOTE, True)
    assert console.service.drafts.read().changed == ()


def test_who_publishes_second_is_told(console: Console) -> None:
    small_change(console)
    files = dict(console.service.active_files("live") or {})
    console.service.publish(files, "by the command, meanwhile", "li", 1)
    publisher = console.as_("publisher")
    answer = publisher.post("/compare/publish", {"note": NOTE})

    assert answer.status_code == 422
    assert "期间有人发布了 v2" in answer.text

    publisher.post("/compare/rebase")
    assert publisher.post("/compare/publish", {"note": NOTE}).status_code == 303
    assert console.service.versions()[0]["version"] == 3


def test_timers_that_would_end_must_be_known(console: Console) -> None:
    """Their rule would begin with another event."""
    now = console.now().isoformat()
    console.post("pickup.ready", USER, order_id="A1", store="徐汇店", address="漕溪北路", code="7788", valid_until=now)
    console.settle()
    for name in console.service.drafts.files():
        if name.startswith("tests-"):
            console.service.drafts.remove(name, 0, "tests")
    edit(console, "delivery.yaml", "event: pickup.ready\n      after: 24h", "event: shipment.delivered\n      after: 24h")
    edit(console, "delivery.yaml", "unless: [pickup.done, order.cancelled]", "unless: order.cancelled")
    edit(console, "delivery.yaml", "template: pickup_overdue}", "template: delivered}")
    publisher = console.as_("publisher")
    refused = publisher.post("/compare/publish", {"note": NOTE})

    assert refused.status_code == 422
    assert "1 个定时会结束" in refused.text

    known = publisher.post("/compare/publish", {"note": NOTE, "acknowledged": "on"})
    assert known.status_code == 303, re.findall(r"还差：[^<]*", known.text)


# ---- versions ---------------------------------------------------------------------------------------------------------------------------


def test_rolling_back_needs_a_reason_which_is_kept(console: Console) -> None:
    small_change(console)
    publisher = console.as_("publisher")
    publisher.post("/compare/publish", {"note": NOTE})
    publisher.post("/versions/1/activate", {"reason": " "})
    still = console.service.versions()
    publisher.post("/versions/1/activate", {"reason": "客户投诉"})

    assert [one["version"] for one in still if one["active"]] == [2]
    assert [one["version"] for one in console.service.versions() if one["active"]] == [1]
    assert "客户投诉" in console.as_("admin").get("/settings/audit").text


def test_what_changed_between_two_versions(console: Console) -> None:
    small_change(console)
    console.as_("publisher").post("/compare/publish", {"note": NOTE})
    text = console.as_("viewer").get("/versions", old=1, new=2).text

    assert re.search(r"−\s+name: 下单确认", text)
    assert re.search(r"\+\s+name: 订单确认", text)
    assert NOTE in text


def test_an_old_version_opens_as_a_draft_and_downloads(console: Console) -> None:
    small_change(console)
    console.as_("publisher").post("/compare/publish", {"note": NOTE})
    editor = console.as_("editor")
    editor.post("/versions/1/draft")
    archive = editor.get("/versions/1.zip")

    assert console.service.drafts.read().changed == ("orders.yaml",)
    assert archive.data[:2] == b"PK"
    assert editor.get("/versions/99.zip").status_code == 404


def test_notes_and_names_are_shown_as_text(console: Console) -> None:
    edit(console, "orders.yaml", "name: 下单确认", "name: '<script>alert(1)</script>'")
    publisher = console.as_("publisher")
    publisher.post("/compare/publish", {"note": "<img src=x onerror=alert(2)> 说明"})
    pages = publisher.get("/versions").text + publisher.get("/tests", run=1, file="orders.yaml").text + publisher.get("/compare").text

    assert "&lt;script&gt;alert(1)" in pages
    assert "<script>alert" not in pages
    assert "<img src=x" not in pages


# ---- tests ------------------------------------------------------------------------------------------------------------------------------


def test_tests_run_in_the_page_and_a_failure_says_why(shop: Console) -> None:
    text = shop.as_("viewer").get("/tests/results", htmx=True, only="failed").text

    assert "该发的没有发" in text
    assert "下单确认 <code>order-created</code>" in text
    assert "7月1日 周三 10:50" in text  # on the book's clock
    assert "event.amount ≥ 50，实为 0" in text
    assert "Expected but not sent" in shop.as_("viewer", "en").get("/tests/results", htmx=True, only="failed").text
    assert "137</strong>" in text


def test_coverage_stands_beside_the_text(console: Console) -> None:
    """A condition that no test makes true is marked on its line."""
    edit(console, "orders.yaml", "    on: order.created", "    on: order.created\n    when: {event.amount: {at_least: 1000000}}")
    text = console.as_("viewer").get("/tests", run=1, file="orders.yaml").text
    line = next(line for line in text.split('<span class="line ') if "at_least: 1000000" in line)

    assert "reach-partly" in line
    assert "从未成立" in line


def test_results_are_kept_for_the_very_text(console: Console) -> None:
    viewer = console.as_("viewer")
    viewer.get("/tests", run=1)
    known = console.service.gates.tests_known(console.service.drafts.files())
    edit(console, "orders.yaml", "name: 下单确认", "name: 谁也没有用过的名字")

    assert known is not None
    assert known.passed == len(known.results) == 137
    assert console.service.gates.tests_known(console.service.drafts.files()) is None
