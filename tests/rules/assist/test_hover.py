"""What the word under the pointer means. `¦` stands before a letter of it."""

from __future__ import annotations

from pathlib import Path

import pytest

from rules.assist.hover import hover
from rules.assist.library import library_of
from rules.assist.outline import outline
from rules.checking import check
from rules.known import Known

O2O = Path(__file__).resolve().parents[3] / "rules" / "books" / "o2o"
BOOK = {path.name: path.read_text("utf-8") for path in O2O.glob("*.yaml")}

# file, words around the place, what is meant: kind, and a part of what is said
ROWS = {
    "a section": ("orders.yaml", "ru¦les:", "key", "规则"),
    "a key": ("orders.yaml", "un¦less: [payment", "key", "取消"),
    "an event": ("orders.yaml", "on: order.cr¦eated", "event", "用户下单"),
    "an event where it is declared": ("events.yaml", "  order.cr¦eated:", "event", "order_id"),
    "a field of an event": ("orders.yaml", "when: {event.am¦ount", "field", "≥ 0"),
    "a field where it is declared": ("events.yaml", "service¦_at: {type", "field", "预约的上门或到店时间"),
    "what a trait counts": ("segments.yaml", "user.sp¦ent", "trait", "由 order.completed 的 amount 求和"),
    "a trait where it is declared": ("users.yaml", "orders_¦90d:", "trait", "90d"),
    "an attribute with its values": ("segments.yaml", "user.t¦ier", "attribute", "gold 金卡"),
    "a value": ("segments.yaml", "[go¦ld", "value", "金卡"),
    "a segment's condition": ("marketing.yaml", "{enter: dor¦mant", "segment", "older_than: 30d"),
    "an operator": ("segments.yaml", "older¦_than", "operator", "早于"),
    "a template's text": ("orders.yaml", "template: order_un¦paid", "template", "还未支付"),
    "a variable": ("orders.yaml", "合计{{ event.am¦ount", "field", "number"),
    "a filter": ("orders.yaml", "event.amount | mo¦ney }}元{%", "filter", "12.00"),
    "a kind of message": ("marketing.yaml", "type: mark¦eting", "value", "须同意"),
    "a rule in a test": ("tests-orders.yaml", "rule: order-cr¦eated", "rule", "下单确认"),
    "a rule where it is declared": ("orders.yaml", "  payment-tr¦ouble:", "rule", "同一订单支付失败三次"),
}


@pytest.mark.parametrize(("file", "marked", "kind", "said"), ROWS.values(), ids=ROWS.keys())
def test_what_a_word_means(file: str, marked: str, kind: str, said: str) -> None:
    text = BOOK[file]
    offset = text.index(marked.replace("¦", "")) + marked.index("¦")
    found = hover(text, offset, library_of(BOOK, Known()))
    assert found is not None

    assert found.help.kind == kind
    assert said in f"{found.help.code} {found.help.type} {found.help.text} {found.help.facts}"
    assert found.start <= offset < found.end


@pytest.mark.parametrize(("file", "words"), [("orders.yaml", "# 商家填的"), ("orders.yaml", "name: 下单确认"), ("orders.yaml", "\n\n")])
def test_what_explains_itself_is_left_alone(file: str, words: str) -> None:
    """Comments, names for people, empty lines."""
    text = BOOK[file]

    assert hover(text, text.index(words) + len(words) - 1, library_of(BOOK, Known())) is None


def test_the_outline_has_every_rule_at_its_line_with_what_its_tests_show() -> None:
    checked = check(BOOK)
    found = {one.id: one for one in outline(checked)}
    unpaid = found["order-unpaid"]

    assert found.keys() == checked.draft.names["rules"]
    assert (unpaid.name, unpaid.span.file) == ("下单15分钟未支付", "orders.yaml")
    assert BOOK["orders.yaml"].split("\n")[unpaid.span.line - 1] == "  order-unpaid:"
    assert (unpaid.sends, unpaid.holds_back) == (True, True)


def test_a_rule_without_tests_shows_neither() -> None:
    files = {"a.yaml": "events: {order: {data: {n: integer}}}\nrules:\n  r: {on: order, send: {type: notification, sms: 好}}\n"}
    (one,) = outline(check(files))

    assert (one.sends, one.holds_back) == (False, False)
