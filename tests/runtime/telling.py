"""A process to be killed: it judges one order, says what it has committed, and delivers if it is told to."""

from __future__ import annotations

import sys

from engine.runtime.clock import TestClock
from engine.runtime.service import Service
from engine.store.store import Store
from providers.webhook import Sender
from tests.runtime.house import START

SECRET = b"pepper of the tests"
TRIAL = Sender(allow_private=True, allow_http=True, timeout_seconds=60)
ORDER = {"id": "e1", "type": "order.created", "time": "2026-06-01T02:00:00Z", "user": "u1", "data": {"order_id": "A1"}}


def main(url: str, delivers: bool) -> None:
    service = Service(Store(url), TestClock(START), secret=SECRET, webhooks=TRIAL)
    service.accept("live", [ORDER])
    service.settle()
    print("judged", flush=True)
    if delivers:
        service.deliverer.step()
    sys.stdin.read()


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2:] == ["delivers"])
