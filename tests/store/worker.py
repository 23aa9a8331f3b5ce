"""A process to be killed: it accepts events and counts them in a cell, batch after batch, and says what it has committed."""

from __future__ import annotations

import sys

from engine.store import cells, events, messages, timers
from engine.store.messages import NewMessage
from engine.store.store import Store
from tests.store.making import counted, event, message, timer

BATCH = 20


def main(url: str, start: int, stop_inside: bool) -> None:
    store = Store(url)
    number = start
    while True:
        with store.write() as tx:
            batch = [event(f"e{number}.{part}", user=f"u{part}") for part in range(BATCH)]
            events.add(tx, "live", batch)
            cell = cells.load(tx, "live", ["key:batches"])["key:batches"]
            cells.save(tx, "live", {"key:batches": counted((cell.counters["n"] if cell is not None else 0) + 1)})
            timers.add(tx, "live", [timer(f"t{number}", number)])
            messages.add(tx, "live", [NewMessage(message(f"m{number}"), 1)])
            if stop_inside:
                print("inside", flush=True)
                sys.stdin.read()
        print(number, flush=True)
        number += 1


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), sys.argv[3:] == ["inside"])
