"""`python -m benchmarks.timers`: many pending timers, 10,000 more due within one second: is any lost, how late, what does waiting cost.

The timers are those of the workload's rule `unpaid`, as the worker sets them; copies of one are put into the table. Lateness runs from a
timer's due instant to the commit of its decision (seen by a look at the database every 20 ms), and to the call of the null provider.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Sequence
from statistics import median

import sqlalchemy as sa

from benchmarks.service import null, report
from benchmarks.service.databases import database, kinds, versions
from benchmarks.service.workload import FILES, orders, phone
from engine.core.facts import Event
from engine.core.outcomes import Item, Timer
from engine.runtime.clock import RealClock
from engine.runtime.service import Service
from engine.store import timers
from engine.store.store import Store

SECOND = 1_000_000
DUE = 10_000
PATIENCE_SECONDS = 120
FAR = 30 * 86_400 * SECOND


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure each database."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.timers", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="20,000 pending, 2,000 due")
    parser.add_argument("--full", action="store_true", help="1,000,000 pending")
    options = parser.parse_args(arguments)
    pending = 1_000_000 if options.full else 20_000 if options.quick else 200_000
    due, idle_seconds = (2_000, 2.0) if options.quick else (DUE, 5.0)
    about = report.begin()
    null.register()
    results = {kind: _measure(kind, pending, due, idle_seconds) for kind in kinds()}
    rows = [
        [
            kind, f"{result['decided']:,.0f} of {due:,}", f"{result['late p50']:.2f} / {result['late p99']:.2f}",
            f"{result['called p50']:.2f} / {result['called p99']:.2f}", f"{result['cpu']:.0f}",
            " / ".join(f"{result[f'idle {number}']:.1f}" for number in ("none", "tenth", "all")),
        ]
        for kind, result in results.items()
    ]  # fmt: skip
    heads = ["", "decided, once each", "late p50 / p99, s", "provider called, late p50 / p99, s", "processor µs a timer"]
    lines = report.table([*heads, f"idle, ms of processor a second, at 0 / {pending // 10:,} / {pending:,} pending"], rows)
    lines += [
        "",
        f"Targets: none lost, p99 lateness below 2 s, idle cost independent of the number pending. {pending:,} pending, {due:,} due evenly"
        " over one second; worker and dispatcher in this process. Idle: the whole process while nothing is due.",
    ]  # fmt: skip
    bars = {f"{kind}: late {share}": result[f"late {share}"] for kind, result in results.items() for share in ("p50", "p99")}
    report.finish("timers", "lateness of due timers", lines, results, bars, "seconds", about, versions())
    return 0


def _measure(kind: str, pending: int, due: int, idle_seconds: float) -> dict[str, float]:
    with database(kind) as url:
        store = Store(url)
        store.migrate()
        route = {"channel": "sms", "providers": ["null"]}
        service = Service(store, RealClock(), secret=b"a secret of benchmarks", providers=[null.TABLE], routes=[route])
        try:
            service.publish(FILES, "benchmark", "benchmark")
            service.accept("live", list(orders(1, "first")))
            service.settle(sending=True)
            with store.read() as tx:
                [model] = timers.of_rule(tx, "live", "unpaid")
            service.start()
            result = {"idle none": _idle(idle_seconds)}
            now = service.clock.now()
            _add(store, model, 0, pending // 10, now + FAR, 1)
            _analyse(store)
            result["idle tenth"] = _idle(idle_seconds)
            _add(store, model, pending // 10, pending - pending // 10, now + FAR, 1)
            _analyse(store)
            result["idle all"] = _idle(idle_seconds)
            report.say(f"{kind}: {pending:,} pending")
            return result | _burst(service, store, model, pending, due)
        finally:
            service.close()


def _burst(service: Service, store: Store, model: Timer, first: int, due: int) -> dict[str, float]:
    gap = SECOND // due
    start = service.clock.now() + 4 * SECOND + due * 300  # by then they are in the table
    _add(store, model, first, due, start, gap)
    if service.clock.now() > start:
        raise SystemExit("setting the timers took longer than thought")
    time.sleep(max(0.0, start / SECOND - time.time()))
    cpu = time.process_time()
    seen: list[tuple[int, int]] = []  # (when looked, decided by then)
    deadline = time.monotonic() + PATIENCE_SECONDS
    count = sa.text("SELECT count(*), count(DISTINCT id) FROM messages WHERE rule = 'unpaid'")
    while (not seen or seen[-1][1] < due) and time.monotonic() < deadline:
        with store.read() as tx:
            decided, distinct = tx.execute(count).one()
        seen.append((service.clock.now(), decided))
        time.sleep(0.02)
    cpu = time.process_time() - cpu
    if decided != due or distinct != due:
        raise SystemExit(f"{decided} messages, {distinct} of them different, of {due} timers")
    provider = service.way_out.providers["null"]
    assert isinstance(provider, null.NullProvider)
    while len(provider.calls) < due + 1 and time.monotonic() < deadline:
        time.sleep(0.02)
    with store.read() as tx:
        left = timers.count(tx, "live").get("due", 0)
    if left != first + 1:  # the model's own, too
        raise SystemExit(f"{left} timers are left of {first + 1}")
    late, place = [], 0
    for at, decided in seen:  # they are decided in the order in which they fall due
        while place < decided:
            late.append((at - (start + place * gap)) / SECOND)
            place += 1
    when = {to: at for at, to in provider.calls}
    called = [(when[phone(first + number)] - (start + number * gap)) / SECOND for number in range(due)]
    report.say(f"late p50 {median(late):.2f} s, p99 {report.quantile(late, 0.99):.2f} s")
    return {
        "decided": decided, "late p50": report.quantile(late, 0.5), "late p99": report.quantile(late, 0.99), "cpu": cpu / due * SECOND,
        "called p50": report.quantile(called, 0.5), "called p99": report.quantile(called, 0.99),
    }  # fmt: skip


def _add(store: Store, model: Timer, first: int, count: int, start: int, gap: int) -> None:
    """Copies of a timer, each of another order of another person."""
    item = model.item
    assert item is not None
    assert item.event is not None
    for low in range(first, first + count, 2_000):
        batch = []
        for number in range(low, min(low + 2_000, first + count)):
            due = start + (number - first) * gap
            batch.append(_copy(model, item, item.event, number, due))
        with store.write() as tx:
            timers.add(tx, "live", batch)


def _copy(model: Timer, item: Item, event: Event, number: int, due: int) -> Timer:
    order = f"t{number}"
    data = {**event.data, "order_id": order}
    own = Event(order, event.type, due, data, received=due, source=event.source, phone=phone(number), key=order)
    about = Item(item.rule, order, due, event=own, phone=phone(number))
    return Timer(f"due|unpaid|{order}", model.kind, due, item=about, watch=(f"key:{order}",))


def _analyse(store: Store) -> None:
    with store.write() as tx:
        tx.execute(sa.text("ANALYZE timers"))


def _idle(seconds: float) -> float:
    time.sleep(0.5)
    cpu, began = time.process_time(), time.monotonic()
    time.sleep(seconds)
    return (time.process_time() - cpu) / (time.monotonic() - began) * 1_000


if __name__ == "__main__":
    sys.exit(main())
