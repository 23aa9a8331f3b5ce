"""The small world of the fault tests: a book with timers of seconds, its people, and what they do."""

from __future__ import annotations

from collections.abc import Mapping
from random import Random
from typing import Any

from engine.core.compile import compile_book
from engine.core.plan import BookPlan
from engine.core.zones import format_instant
from rules.checking import check
from rules.model import Rulebook

SECOND = 1_000_000
PEOPLE = 60
BOOK = """
book: {id: faults, name: 故障, timezone: Asia/Shanghai, locale: zh_CN, signature: 秒信通, unknown_events: refuse}
events:
  order.created: {key: order_id, data: {order_id: string, amount: number}}
  order.paid: {key: order_id, data: {order_id: string, no: string}}
  order.cancelled: {key: order_id, data: {order_id: string}}
  order.picked: {key: order_id, data: {order_id: string}}
  pickup.booked: {key: order_id, data: {order_id: string, at: datetime, no: string}}
  sale.announced: {broadcast: true, key: sale_id, data: {sale_id: string}}
  verification.requested:
    data:
      purpose: {type: string, enum: [login]}
      ip: {type: string, optional: true}
      device_id: {type: string, optional: true}
message_types:
  verification: {code: {digits: 6, valid_for: 10m, checks: 5}, valid_for: 10m, caps: [{max: 20, per: 24h, by: phone}]}
  notification: {valid_for: 6h, caps: [{max: 40, per: 24h, by: user}]}
  marketing: {caps: [{max: 2, per: 7d, by: user}], valid_for: 6h}
templates:
  created: {sms: "您的订单{{ event.order_id }}已提交"}
  unpaid: {sms: "您的订单{{ event.order_id }}还未支付"}
  paid: {sms: "您的订单{{ event.order_id }}已支付（{{ event.no }}）"}
  done: {sms: "您的订单{{ paid.order_id }}已完成（{{ paid.no }}）"}
  pickup: {sms: "您的订单{{ event.order_id }}可以取了（{{ event.no }}）"}
  sale: {sms: "大促{{ event.sale_id }}开始了"}
  sale-again: {sms: "大促{{ event.sale_id }}还在进行"}
  code: {sms: "验证码{{ code }}，10分钟内有效，请勿告知他人。"}
rules:
  created: {name: 下单, on: order.created, send: {type: notification, channel: sms, template: created}}
  unpaid:
    name: 未付
    on: {event: order.created, after: 2s, unless: [order.paid, order.cancelled]}
    caps: [{max: 1, per: 24h, by: event.order_id}]
    send: {type: notification, channel: sms, template: unpaid}
  paid: {name: 已付, on: order.paid, send: {type: notification, channel: sms, template: paid}}
  done:
    name: 完成
    on: {together: [{event: order.paid, as: paid}, {event: order.picked, as: picked}], within: 1h, by: event.order_id}
    send: {type: notification, channel: sms, template: done}
  pickup:
    name: 取货
    on: {event: pickup.booked, before: 1s, of: event.at, unless: [order.picked, order.cancelled, pickup.booked]}
    send: {type: notification, channel: sms, template: pickup}
  sale: {name: 大促, on: sale.announced, audience: all, send: {type: marketing, channel: sms, template: sale}}
  sale-again:
    name: 再次
    on: {event: sale.announced, after: 3s}
    audience: all
    send: {type: marketing, channel: sms, template: sale-again}
  code:
    name: 登录码
    on: verification.requested
    send: {type: verification, channel: sms, template: code, purpose: login}
"""
FILES: Mapping[str, str] = {"book.yaml": BOOK}

# Numbers whose submissions are unknown, silent, or whose receipts come twice or out of order (providers/capture.py). None is ever
# rejected: a rejection gives its cap's slot back at an instant that no simulation can know.
FATES = ("0001", "0002", "0005", "0006", "0015", "0016", "0017")
SILENT = ("0006", "0017")  # nothing is said of these, unless a test posts receipts


def book() -> Rulebook:
    """The book, checked."""
    checked = check(dict(FILES))
    assert checked.book is not None, checked.findings
    return checked.book


def plan() -> BookPlan:
    """The book, compiled."""
    return compile_book(book())


def phone(number: int) -> str:
    """Every fifth has a number with a fate of its own."""
    if number % 5 == 0 and number // 5 < len(FATES):
        return f"+861990000{FATES[number // 5]}"
    return f"+861380013{number:04}"


def users(people: int = PEOPLE) -> list[dict[str, Any]]:
    """Everybody, as input lines."""
    return [{"id": f"u{number}", "phone": phone(number)} for number in range(people)]


class Story:
    """Events without end, each with an id of its own; orders go through their life in random steps, some late, some cancelled."""

    def __init__(self, name: str, chance: Random, *, sales: float = 0.01) -> None:
        self._name = name
        self._chance = chance
        self._sales = sales
        self._numbered = 0
        self._open: list[tuple[str, str]] = []  # (order, user)

    def lines(self, now: int, count: int) -> list[dict[str, Any]]:
        """The next so many events, which happen at `now`."""
        return [self._line(now) for _ in range(count)]

    def _line(self, now: int) -> dict[str, Any]:
        self._numbered += 1
        base = {"id": f"{self._name}-{self._numbered}", "time": format_instant(now)}
        drawn = self._chance.random()
        if drawn < self._sales:
            return base | {"type": "sale.announced", "data": {"sale_id": f"S{self._name}{self._numbered}"}}
        if drawn < 0.06:
            return base | {"type": "verification.requested", "user": self._user(), "data": {"purpose": "login"}}
        if drawn < 0.4 or not self._open:
            order, user = f"{self._name}{self._numbered}", self._user()
            self._open.append((order, user))
            return base | {"type": "order.created", "user": user, "data": {"order_id": order, "amount": self._numbered}}
        place = self._chance.randrange(len(self._open))
        order, user = self._open[place]
        kind = self._chance.choice(("order.paid", "order.paid", "order.cancelled", "order.picked", "pickup.booked", "pickup.booked"))
        if kind in ("order.cancelled", "order.picked"):
            del self._open[place]
        data: dict[str, Any] = {"order_id": order}
        if kind in ("order.paid", "pickup.booked"):
            data["no"] = str(self._numbered)  # each text is another one: a gateway that knows no ids of ours sees what came twice
        if kind == "pickup.booked":
            data["at"] = format_instant(now + self._chance.randint(0, 3 * SECOND))
        return base | {"type": kind, "user": user, "data": data}

    def _user(self) -> str:
        return f"u{self._chance.randrange(PEOPLE)}"
