"""A fix stands at the very word, and removes its finding."""

from __future__ import annotations

import pytest

from rules.assist.fixes import applied, fix_of
from rules.checking import check
from rules.findings import Finding
from tests.rules.assist.books import BASE

ROWS = {
    "a key of a rule": ("rules:\n  r: {on: order, wen: {event.n: 1}, send: {type: notification, sms: 好}}\n", "when"),
    "a section": ("rule:\n  r: {on: order, send: {type: notification, sms: 好}}\n", "rules"),
    "an event": ("rules:\n  r: {on: ordre, send: {type: notification, sms: 好}}\n", "order"),
    "a quoted event": ('rules:\n  r: {on: "ordre", send: {type: notification, sms: 好}}\n', "order"),
    "a field": ("rules:\n  r: {on: order, when: {event.amuont: 1}, send: {type: notification, sms: 好}}\n", "event.amount"),
    "an operator": ("rules:\n  r: {on: order, when: {event.amount: {at_last: 1}}, send: {type: notification, sms: 好}}\n", "at_least"),
    "a value of an enum": ("rules:\n  r: {on: order, when: {user.tier: [basic, glod]}, send: {type: notification, sms: 好}}\n", "gold"),
    "a segment": ("rules:\n  r: {on: order, when: {segment: gould}, send: {type: notification, sms: 好}}\n", "gold"),
    "a template": ("rules:\n  r: {on: order, send: {type: notification, template: plian}}\n", "plain"),
    "a type": ("rules:\n  r: {on: order, send: {type: notificaton, sms: 好}}\n", "notification"),
    "a channel": ("rules:\n  r: {on: order, send: {type: notification, template: plain, channel: smss}}\n", "sms"),
    "a variable on one line": ('rules:\n  r: {on: order, send: {type: notification, sms: "单{{ event.order_jd }}好"}}\n', "event.order_id"),
    "a variable in a block": (
        "rules:\n  r:\n    on: order\n    send:\n      type: notification\n      sms: |\n        一行\n        单{{ event.order_jd }}好\n",
        "event.order_id",
    ),
    "a variable in a folded text": (
        "rules:\n  r:\n    on: order\n    send:\n      type: notification\n      sms: >\n        一行\n        单{{ event.order_jd }}好\n",
        "event.order_id",
    ),
    "a filter": ('rules:\n  r: {on: order, send: {type: notification, sms: "{{ event.amount | moeny }}元"}}\n', "money"),
    "a festival": (
        "rules:\n  r: {on: {schedule: {festival: 端午节日, at: \"10:00\"}}, audience: all, send: {type: notification, sms: 好}}\n",
        "端午节",
    ),
    "a rule of a test": (
        "rules:\n  greet: {on: order, send: {type: notification, sms: 好}}\ntests:\n  t: {expect: [{rule: gret}]}\n", "greet",
    ),
}  # fmt: skip


def suggested(text: str, word: str) -> Finding:
    """The finding that names the word."""
    return next(one for one in check({"a.yaml": BASE, "b.yaml": text}).findings if getattr(one.hint, "right", "") == word)


@pytest.mark.parametrize(("text", "word"), ROWS.values(), ids=ROWS.keys())
def test_a_fix_removes_its_finding(text: str, word: str) -> None:
    """And makes no other of the kind."""
    before = check({"a.yaml": BASE, "b.yaml": text})
    finding = suggested(text, word)
    fix = fix_of(finding, before.sources)
    assert fix is not None
    after = check({"a.yaml": BASE, "b.yaml": applied(fix, text)})

    assert fix.text == word
    assert (finding.code, finding.message) not in {(one.code, one.message) for one in after.findings}
    assert len(after.errors) < len(before.errors)


def test_only_the_word_itself_is_replaced() -> None:
    """Not the same letters inside another word; where it stands twice, nothing."""
    text = 'rules:\n  r: {on: order, send: {type: notification, sms: "单{{ event.order_jd }}和{{ event.order_jd }}"}}\n'
    found = check({"a.yaml": BASE, "b.yaml": text})
    one = next(finding for finding in found.findings if getattr(finding.hint, "right", ""))

    assert fix_of(one, found.sources) is None


def test_other_hints_are_no_fixes() -> None:
    found = check({"a.yaml": BASE, "b.yaml": "rules:\n  r: {on: order, send: {type: notification}}\n"})

    assert found.errors
    assert [fix_of(finding, found.sources) for finding in found.errors] == [None] * len(found.errors)


def test_the_shape_of_check_is_as_promised() -> None:
    """A suggestion is a plain text there."""
    line = suggested(ROWS["an event"][0], "order").as_dict()

    assert line["hint"] == "did you mean order?"
    assert sorted(line) == ["code", "column", "end_column", "end_line", "file", "hint", "line", "message", "path", "severity"]
