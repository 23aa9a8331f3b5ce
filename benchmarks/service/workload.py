"""The book and the events. One event in four leads to a message at once; half of the orders' timers are cancelled by a payment."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import orjson

# No quiet hours: the benchmark says the same at any time of day.
BOOK = """
book: {id: bench, name: 基准, timezone: Asia/Shanghai, locale: zh_CN, signature: 秒信通, unknown_events: refuse}
events:
  order.created: {key: order_id, data: {order_id: string, amount: number, item: string}}
  payment.succeeded: {key: order_id, data: {order_id: string, amount: number}}
  item.viewed: {key: item_id, data: {item_id: string}}
message_types:
  verification: {code: {digits: 6, valid_for: 10m, checks: 5}, valid_for: 10m}
  notification:
    caps: [{max: 30, per: day, by: user}]
  marketing:
    ending: 拒收请回复R
templates:
  created: {sms: "您已下单{{ event.item | truncate(12) }}，合计{{ event.amount | money }}元，订单号{{ event.order_id }}。"}
  unpaid: {sms: "您的订单{{ event.order_id }}还未支付，{{ event.amount | money }}元，请尽快支付以免失效。"}
rules:
  created:
    name: 下单
    on: order.created
    caps: [{max: 1, per: 24h, by: event.order_id}]
    send: {type: notification, channel: sms, template: created}
  unpaid:
    name: 未支付
    on: {event: order.created, after: 15m, unless: payment.succeeded, late: skip}
    when: {event.amount: {above: 0}}
    send: {type: notification, channel: sms, template: unpaid, valid_for: 30m}
"""
FILES = {"book.yaml": BOOK}
USERS = 20_000


def mixed(count: int, label: str) -> Iterator[dict[str, Any]]:
    """`count` events of many users: an order, its payment (for every other order), and views."""
    time = datetime.now(UTC).isoformat().replace("+00:00", "Z")
    for number in range(count):
        order, step = divmod(number, 4)
        user = {"id": f"u{order % USERS}", "phone": phone(order % USERS)}
        common = {"id": f"{label}{number}", "time": time, "user": user}
        if step == 0:
            data: dict[str, Any] = {"order_id": f"{label}{order}", "amount": 88.5, "item": "家电清洗"}
            yield common | {"type": "order.created", "data": data}
        elif step == 1 and order % 2:
            yield common | {"type": "payment.succeeded", "data": {"order_id": f"{label}{order}", "amount": 88.5}}
        else:
            yield common | {"type": "item.viewed", "data": {"item_id": f"i{number % 500}"}}


def orders(count: int, label: str) -> Iterator[dict[str, Any]]:
    """`count` orders of as many people; each leads to a message at once."""
    time = datetime.now(UTC).isoformat().replace("+00:00", "Z")
    for number in range(count):
        user = {"id": f"{label}{number}", "phone": phone(number)}
        data = {"order_id": f"{label}{number}", "amount": 88.5, "item": "家电清洗"}
        yield {"type": "order.created", "id": f"{label}{number}", "time": time, "user": user, "data": data}


def phone(number: int) -> str:
    """Valid, and nobody's business: nothing is ever sent."""
    return f"+86138{number:08}"


def request(path: str, body: Any, token: str) -> bytes:
    """A POST as it goes over the wire."""
    raw = orjson.dumps(body)
    head = f"POST {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer {token}\r\nContent-Type: application/json\r\n"
    return f"{head}Content-Length: {len(raw)}\r\n\r\n".encode() + raw
