"""`python -m benchmarks.story`: a story of 200 events in the simulator: judging it with traces, and the whole page that shows it.

The events are those of `hongyan sample`: orders of O2O customers with all that follows. The page is asked for by a test client, as somebody
who has signed in; every answer is for another instant, so that nothing is remembered from the one before.
"""

from __future__ import annotations

import argparse
import re
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from itertools import islice
from pathlib import Path
from statistics import median

from flask.testing import FlaskClient

from benchmarks.service import report
from engine.core.zones import format_instant
from engine.runtime.clock import RealClock
from engine.runtime.service import Service
from engine.simulate import sample
from engine.store.store import Store
from rules.loader import read_folder
from webapp.app import create_app
from webapp.console.simulator import clock, running
from webapp.console.simulator.book import Shelf
from webapp.console.simulator.story import Story

EVENTS = 200
ORDERS = 40  # give a little more than that
BOOK = Path(__file__).resolve().parents[1] / "rules" / "books" / "o2o"
PASSWORD = "benchmarks only"


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure both."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.story", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="5 rounds instead of 30")
    rounds = 5 if parser.parse_args(arguments).quick else 30
    about = report.begin()
    story = Story("benchmark", tuple(sample.users(ORDERS)), tuple(islice(sample.events(ORDERS), EVENTS)))
    files = {name: text.decode() for name, text in read_folder(BOOK).items()}
    rules = Shelf().rules(files)
    assert rules.plan is not None
    plan = rules.plan
    given = running.read(story, plan)
    end = clock.end_of(given, plan)
    verdicts = len(running.run(given, plan, end).judged)
    results = {"judged, with traces": _timed(lambda at: running.run(running.read(story, plan), plan, end + at), rounds)}
    with tempfile.TemporaryDirectory() as folder:
        service, client = _console(folder, files)
        service.stories.link(story.id, story.body())
        address = {"story": story.id, "book": "live"}

        def page(at: int) -> None:
            answer = client.get("/simulator", query_string=address | {"at": format_instant(end + at)})
            assert answer.status_code == 200

        results["the whole page"] = _timed(page, rounds)
        service.close()
    heads = ["", "p50, ms", "p99, ms"]
    rows = [[name, f"{median(values):,.0f}", f"{report.quantile(values, 0.99):,.0f}"] for name, values in results.items()]
    lines = report.table(heads, rows)
    lines += ["", f"Target: below a second. {len(story.events)} events, {len(story.users)} users, {verdicts} verdicts; {rounds} rounds."]
    bars = {name: median(values) for name, values in results.items()}
    report.finish("story", "a story in the simulator", lines, results, bars, "ms", about, {})
    return 0


def _timed(work: Callable[[int], object], rounds: int) -> list[float]:
    """Milliseconds of each round, after one that is not counted; each is given another second."""
    found = []
    for number in range(rounds + 1):
        started = time.perf_counter()
        work(number * 1_000_000)
        found.append((time.perf_counter() - started) * 1000)
    return found[1:]


def _console(folder: str, files: dict[str, str]) -> tuple[Service, FlaskClient]:
    """A console with the book, and somebody who has signed in."""
    store = Store(f"sqlite:///{folder}/story.db")
    store.migrate()
    service = Service(store, RealClock(), secret=b"benchmarks")
    service.publish(files, "benchmark", "benchmarks")
    service.accounts.create("qa", "qa", PASSWORD, by="benchmarks")
    client = create_app(service, secret=b"benchmarks").test_client()
    found = re.search(r'name="csrf-token" content="([^"]+)"', client.get("/signin").text)
    assert found is not None
    client.post("/signin", data={"name": "qa", "password": PASSWORD, "csrf_token": found[1]})
    return service, client


if __name__ == "__main__":
    sys.exit(main())
