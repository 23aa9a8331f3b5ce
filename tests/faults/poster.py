"""A service that is killed: posts orders as fast as it can, judges them in its own thread, and says what was accepted."""

from __future__ import annotations

import sys
from pathlib import Path

from engine.core.zones import format_instant
from engine.runtime.clock import RealClock
from engine.runtime.service import Service
from engine.store.store import Store
from rules.loader import read_folder

BOOK = Path(__file__).parents[2] / "rules" / "books" / "o2o"


def main(url: str, first: int) -> None:
    """Post orders from number `first` on until somebody ends the process."""
    store = Store(url)
    store.migrate()
    service = Service(store, RealClock(), secret=b"pepper")
    if service.active_files("live") is None:
        service.publish({name: text.decode() for name, text in read_folder(BOOK).items()}, "first", "test")
        service.put_users("live", [{"id": f"u{number}", "phone": f"+861380013{number:04}"} for number in range(20)])
    service.start()
    number = first
    while True:
        lines = []
        for _ in range(1 + number % 7):
            time = format_instant(service.clock.now())
            data = {"order_id": f"A{number}", "item": "花", "amount": 1 + number}
            lines.append({"id": f"e{number}", "type": "order.created", "time": time, "user": f"u{number % 20}", "data": data})
            number += 1
        for answer in service.accept("live", lines):
            print(answer.id, answer.status, flush=True)


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
