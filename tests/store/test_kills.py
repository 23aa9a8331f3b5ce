"""kill -9 at any instant: what was said to be committed is there, what was not leaves nothing, and the next one goes on."""

from __future__ import annotations

import random
import subprocess
import sys
import time
from pathlib import Path

import pytest

from engine.store import cells, events, messages, timers
from engine.store.store import Store

from .worker import BATCH

ROOT = Path(__file__).parents[2]


def start(store: Store, *given: object) -> subprocess.Popen[str]:
    url = store.engine.url.render_as_string(hide_password=False)
    command = [sys.executable, "-m", "tests.store.worker", url, *map(str, given)]
    return subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)


def end(process: subprocess.Popen[str]) -> str:
    """Kill it; what it had said."""
    process.kill()
    assert process.stdout is not None
    assert process.stdin is not None
    said = process.stdout.read()  # not `communicate`, which would pass over what `readline` has read ahead
    process.wait(20)
    process.stdout.close()
    process.stdin.close()
    return said


def kept(store: Store) -> tuple[int, int, int, int]:
    """How many events, batches, timers and messages there are."""
    with store.write() as tx:  # what the dead one held is free again
        cell = cells.load(tx, "live", ["key:batches"])["key:batches"]
        batches = cell.counters["n"] if cell is not None else 0
        return (
            events.count_waiting(tx, "live"),
            batches,
            timers.count(tx, "live").get("due", 0),
            messages.depths(tx, "live").get(("sms", "queued"), 0),
        )


def test_killed_inside_a_transaction(store: Store) -> None:
    process = start(store, 0, "inside")
    assert process.stdout is not None
    assert process.stdout.readline() == "inside\n"

    end(process)

    assert kept(store) == (0, 0, 0, 0)


@pytest.mark.slow
def test_killed_at_any_instant(store: Store) -> None:
    dice = random.Random(7)
    said: set[int] = set()
    number = 0
    for _ in range(5):
        process = start(store, number)
        assert process.stdout is not None
        first = process.stdout.readline()
        time.sleep(dice.uniform(0, 0.15))
        lines = [first, *end(process).splitlines()]
        said |= {int(line) for line in lines if line.strip()}

        found, batches, waiting, queued = kept(store)

        # The last one may have been committed and not yet said.
        assert batches in (len(said), len(said) + 1)
        assert (found, waiting, queued) == (batches * BATCH, batches, batches)
        if batches > len(said):
            said.add(max(said) + 1)
        number = max(said) + 1
    with store.read() as tx:
        ids = [one.event.id for one in events.take(tx, "live", 100_000)]
    assert ids == [f"e{batch}.{part}" for batch in sorted(said) for part in range(BATCH)]
