"""`python -m benchmarks.ingest`: events by HTTP, singly and in batches of 500, durable, with worker and dispatcher running.

The server is `hongyan serve` in a process of its own; the client has the other core, if it is free. Beside it, in the same run: the
same HTTP server around a bare Flask view, and inserts into the databases without HTTP.
"""

from __future__ import annotations

import argparse
import sqlite3
import sys
import time
from collections.abc import Callable, Sequence
from itertools import islice
from statistics import median
from typing import Any

import psycopg
import sqlalchemy as sa

from benchmarks.service import client, report
from benchmarks.service.databases import database, for_psycopg, kinds, versions
from benchmarks.service.server import Server, bare, running
from benchmarks.service.workload import BOOK, mixed, request
from engine.core.facts import Event
from engine.events import EventReader
from engine.store import events, messages
from engine.store.store import Store
from rules.checking import check

CONNECTIONS = 32
BATCH = 500
BATCH_CONNECTIONS = 4
HALF = 750  # posts a second: half of what is wanted
TARGET_SINGLE, TARGET_BATCH = 1_500, 15_000
Result = dict[str, list[float]]


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure each database, and what stands beside it."""
    options = _options().parse_args(arguments)
    rounds, single, batches, seconds = (1, 3_000, 16, 3) if options.quick else (3, 10_000, 60, 8)
    about, every = report.begin(), kinds()
    results: dict[str, Result] = {}
    for number in range(rounds):
        with bare() as server:
            _http(results.setdefault("bare Flask post", {}), server, single, batches, f"f{number}")
        for kind in every:
            with database(kind) as url:
                _alone(results.setdefault(f"{kind}, inserts alone (bare driver)", {}), _driver(kind, url), single // 4)
                _alone(results.setdefault(f"{kind}, store alone", {}), _store(url), single // 4)
            with database(kind) as url, running(url, provider="capture") as server:
                own = results.setdefault(f"hongyan, {kind}", {})
                _http(own, server, single, batches, f"r{number}")
                _drained(own, url)
                _half(own, server, seconds, f"r{number}")
        report.say(
            f"round {number + 1} of {rounds}: " + ", ".join(f"{name} {value['single'][-1]:,.0f}/s" for name, value in results.items())
        )
    _show(results, about, rounds, single, batches, seconds)
    return 0


def _options() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.ingest", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="one round instead of three, and a third of the events")
    return parser


def _http(result: Result, server: Server, single: int, batches: int, label: str) -> None:
    token = server.token
    posts = [request("/v1/events", event, token) for event in mixed(single, f"{label}s")]
    client.post(server.port, [request("/v1/events", event, token) for event in mixed(200, f"{label}w")], CONNECTIONS)  # warm
    cpu = server.processor_seconds()
    _note(result, "single", client.post(server.port, posts, CONNECTIONS), 1)
    result.setdefault("single µs", []).append((server.processor_seconds() - cpu) / single * 1_000_000)
    source = mixed(batches * BATCH, f"{label}b")
    posts = [request("/v1/events/batch", list(islice(source, BATCH)), token) for _ in range(batches)]
    cpu = server.processor_seconds()
    _note(result, "batch", client.post(server.port, posts, BATCH_CONNECTIONS), BATCH)
    result.setdefault("batch µs", []).append((server.processor_seconds() - cpu) / (batches * BATCH) * 1_000_000)


def _half(result: Result, server: Server, seconds: int, label: str) -> None:
    """Half load, and no other: what was posted before is judged and sent."""
    posts = [request("/v1/events", event, server.token) for event in mixed(HALF * seconds, f"{label}h")]
    _note(result, "half", client.post(server.port, posts, CONNECTIONS, HALF), 1)


def _note(result: Result, what: str, load: client.Load, events_each: int) -> None:
    refused = {status: count for status, count in load.statuses.items() if status not in (200, 202)}
    if refused:
        raise SystemExit(f"{what}: answered {refused}")
    result.setdefault(what, []).append(load.per_second * events_each)
    result.setdefault(f"{what} reconnects", []).append(load.reconnects)
    for share in (50, 99):
        result.setdefault(f"{what} p{share}", []).append(report.quantile(load.latencies, share / 100) * 1_000)


def _drained(result: Result, url: str) -> None:
    """How many events still waited when the posts ended, and how long until they were judged; then until their messages have left."""
    store, began = Store(url), time.monotonic()

    def waiting() -> int:
        with store.read() as tx:
            return events.count_waiting(tx, "live")

    result.setdefault("waiting", []).append(waiting())
    while waiting() and time.monotonic() < began + 120:
        time.sleep(0.1)
    result.setdefault("caught up", []).append(time.monotonic() - began)
    with store.read() as tx:
        total, seen = tx.execute(sa.text("SELECT count(*), count(DISTINCT id) FROM events")).one()
        judged = tx.execute(sa.text("SELECT count(*) FROM decisions WHERE cause = 'event'")).scalar_one()
    if not total == seen == judged:
        raise SystemExit(f"{total} events, {seen} identities, {judged} decisions of events")
    while _unsent(store) and time.monotonic() < began + 240:
        time.sleep(0.1)
    store.close()


def _unsent(store: Store) -> int:
    with store.read() as tx:
        return sum(number for (_, state), number in messages.depths(tx, "live").items() if state in ("queued", "waiting", "submitting"))


def _alone(result: Result, keep: Callable[[int], None], count: int) -> None:
    for what, size in (("single", 1), ("batch", BATCH)):
        times = max(4, count // size)
        began = time.perf_counter()
        latencies = []
        for _ in range(times):
            before = time.perf_counter()
            keep(size)
            latencies.append(time.perf_counter() - before)
        result.setdefault(what, []).append(times * size / (time.perf_counter() - began))
        for share in (50, 99):
            result.setdefault(f"{what} p{share}", []).append(report.quantile(latencies, share / 100) * 1_000)


def _driver(kind: str, url: str) -> Callable[[int], None]:
    """Rows of an id and a JSON text, durable, unique by id, by the driver alone."""
    body, state = "x" * 250, {"next": 0}
    create = "CREATE TABLE bare (id TEXT PRIMARY KEY, body TEXT NOT NULL)"

    def rows(size: int) -> list[tuple[str, str]]:
        state["next"] += size
        return [(f"e{number}", body) for number in range(state["next"] - size, state["next"])]

    if kind == "sqlite":
        file = sqlite3.connect(url.removeprefix("sqlite:///"), isolation_level=None)
        for setting in ("journal_mode = WAL", "synchronous = FULL"):
            file.execute(f"PRAGMA {setting}")
        file.execute(create)

        def keep_in_file(size: int) -> None:
            file.execute("BEGIN IMMEDIATE")
            file.executemany("INSERT INTO bare VALUES (?, ?)", rows(size))
            file.execute("COMMIT")

        return keep_in_file
    connection = psycopg.connect(for_psycopg(url))
    connection.execute(create)
    connection.commit()

    def keep(size: int) -> None:
        with connection.cursor() as cursor:
            cursor.executemany("INSERT INTO bare VALUES (%s, %s)", rows(size))
        connection.commit()

    return keep


def _store(url: str) -> Callable[[int], None]:
    """Our own table of events, with its indexes and the look for duplicates, without HTTP and without a worker."""
    store = Store(url)
    store.migrate()
    book = check({"book.yaml": BOOK}).book
    assert book is not None
    reader, source = EventReader(book), mixed(10_000_000, "alone")

    def keep(size: int) -> None:
        batch = []
        for line in islice(source, size):
            event = reader.read(line)
            assert isinstance(event, Event)
            event.received = event.time
            batch.append(event)
        with store.write() as tx:
            events.add(tx, "live", batch)

    return keep


def _show(results: dict[str, Result], about: dict[str, str], rounds: int, single: int, batches: int, seconds: int) -> None:
    rows = []
    for name, result in results.items():
        rows.append(
            [name, *[report.spread(result[what]) for what in ("single", "batch")]]
            + [f"{median(result[f'{what} p50']):.1f} / {median(result[f'{what} p99']):.1f}" for what in ("single", "batch")]
            + [f"{median(result['single µs']):,.0f} / {median(result['batch µs']):,.0f}" if "single µs" in result else ""]
            + [f"{median(result['half p50']):.1f} / {median(result['half p99']):.1f}" if "half p50" in result else ""]
        )
    heads = [
        "",
        "single, events/s",
        f"batch of {BATCH}, events/s",
        "single p50 / p99, ms",
        "batch p50 / p99, ms",
        "server's processor, µs an event",
    ]
    lines = report.table([*heads, f"p50 / p99 at {HALF}/s, ms"], rows)
    flask = results["bare Flask post"]
    lines += [
        "",
        "| | of a bare Flask post, single | behind when the posts ended, events | caught up, seconds | reconnected |",
        "|---|---|---|---|---|",
    ]
    for name, result in results.items():
        if "waiting" in result:
            share = median(result["single"]) / median(flask["single"])
            again = sum(sum(values) for what, values in result.items() if what.endswith("reconnects"))
            lines.append(
                f"| {name} | {share:.2f} | {report.spread(result['waiting'])} | {report.spread(result['caught up'], 1)} | {again:,.0f} |"
            )
    lines += [
        "",
        f"Targets: {TARGET_SINGLE:,}/s single, {TARGET_BATCH:,}/s in batches, p99 below 50 ms at half load. {rounds} rounds of"
        f" {single:,} single posts over {CONNECTIONS} connections, {batches} batches over {BATCH_CONNECTIONS}; when all of it is judged"
        f" and sent, {HALF} single posts a second for {seconds} s, each timed from when it was due. Worker and dispatcher work meanwhile,"
        " in the server's process and its processor time; one event in four becomes a message, which is captured and gets its receipt."
        " Afterwards every event stands in the database once, with one decision. Alone: one connection, one commit after the other.",
    ]  # fmt: skip
    bars = {f"{name}: {what}": median(result[what]) for name, result in results.items() for what in ("single", "batch")}
    raw: dict[str, Any] = dict(results)
    report.finish("ingest", "events accepted a second", lines, raw, bars, "events/s", about, versions())


if __name__ == "__main__":
    sys.exit(main())
