"""What the shipped O2O book must decide about the recorded histories, worked out again without the engine.

Only the rules that these histories can touch, written by hand from the specification and the book. One person at a time: in these data no
cap, key or number is shared between persons (a test checks that), so nobody else can change the outcome.
"""

import gzip
import heapq
import json
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

SHANGHAI = ZoneInfo("Asia/Shanghai")
DAY = timedelta(days=1)
FESTIVALS = {  # Gregorian days of 春节, 五一, 端午 and 中秋, from the calendar on the wall
    2016: ("2016-02-08", "2016-05-01", "2016-06-09", "2016-09-15"),
    2017: ("2017-01-28", "2017-05-01", "2017-05-30", "2017-10-04"),
    2018: ("2018-02-16", "2018-05-01", "2018-06-18", "2018-09-24"),
}


class Line(NamedTuple):
    """One verdict, in the fields that two implementations must agree on."""

    at: str
    rule: str
    user: str
    outcome: str
    reason: str


@dataclass(frozen=True)
class Rule:
    """What of a rule matters here."""

    kind: str
    quiet: tuple[time, time] | None = None
    valid_for: timedelta | None = None
    priority: int = 0
    once: tuple[timedelta, tuple[str, ...]] | None = None  # at most one per window, by these fields of the event (none: by user)


MARKETING_NIGHT = (time(21), time(8))
RULES = {
    "order-created": Rule("notification", once=(DAY, ("order_id",))),
    "payment-succeeded": Rule("notification"),
    "shipped": Rule("notification", once=(DAY, ("order_id", "tracking_no"))),
    "delivered": Rule("notification", once=(timedelta(hours=1), ("order_id",))),
    "order-unpaid": Rule("notification", valid_for=timedelta(minutes=30), once=(DAY, ("order_id",))),
    "order-completed": Rule("notification", quiet=(time(22), time(8)), once=(DAY, ("order_id",))),
    "coupon-expiring": Rule("marketing", quiet=MARKETING_NIGHT, valid_for=timedelta(hours=36)),
    "win-back": Rule("marketing", quiet=MARKETING_NIGHT, priority=40, once=(timedelta(days=30), ())),
    "member-day": Rule("marketing", quiet=MARKETING_NIGHT, valid_for=timedelta(hours=12)),
    "festival-greeting": Rule("marketing", quiet=MARKETING_NIGHT, valid_for=timedelta(hours=12)),
    "holiday-sale": Rule("marketing", quiet=MARKETING_NIGHT, valid_for=timedelta(hours=24)),
}
AT_ONCE = {
    "order.created": "order-created",
    "payment.succeeded": "payment-succeeded",
    "shipment.shipped": "shipped",
    "shipment.delivered": "delivered",
}
CANCELS = {"payment.succeeded": "order-unpaid", "coupon.redeemed": "coupon-expiring"}


def read(path: Path) -> Iterator[dict[str, Any]]:
    """The lines of a compressed file."""
    with gzip.open(path, "rt", encoding="utf-8") as lines:
        for line in lines:
            yield json.loads(line)


def parse(text: str) -> datetime:
    """An instant."""
    return datetime.fromisoformat(text).astimezone(UTC)


def received(event: Mapping[str, Any]) -> datetime:
    """When an event came in."""
    return parse(event.get("received", event["time"]))


def written(moment: datetime) -> str:
    """An instant as the command writes it."""
    return moment.astimezone(UTC).isoformat().replace("+00:00", "Z")


def at_wall_clock(wall: datetime, zone: ZoneInfo) -> datetime:
    """The first instant that this wall clock shows; in a gap, as much later as the gap is long (PEP 495: fold 0 does both)."""
    return wall.replace(tzinfo=zone, fold=0).astimezone(UTC)


def days_later(moment: datetime, days: int, zone: ZoneInfo) -> datetime:
    """The same wall clock so many calendar days later."""
    return at_wall_clock(moment.astimezone(zone).replace(tzinfo=None) + timedelta(days=days), zone)


def is_quiet(moment: datetime, hours: tuple[time, time], zone: ZoneInfo) -> bool:
    """Whether the wall clock stands in [from, to)."""
    clock, (start, end) = moment.astimezone(zone).time(), hours
    return start <= clock < end if start < end else clock >= start or clock < end


def release(moment: datetime, hours: tuple[time, time], zone: ZoneInfo) -> datetime:
    """The next instant at which the quiet hours are over."""
    local = moment.astimezone(zone)
    day = local.date() + (timedelta(days=1) if local.time() >= hours[1] else timedelta(0))
    return at_wall_clock(datetime.combine(day, hours[1]), zone)


def ticks(since: datetime, until: datetime) -> list[tuple[datetime, str]]:
    """When the scheduled rules for members tick: ten in the morning in the book's zone."""
    days = [(date(year, month, 8), "member-day") for year in (2016, 2017, 2018) for month in range(1, 13)]
    for spring, may, dragon, autumn in FESTIVALS.values():
        days += [(date.fromisoformat(day), "festival-greeting") for day in (spring, may, dragon, autumn)]
        days += [(date.fromisoformat(day) - timedelta(days=3), "holiday-sale") for day in (may, dragon)]
    at = [(at_wall_clock(datetime.combine(day, time(10)), SHANGHAI), rule) for day, rule in days]
    return sorted((moment, rule) for moment, rule in at if since <= moment <= until)


@dataclass
class Occurrence:
    """One thing to judge, and what has become of it."""

    rule: str
    instant: datetime
    data: Mapping[str, Any]
    order: int
    state: str = "pending"
    happened: datetime | None = None


@dataclass
class Person:
    """One person's history, played through."""

    record: Mapping[str, Any]
    lines: list[Line] = field(default_factory=list)
    agenda: list[tuple] = field(default_factory=list)
    pending: dict[tuple[str, str], list[Occurrence]] = field(default_factory=lambda: defaultdict(list))
    arrived: dict[tuple[str, str], list[tuple[datetime, datetime]]] = field(default_factory=lambda: defaultdict(list))
    sent: list[tuple[datetime, Occurrence]] = field(default_factory=list)
    last_order: datetime | None = None
    dormant: bool = False

    def __post_init__(self) -> None:
        self.zone = ZoneInfo(self.record["timezone"])
        self.attributes = self.record["attributes"]

    def play(self, events: Iterable[tuple[int, Mapping[str, Any]]], ticking: Iterable[tuple[datetime, str]], until: datetime) -> list[Line]:
        """Everything decided about this person up to `until`."""
        for order, event in events:
            heapq.heappush(self.agenda, (received(event), 0, 0, "", order, len(self.agenda), event))
        if self.attributes.get("member"):
            for moment, rule in ticking:
                self._note(moment, Occurrence(rule, moment, {}, 0))
        while self.agenda and self.agenda[0][0] <= until:
            now, phase, _, _, order, _, what = heapq.heappop(self.agenda)
            if phase == 0:
                self._event(now, order, what)
            elif isinstance(what, Occurrence):
                if what.state == "pending":
                    self._judge(now, what, released=phase == 2)
            elif self.last_order is not None and days_later(self.last_order, 30, self.zone) == now and not self.dormant:
                self.dormant = True
                self._judge(now, Occurrence("win-back", now, {}, order))
        return self.lines

    def _note(self, moment: datetime, occurrence: Occurrence | None, phase: int = 1, rule: str = "win-back", order: int = 0) -> None:
        name = occurrence.rule if occurrence else rule
        order = occurrence.order if occurrence else order
        self._count = getattr(self, "_count", 10_000_000) + 1
        heapq.heappush(self.agenda, (moment, phase, -RULES[name].priority, name, order, self._count, occurrence))

    def _say(self, now: datetime, rule: str, outcome: str, reason: str) -> None:
        self.lines.append(Line(written(now), rule, self.record["id"], outcome, reason))

    def _event(self, now: datetime, order: int, event: Mapping[str, Any]) -> None:
        kind, data, happened = event["type"], event["data"], parse(event["time"])
        key = data.get("order_id") if not kind.startswith("coupon.") else data["coupon_id"]
        if kind == "order.completed":
            self._ordered(now, happened, order)
        if kind in CANCELS:
            for occurrence in self.pending[CANCELS[kind], key]:
                if occurrence.state == "pending" and happened >= occurrence.happened:
                    occurrence.state = "cancelled"
                    self._say(now, occurrence.rule, "cancel", "unless")
        self.arrived[kind, key].append((happened, now))
        if kind in AT_ONCE:
            self._judge(now, Occurrence(AT_ONCE[kind], happened, data, order))
        if kind == "order.created":
            self._later("order-unpaid", "payment.succeeded", now, happened + timedelta(minutes=15), order, event)
        elif kind == "order.completed":
            self._later("order-completed", "order.reviewed", now, happened + timedelta(hours=2), order, event)
        elif kind == "coupon.issued":
            due = days_later(parse(data["expires_at"]), -2, self.zone)
            self._later("coupon-expiring", "coupon.redeemed", now, due, order, event)

    def _ordered(self, now: datetime, happened: datetime, order: int) -> None:
        self.last_order = max(happened, self.last_order or happened)
        asleep_from = days_later(self.last_order, 30, self.zone)
        fell_asleep = asleep_from <= now and not self.dormant
        self.dormant = asleep_from <= now
        if fell_asleep:
            self._note(now, Occurrence("win-back", now, {}, order))
        elif not self.dormant:
            self._note(asleep_from, None, order=order)

    def _later(self, rule: str, unless: str, now: datetime, due: datetime, order: int, event: Mapping[str, Any]) -> None:
        data, happened = event["data"], parse(event["time"])
        key = data.get("order_id") or data["coupon_id"]
        if any(time >= happened and now - arrival <= timedelta(hours=1) for time, arrival in self.arrived[unless, key]):
            self._say(now, rule, "cancel", "unless")
        elif rule == "order-unpaid" and not data["amount"] > 0:
            self._say(now, rule, "skip", "condition_false")
        elif due >= now:
            occurrence = Occurrence(rule, due, data, order, happened=happened)
            self._say(now, rule, "schedule", "timer_set")
            self.pending[rule, key].append(occurrence)
            self._note(due, occurrence)
        elif now - due > (DAY if rule == "order-completed" else timedelta(minutes=5)):
            self._say(now, rule, "skip", "late")
        else:
            occurrence = Occurrence(rule, due, data, order, happened=happened)
            self.pending[rule, key].append(occurrence)
            self._judge(now, occurrence)

    def _judge(self, now: datetime, occurrence: Occurrence, released: bool = False) -> None:
        rule = RULES[occurrence.rule]
        if released and occurrence.rule == "win-back" and not self.dormant:
            return self._end(now, occurrence, "skip", "not_in_audience")
        if rule.kind == "marketing" and self.attributes.get("consent_marketing") is not True:
            return self._end(now, occurrence, "skip", "no_consent")
        ends = occurrence.instant + rule.valid_for if rule.valid_for else None
        if rule.quiet and is_quiet(now, rule.quiet, self.zone):
            again = release(now, rule.quiet, self.zone)
            if ends is not None and again > ends:
                return self._end(now, occurrence, "skip", "expired")
            self._note(again, occurrence, phase=2)
            return self._say(now, occurrence.rule, "defer", "quiet_hours")
        if ends is not None and now > ends:
            return self._end(now, occurrence, "skip", "expired")
        if self._is_full(now, occurrence, rule):
            return self._end(now, occurrence, "skip", "capped")
        self.sent.append((now, occurrence))
        return self._end(now, occurrence, "send", "ok")

    def _end(self, now: datetime, occurrence: Occurrence, outcome: str, reason: str) -> None:
        occurrence.state = "over"
        self._say(now, occurrence.rule, outcome, reason)

    def _is_full(self, now: datetime, occurrence: Occurrence, rule: Rule) -> bool:
        today = now.astimezone(self.zone).date()
        same_kind = [moment for moment, earlier in self.sent if RULES[earlier.rule].kind == rule.kind]
        this_day = sum(moment.astimezone(self.zone).date() == today for moment in same_kind[-40:])
        if this_day >= (30 if rule.kind == "notification" else 1):
            return True
        if rule.kind == "marketing" and sum(moment > now - 7 * DAY for moment in same_kind[-40:]) >= 3:
            return True
        if rule.once:
            window, fields = rule.once
            for moment, earlier in reversed(self.sent):
                if moment <= now - window:
                    break
                if earlier.rule == occurrence.rule and all(earlier.data.get(name) == occurrence.data.get(name) for name in fields):
                    return True
        return False


def expected(events: Iterable[Mapping[str, Any]], users: Iterable[Mapping[str, Any]]) -> list[Line]:
    """Every verdict of the O2O book about this history, in order of instant, user, rule."""
    events = list(events)
    by_user: dict[str, list[tuple[int, Mapping[str, Any]]]] = defaultdict(list)
    for order, event in enumerate(events):
        by_user[event["user"]].append((order, event))
    since, until = min(map(received, events)), max(map(received, events))
    ticking = ticks(since, until)
    lines: list[Line] = []
    for user in users:
        lines += Person(user).play(by_user.get(user["id"], ()), ticking, until)
    return sorted(lines, key=lambda line: (parse(line.at), line.user, line.rule, line.outcome, line.reason))
