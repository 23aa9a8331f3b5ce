"""`python -m benchmarks.console --messages 1000000`: the server's time for every page of the console, and for what the editor asks while
somebody types, median and p95, on each database.

Asked through the application as a browser would ask, signed in as an admin, one request at a time; the network and the drawing are not in
it. Every page is asked once before it is measured, as its templates are compiled then. The editor's questions are about the O2O book with
a line more in its longest file of rules each time.
"""

from __future__ import annotations

import argparse
import re
import sys
import time
from collections.abc import Mapping, Sequence
from statistics import median
from typing import Any
from urllib.parse import quote

from flask.testing import FlaskClient

from benchmarks.console.filling import fill, lived
from benchmarks.service import report
from benchmarks.service.databases import database, kinds, versions
from engine.runtime.service import Service
from engine.store import looking
from engine.store.store import Store
from webapp.app import create_app

TARGET_MS = 200
# Address -> what it is; `{user}`, `{message}` ... are filled in from what is there.
PAGES: Mapping[str, str] = {
    "/live": "overview",
    "/live?who={user}": "overview, a person",
    "/live/strip": "queues (every 2 s)",
    "/live/running": "campaigns (every 2 s)",
    "/live/timeline?who={user}": "a person's timeline (every 5 s)",
    "/live/funnel?rule={rule}&days=30": "funnel, 30 days (every 60 s)",
    "/live/rates?hours=168": "delivery, 7 days (every 60 s)",
    "/live/events": "events",
    "/live/events?type=pickup.ready": "events of a type",
    "/live/messages": "messages",
    "/live/messages?state=rejected&type=marketing&channel=video_sms": "messages, three filters",
    "/live/messages?rule={rule}&provider=capture&state=undelivered": "messages of a rule",
    "/live/messages?who={user}": "messages of a person",
    "/live/messages/{message}": "a message",
    "/live/trace?id=%23{original}": "a trace",
    "/live/campaigns": "campaigns",
    "/live/suppressions": "suppressions",
    "/live/verification": "verification codes",
    "/live/switches": "switches",
    "/editor": "editor",
    "/simulator": "simulator",
    "/tests": "tests",
    "/compare": "compare",
    "/versions": "versions",
    "/settings": "settings",
    "/settings/audit": "audit log",
    "/search?q={user}": "search",
}
FINDINGS_MS = 150
TYPING: Mapping[str, str] = {
    "/editor/check": "editor: findings while typing",
    "/editor/complete": "editor: completion",
    "/editor/hover": "editor: help",
}
_TOKEN = re.compile(r'name="csrf-token" content="([^"]+)"')


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure each database."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.console", description=__doc__)
    parser.add_argument("--messages", type=int, default=1_000_000)
    parser.add_argument("--rounds", type=int, default=20)
    parser.add_argument("--database", choices=("sqlite", "postgresql"), help="only this one")
    options = parser.parse_args(arguments)
    about = report.begin()
    chosen = [kind for kind in kinds() if options.database in (None, kind)]
    results: dict[str, dict[str, Any]] = {}
    sizes: dict[str, dict[str, int]] = {}
    for kind in chosen:
        results[kind], sizes[kind] = _measure(kind, options.messages, options.rounds)
    heads = ["page", "address"] + [f"{kind}: median / p95 (processor), ms" for kind in chosen]
    rows = []
    for address, name in (PAGES | TYPING).items():
        told = [
            f"{median(wall):.0f} / {report.quantile(wall, 0.95):.0f} ({median(results[kind]['processor ' + address]):.0f})"
            for kind in chosen
            for wall in (results[kind][address],)
        ]
        rows.append([name, f"`{address}`", *told])
    targets = dict.fromkeys(PAGES, TARGET_MS) | dict.fromkeys(TYPING, FINDINGS_MS)
    slow = [address for address, target in targets.items() if any(median(results[kind][address]) >= target for kind in chosen)]
    sized = ", ".join(f"{number:,} {table}" for table, number in next(iter(sizes.values())).items())
    lines = [
        *report.table(heads, rows),
        "",
        f"Target: below {TARGET_MS} ms at the median, {FINDINGS_MS} ms while typing."
        f" {'Met by everything' if not slow else 'Missed by ' + ', '.join(slow)}."
        f" In brackets the processor's time of this process, which others on the machine do not stretch (PostgreSQL's own is not in it)."
        f" {options.rounds} rounds over all pages in turn; rows: {sized}.",
    ]
    bars = {f"{kind}: {name}": median(results[kind][address]) for kind in chosen for address, name in (PAGES | TYPING).items()}
    report.finish("console", "time of the server for each page", lines, results, bars, "milliseconds", about, versions())
    return 0


def _measure(kind: str, wanted: int, rounds: int) -> tuple[dict[str, list[float]], dict[str, int]]:
    with database(kind) as url:
        store = Store(url)
        store.migrate()
        report.say(f"{kind}: a few days are lived through")
        service, clock = lived(store)
        began = time.perf_counter()
        sizes = fill(store, clock, wanted)
        report.say(f"{kind}: {sizes['messages']:,} messages after {time.perf_counter() - began:.0f} s")
        client = _signed_in(service)
        found = _TOKEN.search(client.get("/editor").text)
        assert found is not None
        headers = {"X-CSRFToken": found[1]}
        addresses = {address: _filled(address, service) for address in PAGES}
        taken: dict[str, list[float]] = {name: [] for address in PAGES | TYPING for name in (address, f"processor {address}")}
        for turn in range(rounds + 1):
            for address in PAGES | TYPING:
                body = _typed(service, turn) if address in TYPING else None
                began, busy = time.perf_counter(), time.process_time()
                answer = client.get(addresses[address]) if body is None else client.post(address, json=body, headers=headers)
                spent, worked = (time.perf_counter() - began) * 1000, (time.process_time() - busy) * 1000
                if answer.status_code != 200:
                    raise SystemExit(f"{address} answered {answer.status_code}")
                if turn:
                    taken[address].append(spent)
                    taken[f"processor {address}"].append(worked)
        service.close()
        return taken, sizes


def _signed_in(service: Service) -> FlaskClient:
    service.accounts.create("bench", "admin", "correct horse", by="benchmark")
    client = create_app(service, prices={}, secret=b"benchmark").test_client()
    found = _TOKEN.search(client.get("/signin").text)
    assert found is not None
    answer = client.post("/signin", data={"name": "bench", "password": "correct horse", "csrf_token": found[1]})
    assert answer.status_code == 303
    return client


def _typed(service: Service, turn: int) -> dict[str, Any]:
    """What the editor sends: the longest file of rules with one more line, the caret in a rule's `when`."""
    files = service.drafts.files()
    name = max((one for one in files if "when: {" in files[one]), key=lambda one: len(files[one]))
    lines = [*files[name].splitlines(), f"# line {turn}"]
    line = next(number for number, text in enumerate(lines, 1) if "when: {" in text)
    return {"file": name, "text": "\n".join(lines) + "\n", "line": line, "column": lines[line - 1].index("when: {") + 8}


def _filled(address: str, service: Service) -> str:
    told = service.watch.messages("live", looking.Asked(), limit=50).items
    person = next(one for one in told if one.stored.message.user is not None)
    original = service.watch.messages("live", looking.Asked(upto=100), limit=1).items[0].stored.seq
    rule = service.watch.busiest_rule("live") or "order-created"
    user = quote(str(person.stored.message.user))
    return address.format(user=user, message=person.stored.seq, original=original, rule=rule)


if __name__ == "__main__":
    sys.exit(main())
