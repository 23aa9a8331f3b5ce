"""kill -9 at any instant: what was accepted is decided, once, and nothing is sent twice."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

from engine.runtime.clock import RealClock
from engine.runtime.service import Service
from engine.store import decisions, events, messages
from engine.store.store import Store

ROOT = Path(__file__).parents[2]
KILLS = 12


def run_until_killed(url: str, first: int, accepted: int) -> list[str]:
    """Start a poster, kill it after so many answers; the ids that it said were accepted."""
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    poster = subprocess.Popen(
        [sys.executable, "-m", "tests.faults.poster", url, str(first)], stdout=subprocess.PIPE, text=True, cwd=ROOT, env=environment
    )
    assert poster.stdout is not None
    said = []
    for line in poster.stdout:
        said.append(line)
        if len(said) == accepted:
            poster.send_signal(signal.SIGKILL)
    poster.wait()
    poster.stdout.close()
    whole = [line.split() for line in said if line.endswith("\n")]
    assert {status for _, status in whole} <= {"accepted"}
    return [id for id, _ in whole]


@pytest.mark.slow
def test_nothing_accepted_is_lost_and_nothing_is_decided_twice(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'hongyan.db'}"
    chance = random.Random(20261122)
    accepted: list[str] = []
    for kill in range(KILLS):
        accepted += run_until_killed(url, first=kill * 100_000, accepted=chance.randint(1, 60))

    store = Store(url)
    service = Service(store, RealClock(), secret=b"pepper")
    service.settle()
    with store.read() as tx:
        kept = events.history(tx, "live", limit=100_000)
        record = [row for row in decisions.history(tx, "live", limit=1_000_000) if row.cause == "event"]
        sent = [one.message.occurrence for one in messages.newest(tx, "live", rule="order-created", limit=1_000_000).items]
    service.close()

    assert len(accepted) > KILLS
    assert set(accepted) <= {one.event.id for one in kept}
    assert all(one.done for one in kept)
    assert Counter(row.ref for row in record) == Counter(one.event.id for one in kept)
    # Every order has its confirmation once: 20 people stay below the cap of 30 a day only while there are few orders, so count verdicts.
    confirmed = Counter(
        verdict.occurrence for row in record for verdict in row.verdicts if verdict.rule == "order-created" and verdict.outcome == "send"
    )
    assert Counter(sent) == confirmed
    assert set(confirmed.values()) == {1}
