"""The editor in a browser: a rule with completion, a finding repaired by its button, a preview, a reload; and two who write at once."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Page, expect

from tests.console.conftest import Visit
from tests.console.house import Console


def text_of(page: Page) -> str:
    found = page.evaluate("hongyanEditor.state.doc.toString()")
    assert isinstance(found, str)
    return found


def at_end_of(page: Page, words: str) -> None:
    """The caret behind these words."""
    page.evaluate(
        "words => { const view = hongyanEditor; const at = view.state.doc.toString().indexOf(words) + words.length;"
        " view.dispatch({selection: {anchor: at}, scrollIntoView: true}); view.focus(); }",
        words,
    )


# CodeMirror takes no Enter in the first 75 ms of a list (its `interactionDelay`), lest a list that comes up while somebody writes eats the
# end of the line; a hand is never so fast, a driver is.
LIST_SETTLES_MS = 150


def choose(page: Page, label: str) -> None:
    """Ctrl-Space, the first letters, Enter on what is offered."""
    page.keyboard.press("Control+ ")
    expect(page.locator(".cm-completionLabel", has_text=re.compile(f"^{re.escape(label)}$"))).to_be_visible()
    page.keyboard.type(label[:-1])
    offered = page.locator(".cm-tooltip-autocomplete:not(.cm-tooltip-autocomplete-disabled) li[aria-selected] .cm-completionLabel")
    expect(offered).to_have_text(label)
    page.wait_for_timeout(LIST_SETTLES_MS)
    page.keyboard.press("Enter")
    expect(page.locator(".cm-tooltip-autocomplete")).to_have_count(0)


@pytest.mark.slow
def test_writing_a_rule_from_completion_to_preview_and_back_after_a_reload(visit: Visit, console: Console) -> None:
    page = visit("editor", "/editor?file=orders.yaml")
    at_end_of(page, "template: order_accepted}")
    page.keyboard.press("Enter")
    page.keyboard.press("Shift+Tab")
    page.keyboard.type("paid-thanks:\n")
    page.keyboard.press("Tab")
    page.keyboard.type("name: 支付感谢\n")
    choose(page, "on")
    choose(page, "payment.succeeded")
    page.keyboard.press("Enter")
    choose(page, "when")
    page.keyboard.type("{event.")
    choose(page, "amount")
    page.keyboard.type("{")
    choose(page, "at_least")
    page.keyboard.type("50")
    page.keyboard.press("End")
    page.keyboard.press("Enter")
    page.keyboard.type("send: {type: notification, channel: sms, template: payment_succeded}")

    fix = page.locator(".finding-fix", has_text="改为 payment_succeeded")
    expect(page.locator("#findings li").first).to_contain_text("没有叫 payment_succeded 的模板")
    expect(page.locator("#tree li[aria-current] .tree-error")).to_contain_text("1")
    fix.click()
    expect(fix).to_have_count(0)
    assert (
        "  paid-thanks:\n    name: 支付感谢\n    on: payment.succeeded\n    when: {event.amount: {at_least: 50}}\n"
        "    send: {type: notification, channel: sms, template: payment_succeeded}\n"
    ) in text_of(page)

    expect(page.locator("#crumb-rule")).to_contain_text("paid-thanks")
    expect(page.locator("#preview-bubble")).to_contain_text("已支付")
    page.fill("input[name='value.event.amount']", "88.5")
    expect(page.locator("#preview-bubble .value").nth(1)).to_have_text("88.50")
    expect(page.locator(".preview-figures")).to_contain_text("¥0.045")
    expect(page.locator("#outline li[aria-current]")).to_contain_text("支付感谢")

    expect(page.locator("#saved")).to_contain_text("草稿自动保存")
    page.reload()
    expect(page.locator("#tree li[aria-current] .tree-changed")).to_be_visible()
    assert "paid-thanks" in text_of(page)
    assert "paid-thanks" in console.service.drafts.files()["orders.yaml"]
    assert console.service.drafts.read().files["orders.yaml"].edited_by == "editor"


@pytest.mark.slow
def test_two_who_write_at_once(visit: Visit, console: Console) -> None:
    """The second is told who and what, may take theirs (and still undo it) or write over it, and loses nothing until then."""
    first, second = visit("editor", "/editor?file=calls.yaml"), visit("publisher", "/editor?file=calls.yaml")
    expect(second.locator("#editor[data-checked]")).to_be_visible()
    expect(first.locator("#editor[data-checked]")).to_be_visible()
    first.keyboard.insert_text("# first\n")
    expect(first.locator("#saved")).to_contain_text("草稿自动保存")
    second.keyboard.insert_text("# second\n")

    expect(second.locator("#conflict")).to_contain_text("editor 在")
    second.locator("#conflict summary").click()
    expect(second.locator("#conflict pre")).to_contain_text("# first")
    assert text_of(second).startswith("# second\n")
    assert console.service.drafts.files()["calls.yaml"].startswith("# first\n")

    second.click("#take-theirs")
    expect(second.locator("#conflict")).to_be_hidden()
    assert text_of(second).startswith("# first\n")
    second.keyboard.press("Control+z")
    expect(second.locator("#saved")).to_contain_text("草稿自动保存")
    assert console.service.drafts.files()["calls.yaml"].startswith("# second\n")

    first.keyboard.insert_text("# more\n")
    expect(first.locator("#conflict")).to_contain_text("publisher 在")
    with first.expect_response("**/editor/save"):
        first.click("#keep-mine")
    expect(first.locator("#saved")).to_contain_text("草稿自动保存")
    assert "# more" in console.service.drafts.files()["calls.yaml"]


@pytest.mark.slow
def test_a_text_put_in_right_after_typing_is_a_step_of_its_own_to_undo(visit: Visit) -> None:
    """Formatted within half a second, for which the editor takes what was typed together as one step."""
    page = visit("editor", "/editor?file=calls.yaml")
    expect(page.locator("#editor[data-checked]")).to_be_visible()
    page.evaluate(
        """async () => {
            hongyanEditor.dispatch({ changes: { from: 0, insert: "# mine   \\n" }, userEvent: "input.type" });
            document.getElementById("format").click();
        }"""
    )
    expect(page.locator("#notice")).not_to_be_empty()
    assert text_of(page).startswith("# mine\n")
    page.locator(".cm-content").press("Control+z")

    assert text_of(page).startswith("# mine   \n")


@pytest.mark.slow
def test_what_an_earlier_visit_could_not_save_comes_back(visit: Visit, console: Console) -> None:
    """It was kept in the browser, is put back, and saved."""
    page = visit("editor", "/editor?file=calls.yaml")
    page.evaluate("text => localStorage.setItem('hongyan.editor.calls.yaml', JSON.stringify({text, revision: 0}))", "# kept\nrules: {}\n")
    page.reload()
    expect(page.locator("#saved")).to_contain_text("草稿自动保存")

    assert text_of(page) == "# kept\nrules: {}\n"
    assert console.service.drafts.files()["calls.yaml"] == "# kept\nrules: {}\n"


def test_a_viewer_reads_with_help_and_changes_nothing(visit: Visit, console: Console) -> None:
    page = visit("viewer", "/editor?find=vip")
    expect(page.locator("#editor[data-checked]")).to_be_visible()
    page.keyboard.type("x")
    page.locator(".cm-line", has_text="user.spent").locator("span", has_text="user.spent").first.hover()

    expect(page.locator(".cm-tooltip .help")).to_contain_text("求和")
    assert text_of(page) == console.service.drafts.files()["segments.yaml"]
