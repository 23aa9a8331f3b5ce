"""What `hongyan serve --demo` starts with: the O2O book, sample users, and yesterday's sample events, judged at their own times."""

from __future__ import annotations

import secrets
from collections.abc import Iterable, Iterator
from datetime import date, datetime, timedelta
from itertools import islice
from typing import Any
from zoneinfo import ZoneInfo

from cli.console import plural, say
from cli.init import O2O
from cli.parts import opened
from cli.publish import publish
from engine.core.zones import EPOCH_UTC, parse_instant
from engine.runtime.clock import RealClock, TestClock
from engine.settings import Settings
from engine.simulate import sample
from rules.checking import load_book

ORDERS = 12
SEED = 1
ACCOUNT = "wang"
_ZONE = ZoneInfo("Asia/Shanghai")  # in which the sample's days are days
_TOGETHER = 500  # users of one transaction


def load(settings: Settings) -> None:
    """Fill an empty database. The clock stands at each event's own time while that is judged, as it would have been then."""
    day = datetime.now(_ZONE).date() - timedelta(days=1)
    events = list(sample.events(ORDERS, SEED, day))
    clock = TestClock(min(_received(event) for event in events))
    with opened(settings, clock) as service:
        book = load_book(O2O)
        if publish(service, str(O2O), book, "demo", "hongyan serve --demo") is None:
            raise AssertionError("the book that ships is refused")
        people = 0
        for page in _pages(sample.users(ORDERS, SEED, day)):
            people += sum(one.status == "accepted" for one in service.put_users("live", page))
        accepted = 0
        for event in events:
            clock.set(_received(event))
            service.settle(sending=True)
            accepted += sum(one.status == "accepted" for one in service.accept("live", [event]))
            service.settle(sending=True)
        clock.set(_midnight_after(day))
        service.settle(sending=True)
        messages = _count(service.messages("live", limit=1000).items)
    say(f"demo: the O2O book, {plural(people, 'user')}, {plural(accepted, 'event')} of {day}, {plural(messages, 'message')} came of them")


def keys(settings: Settings) -> dict[str, str]:
    """A key for each part that the demo shows, by what it is for."""
    with opened(settings, RealClock()) as service:
        return {
            "everything (admin)": service.create_key("demo admin", "admin"),
            "posting events (ingest)": service.create_key("demo ingest", "ingest"),
            "the environment that only captures (admin, test)": service.create_key("demo test", "admin", test=True),
        }


def account(settings: Settings) -> tuple[str, str]:
    """Somebody who may do everything in the console: name and password."""
    password = secrets.token_urlsafe(9)
    with opened(settings, RealClock()) as service:
        service.accounts.create(ACCOUNT, "admin", password, by="hongyan serve --demo")
    return ACCOUNT, password


def _received(event: dict[str, Any]) -> int:
    return parse_instant(event.get("received") or event["time"], None)


def _midnight_after(day: date) -> int:
    moment = datetime.combine(day + timedelta(days=1), datetime.min.time(), _ZONE)
    return int((moment - EPOCH_UTC) / timedelta(microseconds=1))


def _pages(lines: Iterable[dict[str, Any]]) -> Iterator[list[dict[str, Any]]]:
    waiting = iter(lines)
    while page := list(islice(waiting, _TOGETHER)):
        yield page


def _count(items: Iterable[Any]) -> int:
    return sum(1 for _ in items)
