"""What the tests of dispatch, receipts and codes share: a book, scripted providers, and short ways to make things happen."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any

import pytest

from engine.events import EventReader
from engine.refusals import Refusal
from engine.runtime.books import Books
from engine.runtime.clock import TestClock
from engine.runtime.deciding import Deciding
from engine.runtime.dispatch import Dispatcher
from engine.runtime.meters import Meters
from engine.runtime.receipts import Receiver
from engine.runtime.routing import Leg, Limits, Route, Routing
from engine.runtime.tombstones import Tombstones
from engine.runtime.verification import Caution, Verifications
from engine.runtime.waiting import Policy
from engine.runtime.worker import Worker
from engine.store import attempts, cells, events, messages
from engine.store.messages import Stored
from engine.store.store import Store
from providers.capture import CaptureProvider, CaptureSettings
from providers.contract import Accepted, Outcome, Reason, Receipt, ReceiptStatus, Rejected, Sinks, Submission

SECOND = 1_000_000
MINUTE = 60 * SECOND
HOUR = 60 * MINUTE
START = int(datetime(2026, 6, 1, 2, 0, tzinfo=UTC).timestamp()) * SECOND  # 10:00 in Shanghai, a Monday
PHONE = "+8613800138000"
OTHER = "+8613800138001"
PEPPER = b"pepper of the tests"

BOOK = """
book: {id: t, name: T, timezone: Asia/Shanghai, locale: zh_CN, signature: 秒信通, unknown_events: refuse}
events:
  order.created: {key: order_id, data: {order_id: string}}
  order.closed: {key: order_id, data: {order_id: string}}
  sale.announced: {broadcast: true, key: sale_id, data: {sale_id: string}}
  promo.wanted: {key: promo_id, data: {promo_id: string}}
  short.wanted: {key: promo_id, data: {promo_id: string}}
  film.wanted: {key: order_id, data: {order_id: string}}
  verification.requested:
    data:
      purpose: {type: string, enum: [login, pay]}
      ip: {type: string, optional: true}
      device_id: {type: string, optional: true}
  login.attempted: {data: {place: string}}
user:
  attributes: {ok: boolean}
message_types:
  verification:
    code: {digits: 6, valid_for: 10m, checks: 5}
    valid_for: 10m
    caps: [{max: 1, per: 60s, by: phone}, {max: 10, per: 24h, by: phone}]
  notification:
    caps: [{max: 3, per: day, by: user}]
  marketing:
    quiet_hours: {from: "21:00", to: "08:00", then: defer}
    caps: [{max: 1, per: 7d, by: user}]
    ending: 拒收请回复R
templates:
  created: {sms: "您的订单{{ event.order_id }}已提交"}
  closed: {sms: "您的订单{{ event.order_id }}已关闭"}
  promo: {sms: "优惠{{ event.promo_id }}等您来"}
  film: {video_sms: {media: VM_1, params: {order: "{{ event.order_id }}"}}, sms: "您的订单{{ event.order_id }}有新视频"}
  code: {sms: "验证码{{ code }}，10分钟内有效，请勿告知他人。"}
  sale: {sms: "大促{{ event.sale_id }}开始了"}
rules:
  created: {name: 下单, on: {event: order.created, unless: order.closed}, send: {type: notification, channel: sms, template: created}}
  promo: {name: 优惠, on: promo.wanted, send: {type: marketing, channel: sms, template: promo}}
  short: {name: 短, on: short.wanted, send: {type: marketing, channel: sms, template: promo, valid_for: 12h}}
  sale: {name: 大促, on: sale.announced, audience: all, send: {type: marketing, channel: sms, template: sale}}
  film: {name: 视频, on: film.wanted, send: {type: notification, channel: [video_sms, sms], template: film, fallback_after: 2m}}
  code:
    name: 登录码
    on: verification.requested
    when: {event.purpose: login}
    send: {type: verification, channel: sms, template: code, purpose: login}
  pay:
    name: 支付码
    on: verification.requested
    when: {event.purpose: pay}
    send: {type: verification, channel: sms, template: code, purpose: pay, code: {digits: 4, valid_for: 5m, checks: 3}}
  place: {name: 异地, on: login.attempted, send: {type: verification, channel: sms, template: code, purpose: login}}
"""


@dataclass
class Scripted:
    """A provider that answers what it is told to, in order, then accepts. It keeps everything that it was given."""

    name: str
    script: list[Outcome | Exception] = field(default_factory=list)
    deduplicates: bool = False
    can_query: bool = False
    answers: dict[str, Receipt] = field(default_factory=dict)  # to queries, by our id
    kind: str = "scripted"
    channels: frozenset[str] = frozenset({"sms", "video_sms"})
    given: list[Submission] = field(default_factory=list)
    before: Callable[[Sequence[Submission]], None] | None = None  # called inside `submit`
    lock: Any = field(default_factory=threading.Lock)

    def submit(self, batch: Sequence[Submission]) -> list[Outcome]:
        with self.lock:
            self.given += batch
            if self.before is not None:
                self.before(batch)
            return [self._next(submission) for submission in batch]

    def _next(self, submission: Submission) -> Outcome:
        if not self.script:
            return Accepted(f"{self.name}-{len(self.given)}-{submission.id}")
        outcome = self.script.pop(0)
        if isinstance(outcome, Exception):
            raise outcome
        return outcome

    def query(self, provider_id: str | None, submission_id: str = "") -> Receipt | None:
        return self.answers.get(submission_id)


def rejected(reason: Reason, code: str = "x") -> Rejected:
    """With `retryable` as the reason has it."""
    return Rejected.of(reason, code)


LATER = rejected(Reason.RETRY_LATER)


class House:
    """An installation without threads: `step` does what the threads would."""

    def __init__(self, store: Store, *, limits: Limits | None = None, policy: Policy | None = None) -> None:
        self.store = store
        self.clock = TestClock(START)
        self.books = Books(Tombstones(b"secret"))
        self.deciding = Deciding(self.books)
        self.worker = Worker(store, self.books, self.clock)
        self.meters = Meters()
        self.one, self.two = Scripted("one"), Scripted("two")
        self.limits = limits or Limits()
        self.per_second: dict[str, float | None] = {}
        self.policy = policy or Policy()
        self.books.publish(store, {"book.yaml": BOOK}, note="", author="test", at=START)
        self.numbered = 0
        self.restart()

    def restart(self, *legs: str) -> None:
        """Everything in memory anew, as after a crash."""
        routes = [Route(channel, tuple(map(Leg, legs or ("one", "two")))) for channel in ("sms", "video_sms")]
        self.routing = Routing(routes, self.per_second, self.limits)
        self.receiver = Receiver(self.store, self.books, self.deciding, self.clock, routing=self.routing, meters=self.meters)
        sinks = Sinks(self.sink("capture"), lambda replies: self.receiver.inbound("capture", replies), lambda: self.aware(0))
        settings = CaptureSettings(name="capture", kind="capture", channels=("sms", "video_sms"), receipts="on_demand")
        self.capture = CaptureProvider(settings, sinks)
        self.providers = {"one": self.one, "two": self.two, "capture": self.capture}
        self.dispatcher = Dispatcher(
            self.store, self.books, self.deciding, self.providers, self.routing, self.clock, Random(1), receiver=self.receiver,
            pepper=PEPPER, meters=self.meters, policy=self.policy,
        )  # fmt: skip

    def sink(self, provider: str) -> Callable[[Sequence[Receipt]], None]:
        return lambda receipts: self.receiver.receipts(provider, receipts)

    def verifications(self, **caution: Any) -> Verifications:
        return Verifications(
            self.store, self.books, self.clock, pepper=PEPPER, accept=lambda env, line: self.accept(line, env),
            await_decision=lambda env, source, id, timeout: self.work(env), meters=self.meters, caution=Caution(**caution),
        )  # fmt: skip

    # ---- making things happen -----------------------------------------------------------------------------------------------------------

    def aware(self, ahead: int) -> datetime:
        return datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=self.clock.now() + ahead)

    def advance(self, micros: int) -> None:
        self.clock.set(self.clock.now() + micros)

    def at(self, hour: int, minute: int = 0, day: int = 0) -> None:
        """Shanghai's clock on that day after the first."""
        self.clock.set(START + (hour - 10) * HOUR + minute * MINUTE + day * 24 * HOUR)

    @dataclass
    class Answer:
        status: str
        reason: str | None = None
        pointer: str | None = None

    def accept(self, line: Any, env: str = "live") -> House.Answer:
        with self.store.write() as tx:
            active = self.books.active(tx, env)
            assert active is not None
            event = EventReader(active.plan.book).read(line)
            if isinstance(event, Refusal):
                return House.Answer("refused", event.reason, None)
            event.received = self.clock.now()
            return House.Answer(events.add(tx, env, [event])[0])

    def post(self, type: str, env: str = "live", user: Any = None, **data: Any) -> str:
        self.numbered += 1
        id = f"e{self.numbered}"
        line = {"id": id, "type": type, "time": self.aware(0).isoformat(), "data": data}
        if type != "sale.announced":
            line["user"] = user or {"id": "u1", "phone": PHONE, "attributes": {"ok": True}}
        answer = self.accept(line, env)
        assert answer.status == "accepted", answer
        self.work(env)
        return id

    def work(self, env: str = "live") -> bool:
        """Judge what came in and what is due: timers are due once their instant has passed."""
        while self.worker.step(env):
            pass
        return True

    def order(self, id: str = "A1", **more: Any) -> str:
        return self.post("order.created", order_id=id, **more)

    def step(self, times: int = 10) -> int:
        """Dispatch until there is nothing to do; how many steps did something."""
        return next((n for n in range(times) if not self.dispatcher.step()), times)

    def later(self, micros: int) -> None:
        """Time passes: what is due is judged, what may leave leaves."""
        self.advance(micros)
        for env in ("live", "test"):
            self.work(env)
        self.step()

    # ---- looking ------------------------------------------------------------------------------------------------------------------------

    def messages(self, env: str = "live") -> list[Stored]:
        with self.store.read() as tx:
            return list(reversed(messages.newest(tx, env, limit=1000).items))

    def states(self, env: str = "live") -> list[str]:
        return [stored.state.value for stored in self.messages(env)]

    def only(self, env: str = "live") -> Stored:
        (stored,) = self.messages(env)
        return stored

    def attempts(self, stored: Stored | None = None) -> list[tuple[str, str | None]]:
        stored = stored or self.only()
        with self.store.read() as tx:
            return [(one.provider, one.outcome) for one in attempts.of_messages(tx, [stored.seq]).get(stored.seq, [])]

    def effects(self, stored: Stored | None = None) -> list[str]:
        stored = stored or self.only()
        with self.store.read() as tx:
            return [one.effect for one in attempts.receipts_of(tx, [stored.seq]).get(stored.seq, [])]

    def slots(self, user: str = "u1", env: str = "live") -> int:
        """Cap slots that the user's messages hold."""
        with self.store.read() as tx:
            cell = cells.load(tx, env, [f"user:{user}"])[f"user:{user}"]
        return sum(len(state) for state in cell.counters.values()) if cell is not None else 0

    def receipt(self, id: str | None = None, provider_id: str | None = None, status: str = "delivered", **more: Any) -> Receipt:
        return Receipt(id, provider_id, ReceiptStatus(status), self.aware(0), **more)


@pytest.fixture
def house(url: str) -> Iterator[House]:
    """Monday 10:00 in Shanghai, nothing has happened yet."""
    store = Store(url)
    store.migrate()
    yield House(store)
    store.close()
