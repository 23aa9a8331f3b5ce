"""More that falls due at one instant than one transaction takes: everybody's is judged together, by priority."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from engine.runtime.clock import TestClock
from engine.runtime.service import Service
from engine.runtime.worker import BATCH
from engine.store import decisions, messages
from engine.store.store import Store

PEOPLE = BATCH * 3 // 4
NIGHT = datetime(2026, 6, 1, 14, 0, tzinfo=UTC)  # 22:00 in Shanghai
BOOK = """
book: {id: t, name: T, timezone: Asia/Shanghai, locale: zh_CN, signature: 秒信通}
events:
  news: {key: no, data: {no: string}}
  offer: {key: no, data: {no: string}}
message_types:
  marketing: {quiet_hours: {from: "21:00", to: "08:00", then: defer}, caps: [{max: 1, per: day, by: user}], ending: 拒收请回复R}
templates:
  text: {sms: "好消息"}
rules:
  low: {name: 低, on: news, send: {type: marketing, channel: sms, template: text}}
  high: {name: 高, on: offer, priority: 10, send: {type: marketing, channel: sms, template: text}}
"""


def test_priority_holds_across_the_edge_of_a_batch(url: str) -> None:
    """All wait for 08:00; what was set last is worth more, and lies in another batch for most."""
    clock = TestClock(int(NIGHT.timestamp()) * 1_000_000)
    service = Service(Store(url), clock, secret=b"test")
    service.store.migrate()
    service.publish({"book.yaml": BOOK}, "first", "test")
    people = [{"id": f"u{number:03}", "phone": f"+861380013{number:04}"} for number in range(PEOPLE)]
    lines = [
        {"id": f"{type}{number}", "type": type, "time": NIGHT.isoformat(), "user": user, "data": {"no": f"{type}{number}"}}
        for type in ("news", "offer")
        for number, user in enumerate(people)
    ]
    assert {answer.status for answer in service.accept("live", lines)} == {"accepted"}
    service.settle()
    service.set_clock(int((NIGHT + timedelta(hours=10)).timestamp()) * 1_000_000 + 1)
    service.settle()

    with service.store.read() as tx:
        sent = [one.message.rule for one in messages.newest(tx, "live", limit=1000).items]
        capped = [one.rule for _, one in decisions.newest_verdicts(tx, "live", outcome="skip", limit=1000).items]
    service.close()
    assert (sent, capped) == (["high"] * PEOPLE, ["low"] * PEOPLE)
