"""`python -m benchmarks.dispatch`: messages a second from the outbox to a provider that does nothing, and by SMPP to npm's `smpp`.

One dispatcher thread in this process, as in `hongyan dispatch`; the outbox is filled by the worker beforehand. Beside SMPP, in the same
run: the same texts by the same provider without an outbox, which is the limit of the gateway and the connection.
"""

from __future__ import annotations

import argparse
import json
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from itertools import islice
from statistics import median
from typing import Any

import sqlalchemy as sa

from benchmarks.machine import ROOT
from benchmarks.service import null, report
from benchmarks.service.databases import database, kinds, versions
from benchmarks.service.workload import FILES, orders, phone
from engine.runtime.clock import RealClock
from engine.runtime.service import Service
from engine.store.store import Store
from providers.contract import Accepted, Sinks, Submission
from providers.registry import make

SMSC = ROOT / "tests" / "providers" / "smsc"
PATIENCE_SECONDS = 120
Table = Mapping[str, Any]
TEXT = "【秒信通】您已下单家电清洗，合计88.50元，订单号d12345。"


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure each database and provider."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.dispatch", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="one round of 3,000 messages instead of three of 10,000")
    options = parser.parse_args(arguments)
    rounds, count = (1, 3_000) if options.quick else (3, 10_000)
    about = report.begin()
    null.register()
    rates: dict[str, list[float]] = {}
    costs: dict[str, list[float]] = {}  # microseconds of this process a message
    for _ in range(rounds):
        for kind in kinds():
            name = f"{kind}, null provider"
            _note(rates, name, _outbox(kind, null.TABLE, count, costs, name))
        if _has_smsc():
            with _smsc() as port:
                table = {"name": "smsc", "kind": "smpp", "channels": ["sms"], "host": "127.0.0.1", "port": port, "system_id": "bench"}
                _note(rates, "SMPP provider alone", _provider(table, count // 2))
                for kind in kinds():
                    name = f"{kind}, SMPP"
                    _note(rates, name, _outbox(kind, table, count // 2, costs, name))
    limit = median(rates["SMPP provider alone"]) if "SMPP provider alone" in rates else None
    rows = []
    for name, values in rates.items():
        share = f"{median(values) / limit:.2f}" if limit is not None and "SMPP" in name else ""
        rows.append([name, report.spread(values), report.spread(costs[name]) if name in costs else "", share])
    lines = report.table(["", "messages/s", "processor µs a message", "of the SMPP provider alone"], rows)
    lines += [
        "",
        f"Targets: 5,000/s to a null provider, SMPP 1,000/s or the peer's own limit. {rounds} rounds of {count:,} messages"
        f" ({count // 2:,} by SMPP, window 32), to the last recorded outcome; every look before leaving, both commits of each batch, and"
        " each attempt's record are in it. The gateway sends no receipts here."
        + ("" if limit is not None else " Without SMPP: node or its module is not there."),
    ]  # fmt: skip
    bars = {name: median(values) for name, values in rates.items()}
    raw = {"rates": rates, "costs": costs}
    report.finish("dispatch", "messages from the outbox", lines, raw, bars, "messages/s", about, versions())
    return 0


def _note(rates: dict[str, list[float]], name: str, rate: float) -> None:
    rates.setdefault(name, []).append(rate)
    report.say(f"{name}: {rate:,.0f}/s")


def _outbox(kind: str, table: Table, count: int, costs: dict[str, list[float]], name: str) -> float:
    with database(kind) as url:
        store = Store(url)
        store.migrate()
        route = {"channel": "sms", "providers": [table["name"]]}
        service = Service(store, RealClock(), secret=b"a secret of benchmarks", providers=[table], routes=[route])
        try:
            service.publish(FILES, "benchmark", "benchmark")
            source = orders(count, "d")
            while page := list(islice(source, 500)):
                service.accept("live", page)
            service.settle()
            began, cpu = time.perf_counter(), time.process_time()
            service.start(judging=False)
            deadline = time.monotonic() + PATIENCE_SECONDS
            while (left := _left(store)) and time.monotonic() < deadline:
                time.sleep(0.02)
            took = time.perf_counter() - began
            costs.setdefault(name, []).append((time.process_time() - cpu) / count * 1_000_000)
            with store.read() as tx:
                accepted = tx.execute(sa.text("SELECT count(*) FROM messages WHERE state = 'accepted' AND tries = 1")).scalar_one()
        finally:
            service.close()
    if left or accepted != count:
        raise SystemExit(f"{accepted} of {count} messages were accepted at the first try")
    return count / took


def _left(store: Store) -> bool:
    looks = [f"EXISTS (SELECT 1 FROM messages WHERE state IN ({states}))" for states in ("'queued', 'waiting'", "'submitting', 'unknown'")]
    with store.read() as tx:
        return bool(tx.execute(sa.text(f"SELECT {' OR '.join(looks)}")).scalar_one())


def _provider(table: Table, count: int) -> float:
    provider = make(table, Sinks(lambda _: None, lambda _: None, lambda: datetime.now(UTC)))
    provider.open()
    try:
        provider.submit([Submission("warm", phone(0), "sms", TEXT)])
        began, accepted = time.perf_counter(), 0
        for numbers in _batches(count):
            outcomes = provider.submit([Submission(f"s{number}", phone(number), "sms", TEXT) for number in numbers])
            accepted += sum(isinstance(outcome, Accepted) for outcome in outcomes)
        took = time.perf_counter() - began
    finally:
        provider.close()
    if accepted != count:
        raise SystemExit(f"{accepted} of {count} were accepted")
    return count / took


def _batches(count: int, size: int = 100) -> Iterator[range]:
    """As many at once as dispatch gives."""
    for first in range(0, count, size):
        yield range(first, min(first + size, count))


def _has_smsc() -> bool:
    return shutil.which("node") is not None and (SMSC / "node_modules" / "smpp" / "package.json").exists()


@contextmanager
def _smsc() -> Iterator[int]:
    """The gateway of the tests, without receipts; its port."""
    with tempfile.TemporaryFile() as errors:
        command = ["node", "smsc.js"]
        process = subprocess.Popen(command, cwd=SMSC, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=errors, text=True)
        assert process.stdin is not None
        assert process.stdout is not None
        try:
            port = int(json.loads(process.stdout.readline())["port"])
            process.stdin.write(json.dumps({"do": "mode", "mode": {"receipts": "none"}}) + "\n")
            process.stdin.flush()
            reader = threading.Thread(target=lambda out: [None for _ in out], args=(process.stdout,), daemon=True)  # it must not fill up
            reader.start()
            yield port
        finally:
            process.stdin.close()
            process.wait(10)


if __name__ == "__main__":
    sys.exit(main())
