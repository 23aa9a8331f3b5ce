"""One id from the event to the receipt: in the log, in messages, and in the service's answer, whichever process did what."""

from __future__ import annotations

import io
import json
import logging
from collections.abc import Iterator
from typing import Any

import pytest
import structlog

from engine import observe
from engine.runtime.service import Service
from engine.store.store import Store
from engine.traces import number_of, origin_of, trace_of
from rules.model import HOUR
from tests.runtime.conftest import NOON

BOOK = """
book: {id: shop, timezone: Asia/Shanghai, signature: 秒信通}
events:
  made: {key: k, data: {k: string, at: {type: datetime, optional: true}}}
  paid: {key: k, data: {k: string}}
rules:
  thanks: {on: made, send: {type: notification, sms: "订单{{ event.k }}已提交"}}
  remind: {on: {event: made, after: 1h, unless: paid}, send: {type: notification, sms: "请支付{{ event.k }}"}}
  soon: {on: {event: made, before: [2h, 1h], of: event.at}, send: {type: notification, sms: "快到了{{ event.k }}"}}
  morning: {on: {schedule: {cron: "0 18 * * *"}}, audience: all, send: {type: notification, sms: "晚上好"}}
"""
PHONE = "+8613800138001"
PERSONAL = ("13800138001", "u-zhang", "K1", "order-7", "已提交")


@pytest.fixture
def log() -> Iterator[io.StringIO]:
    """What the process logs meanwhile."""
    root = logging.getLogger()
    before, level, of_traces = list(root.handlers), root.level, observe._handler
    stream = io.StringIO()
    observe.set_up(stream)
    yield stream
    root.handlers, root.level, observe._handler = before, level, of_traces
    structlog.reset_defaults()


@pytest.fixture
def shop(service: Service) -> Service:
    service.publish({"book.yaml": BOOK}, "first", "pm")
    service.put_users("live", [{"id": "u-zhang", "phone": PHONE}])
    return service


def post(service: Service, id: str = "order-7", source: str = "api", **data: Any) -> str:
    """Its trace."""
    line = {"id": id, "source": source, "type": "made", "time": "2026-06-01T12:00:00+08:00", "user": "u-zhang", "data": {"k": "K1", **data}}
    assert service.accept("live", [line])[0].status in ("accepted", "duplicate")
    return trace_of("live", id if source == "api" else f"{source}/{id}")


def lines(log: io.StringIO) -> list[dict[str, Any]]:
    return [line for line in map(json.loads, log.getvalue().splitlines()) if line["logger"] == "hongyan.trace"]


def test_every_line_from_the_event_to_the_receipt_has_one_id(shop: Service, log: io.StringIO) -> None:
    """The event is accepted and judged here; another process hands the message over and gets the receipt."""
    trace = post(shop)
    shop.settle()
    other = Service(Store(shop.store.engine.url.render_as_string(hide_password=False)), shop.clock, secret=b"pepper")
    while other.way_out.step():
        pass
    other.close()
    told = lines(log)

    assert [line["event"] for line in told if line["trace"] == trace] == ["event accepted", "decided", "receipt", "attempt"]
    accepted, decided, receipt, attempt = told
    assert (accepted["env"], accepted["type"]) == ("live", "made")
    assert (decided["cause"], decided["outcomes"], decided["sent"]) == ("event", {"send": 1, "schedule": 1}, ["thanks"])
    assert (attempt["provider"], attempt["number"], attempt["outcome"], attempt["rule"]) == ("capture", 1, "accepted", "thanks")
    assert (receipt["status"], receipt["effect"], receipt["message"]) == ("delivered", "moved", attempt["message"])
    assert not [name for name in PERSONAL if name in log.getvalue()]


def test_a_duplicate_and_what_comes_later_have_it_too(shop: Service, log: io.StringIO) -> None:
    trace = post(shop)
    post(shop)
    shop.settle()
    shop.set_clock(NOON + HOUR + 1)
    shop.settle()
    told = [(line["event"], line["trace"]) for line in lines(log)]

    assert told == [(event, trace) for event in ("event accepted", "event duplicate", "decided", "decided")]


def test_what_is_not_committed_is_not_told(shop: Service, log: io.StringIO) -> None:
    def fail() -> None:
        with shop.store.write() as tx:
            tx.told.append({"event": "never"})
            raise RuntimeError

    with pytest.raises(RuntimeError):
        fail()
    assert not lines(log)


def test_the_whole_story_by_its_id(shop: Service) -> None:
    """In order of time, timers included; the same id stands in messages and in the event's answer."""
    trace = post(shop, source="crm", at="2026-06-01T14:30:00+08:00")
    post(shop, "order-8")
    shop.settle(sending=True)
    shop.set_clock(NOON + 2 * HOUR)
    shop.settle(sending=True)
    story = shop.trace("live", trace)
    event = shop.event("live", "crm", "order-7")

    assert story is not None
    assert event is not None
    assert (story["trace"], story["status"], story["more"], story["event"]) == (trace, "decided", False, event["event"])
    assert event["trace"] == trace
    assert {message["trace"] for message in event["messages"]} == {trace}
    assert [step["at"] for step in story["steps"]] == sorted(step["at"] for step in story["steps"])
    counted = [step["kind"] for step in story["steps"]]
    assert {kind: counted.count(kind) for kind in counted} == {"event": 1, "verdict": 7, "message": 4, "attempt": 4, "receipt": 4}
    ids = {step["id"] for step in story["steps"] if step["kind"] == "message"}
    assert {step["message"] for step in story["steps"] if step["kind"] in ("attempt", "receipt")} == ids
    assert len(shop.messages("live", event="crm/order-7").items) == 4


def test_what_no_event_began(shop: Service) -> None:
    """A schedule's tick is one story for everybody whom it reached."""
    shop.settle()
    shop.set_clock(NOON + 6 * HOUR + 1)
    shop.settle(sending=True)
    message = shop.messages("live").items[0]
    story = shop.trace("live", message["trace"])

    assert story is not None
    assert story["event"] is None
    assert [step["kind"] for step in story["steps"]] == ["verdict", "message", "attempt", "receipt"]


@pytest.mark.parametrize("id", ["", "order-7", "0" * 16, "f" * 16, "0123456789ABCDEF"])
def test_an_id_of_nothing(shop: Service, id: str) -> None:
    post(shop)

    assert shop.trace("live", id) is None
    assert shop.trace("test", trace_of("live", "order-7")) is None


@pytest.mark.parametrize(
    ("occurrence", "origin"),
    [("e1", "e1"), ("e1@-3d", "e1"), ("a@b", "a@b"), ("a@b@-90m", "a@b"), ("enter:vip@2026-06-01T00:00:00Z",) * 2, ("@-", "@-")],
)
def test_timers_go_back_to_their_event(occurrence: str, origin: str) -> None:
    """Whatever else stands in its id."""
    assert origin_of(occurrence) == origin
    assert trace_of("live", occurrence) == trace_of("live", origin) != trace_of("test", origin)
    assert number_of(trace_of("live", occurrence)) is not None
