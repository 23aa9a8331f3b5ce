"""`python -m benchmarks.latency`: from the acceptance of a post to the call of the provider, at 200 events a second.

`hongyan serve` in a process of its own, each event an order of somebody else, each with a message at once. The provider only notes when it
was called, on the same clock.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from statistics import median

import sqlalchemy as sa

from benchmarks.service import client, report
from benchmarks.service.databases import database, kinds, versions
from benchmarks.service.server import running
from benchmarks.service.workload import orders, request
from engine.store.store import Store

PER_SECOND = 200
CONNECTIONS = 8
PATIENCE_SECONDS = 30


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure each database."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.latency", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="one round of 5 seconds instead of three of 10")
    parser.add_argument("--per-second", type=int, default=PER_SECOND, help="events a second")
    options = parser.parse_args(arguments)
    rounds, seconds = (1, 5) if options.quick else (3, 10)
    about = report.begin()
    results: dict[str, dict[str, list[float]]] = {}
    for number in range(rounds):
        for kind in kinds():
            for what, values in _round(kind, options.per_second, seconds, f"l{number}-").items():
                for share in (50, 99):
                    results.setdefault(kind, {}).setdefault(f"{what} p{share}", []).append(report.quantile(values, share / 100))
            report.say(f"{kind}: " + ", ".join(f"{what} {values[-1]:.1f} ms" for what, values in results[kind].items()))
    heads = ["", *[f"{what} p{share}, ms" for what in ("answered", "accepted to provider", "due to provider") for share in (50, 99)]]
    rows = [[kind, *[report.spread(values, 1) for values in result.values()]] for kind, result in results.items()]
    lines = report.table(heads, rows)
    lines += [
        "",
        "Target: accepted to provider p50 below 10 ms, p99 below 50 ms."
        f" {options.per_second} posts a second over {CONNECTIONS} connections, {rounds} rounds of {seconds} s."
        " Answered: from when the post was due to its 202. Accepted: the event's `received`, the instant before its commit."
        " Due to provider: the whole way, the client's own lateness included.",
    ]  # fmt: skip
    bars = {f"{kind}: {what}": median(values) for kind, result in results.items() for what, values in result.items()}
    report.finish("latency", "from a post to the provider", lines, results, bars, "ms", about, versions())
    return 0


def _round(kind: str, per_second: int, seconds: int, label: str) -> dict[str, list[float]]:
    count = per_second * seconds
    with tempfile.TemporaryDirectory() as folder, database(kind) as url:
        file = Path(folder) / "calls"
        with running(url, calls=file) as server:
            warm = per_second
            posts = [request("/v1/events", event, server.token) for event in orders(count + warm, label)]
            client.post(server.port, posts[count:], CONNECTIONS, per_second)
            began = time.time()
            load = client.post(server.port, posts[:count], CONNECTIONS, per_second)
            _wait(url, count + warm)
        if set(load.statuses) != {202}:
            raise SystemExit(f"answered {load.statuses}")
        called = {to: at for at, to in map(tuple, json.loads(file.read_text(encoding="utf-8")))}
        store = Store(url)
        with store.read() as tx:
            accepted = dict(map(tuple, tx.execute(sa.text('SELECT "to", at FROM messages ORDER BY seq'))))
        store.close()
    numbers = [f"+86138{number:08}" for number in range(count)]
    if any(number not in called for number in numbers):
        raise SystemExit(f"{sum(number not in called for number in numbers)} of {count} messages did not reach the provider")
    return {
        "answered": [seconds * 1_000 for seconds in load.latencies],
        "accepted to provider": [(called[number] - accepted[number]) / 1_000 for number in numbers],
        "due to provider": [called[to] / 1_000 - (began + number / per_second) * 1_000 for number, to in enumerate(numbers)],
    }


def _wait(url: str, count: int) -> None:
    """Until the provider has had them all."""
    store, deadline = Store(url), time.monotonic() + PATIENCE_SECONDS
    while time.monotonic() < deadline:
        with store.read() as tx:
            if tx.execute(sa.text("SELECT count(*) FROM messages WHERE state = 'accepted'")).scalar_one() >= count:
                break
        time.sleep(0.2)
    store.close()


if __name__ == "__main__":
    sys.exit(main())
