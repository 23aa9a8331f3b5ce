"""The command in this process, and small books to run it on."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import pytest

from cli.main import main

O2O = Path(__file__).parents[2] / "rules" / "books" / "o2o"
BOOK = """\
book: {id: small, timezone: Asia/Shanghai, locale: zh_CN, signature: 秒信通}
events:
  order.created: {key: order_id, data: {order_id: string, amount: number}}
message_types:
  notification: {}
templates:
  order_created: {sms: "订单{{ event.order_id }}已收到。"}
rules:
  order-created:
    name: 下单确认
    on: order.created
    when: {event.amount: {above: 0}}
    send: {type: notification, channel: sms, template: order_created}
"""
TESTS = """\
tests:
  sends:
    users: {u1: {phone: "+8613800138000"}}
    events: [{at: "2026-06-01T10:00+08:00", type: order.created, user: u1, data: {order_id: A1, amount: 5}}]
    expect: [{rule: order-created, user: u1}]
  stays-silent:
    users: {u1: {phone: "+8613800138000"}}
    events: [{at: "2026-06-01T10:00+08:00", type: order.created, user: u1, data: {order_id: A1, amount: 0}}]
    expect: []
"""


class Outcome(NamedTuple):
    """What one run of the command left behind."""

    code: int
    out: str
    err: str


Hongyan = Callable[..., Outcome]


@pytest.fixture
def hongyan(capsys: pytest.CaptureFixture[str]) -> Hongyan:
    """Run the command in this process."""

    def run(*args: object) -> Outcome:
        code = main([str(arg) for arg in args])
        return Outcome(code, *capsys.readouterr())

    return run


@pytest.fixture
def book(tmp_path: Path) -> Path:
    """A small good book with two tests."""
    folder = tmp_path / "book"
    folder.mkdir()
    (folder / "book.yaml").write_text(BOOK, encoding="utf-8")
    (folder / "tests.yaml").write_text(TESTS, encoding="utf-8")
    return folder


@pytest.fixture
def bad_book(book: Path) -> Path:
    """The same with an unknown template, in a line with Chinese before it."""
    text = BOOK.replace("on: order.created", "on: {event: order.created}  # 用户下单").replace(
        "send: {type: notification, channel: sms, template: order_created}",
        "send: {type: notification, template: order_creatd, channel: sms}",
    )
    (book / "book.yaml").write_text(text, encoding="utf-8")
    return book


@pytest.fixture
def events(tmp_path: Path) -> Path:
    """Two orders of one user, one of them free."""
    path = tmp_path / "events.jsonl"
    path.write_text(_order(1, {"id": "u1", "phone": "+8613800138000"}, 5) + _order(2, "u1", 0), encoding="utf-8")
    return path


def _order(number: int, user: object, amount: int) -> str:
    data = {"order_id": f"A{number}", "amount": amount}
    time = f"2026-06-01T10:0{number}:00+08:00"
    return json.dumps({"id": f"e{number}", "type": "order.created", "time": time, "user": user, "data": data}) + "\n"
