"""What a round of the worker asks of the database: as much for many events as for few, and next to nothing when nothing waits."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from sqlalchemy import event as sqlalchemy_event

from engine.core.zones import format_instant
from engine.runtime.service import Service
from rules.model import HOUR

BOOK = """
book: {id: shop, timezone: Asia/Shanghai}
events:
  made: {key: k, data: {k: string, device: string, ip: string}}
rules:
  made:
    on: made
    caps:
      - {max: 1, per: 24h, by: event.k}
      - {max: 9, per: 24h, by: [event.device, event.ip]}
      - {max: 9, per: 24h, by: ip_network}
    send: {type: notification, sms: "已下单{{ event.k }}"}
  remind:
    on: {event: made, after: 1h}
    caps: [{max: 1, per: 7d, by: event.device}]
    send: {type: notification, sms: "请支付{{ event.k }}"}
"""


def made(numbers: range, time: str = "2026-06-01T12:00:00+08:00") -> list[dict[str, Any]]:
    return [
        {
            "id": f"e{number}",
            "type": "made",
            "time": time,
            "user": {"id": f"u{number}", "phone": f"+8613800138{number:03}"},
            "data": {"k": f"K{number}", "device": f"D{number}", "ip": f"10.0.{number}.1"},
        }
        for number in numbers
    ]


@contextmanager
def statements(service: Service) -> Iterator[list[str]]:
    """What is asked within the block."""
    asked: list[str] = []

    def note(_connection: Any, _cursor: Any, statement: str, *_: Any) -> None:
        asked.append(statement)

    sqlalchemy_event.listen(service.store.engine, "before_cursor_execute", note)
    try:
        yield asked
    finally:
        sqlalchemy_event.remove(service.store.engine, "before_cursor_execute", note)


def test_a_batch_asks_as_much_for_many_events_as_for_few(service: Service) -> None:
    """Cells that caps count in come with the batch, whatever they count by; of due timers too."""
    service.publish({"book.yaml": BOOK}, "first", "pm")
    counts = []
    for numbers in (range(3), range(3, 43)):
        service.accept("live", made(numbers, format_instant(service.clock.now())))
        with statements(service) as asked:
            assert service.worker.step("live")
        counts.append(len(asked))
        service.set_clock(service.clock.now() + 2 * HOUR)
        with statements(service) as asked:
            assert service.worker.step("live")
        counts.append(len(asked))

    sent = [message["rule"] for message in service.messages("live", limit=200).items]
    assert (sent.count("made"), sent.count("remind")) == (43, 43)
    assert counts[0] == counts[2]
    assert counts[1] == counts[3]


def test_when_nothing_waits_one_look_is_all(service: Service) -> None:
    """Both environments, timers, campaigns and adoptions: one statement, and its BEGIN."""
    service.publish({"book.yaml": BOOK}, "first", "pm")
    service.accept("live", made(range(3)))
    service.settle()

    with statements(service) as asked:
        service.settle()

    assert len([statement for statement in asked if not statement.startswith("BEGIN")]) == 1


def test_more_waits_after_a_full_batch_alone(service: Service) -> None:
    """The worker rests after a small one, though the other environment had nothing to do."""
    service.publish({"book.yaml": BOOK}, "first", "pm")
    service.accept("live", made(range(201)))

    rounds = []
    for _ in range(2):
        seen = service.worker.look()
        worked = [service.worker.step(env, seen[env]) for env in ("live", "test")]
        rounds.append((worked, service.worker.more_waits))

    assert rounds == [([True, False], True), ([True, False], False)]
