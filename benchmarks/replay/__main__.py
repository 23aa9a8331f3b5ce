"""`python -m benchmarks.replay`: the table, `results/replay.md` and `replay.json` with every run.

Runs the command as people do, in a process of its own, on uncompressed copies, with the O2O book that ships. Rates are by CPU seconds, of
which a run on one event (starting, checking the book) is taken off; memory is the most that the process held.
"""

from __future__ import annotations

import argparse
import gzip
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import median

from benchmarks.machine import RESULTS, ROOT, as_text, machine
from benchmarks.replay import generated

BOOK = ROOT / "rules" / "books" / "o2o"
DATA = ROOT.parent / "shared" / "data"
SETS = ("completejourney", "olist")
PARSE = "import sys, orjson\nfor line in open(sys.argv[1], 'rb'): orjson.loads(line)"


@dataclass(frozen=True, slots=True)
class Run:
    """One process from start to end."""

    cpu_seconds: float
    wall_seconds: float
    peak_mib: float
    lines: int  # that it printed


@dataclass(frozen=True, slots=True)
class Row:
    """One input: what simulating it took, and what only parsing it took."""

    name: str
    events: int
    simulate: list[Run]
    parse: list[Run]
    start: Run  # simulating one event

    @property
    def per_second(self) -> float:
        """Events per CPU second."""
        return self.events / (median(run.cpu_seconds for run in self.simulate) - self.start.cpu_seconds)

    @property
    def parsed_per_second(self) -> float:
        """The same of the bare parser, whose start is taken off too."""
        return self.events / max(median(run.cpu_seconds for run in self.parse) - _EMPTY.cpu_seconds, 1e-3)


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure every input that is there, and show it."""
    options = _options().parse_args(arguments)
    base, repeats = (10_000, 1) if options.quick else (50_000, 3)
    about = machine()
    with tempfile.TemporaryDirectory() as folder:
        rows, missing = [], []
        for name in SETS:
            if (DATA / name / "events.jsonl.gz").exists():
                rows.append(_measure(name, *_copies(name, Path(folder)), repeats))
            else:
                missing.append(name)
                _say(f"{name}: skipped, {DATA / name} is not there")
        for times in (1, 2, 4):
            users, events = Path(folder) / "users", Path(folder) / f"generated-{times}"
            generated.write_users(users)
            generated.write_events(events, base * times)
            rows.append(_measure(f"generated, {times}x", events, users, repeats))
    text = _report(about, rows, missing)
    sys.stdout.write(text)
    RESULTS.mkdir(exist_ok=True)
    (RESULTS / "replay.md").write_text(text, encoding="utf-8")
    raw = {"machine": about, "rows": [asdict(row) for row in rows], "missing": missing}
    (RESULTS / "replay.json").write_text(json.dumps(raw, indent=1) + "\n", encoding="utf-8")
    return 0


def _options() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.replay", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="one run of each, and a fifth of the generated events")
    return parser


def _copies(name: str, folder: Path) -> tuple[Path, Path]:
    copies = []
    for part in ("events", "users"):
        copies.append(folder / f"{name}-{part}")
        with gzip.open(DATA / name / f"{part}.jsonl.gz") as packed, copies[-1].open("wb") as plain:
            shutil.copyfileobj(packed, plain)
    return copies[0], copies[1]


def _measure(name: str, events: Path, users: Path, repeats: int) -> Row:
    with events.open("rb") as file:
        first = events.with_name(events.name + "-first")
        first.write_bytes(file.readline())
        count = 1 + sum(1 for _ in file)
    simulate = [sys.executable, "-m", "cli.main", "simulate", str(BOOK), "--users", str(users), "--format", "jsonl", "--events"]
    row = Row(
        name=name,
        events=count,
        simulate=[_run([*simulate, str(events)]) for _ in range(repeats)],
        parse=[_run([sys.executable, "-c", PARSE, str(events)]) for _ in range(repeats)],
        start=_run([*simulate, str(first)]),
    )
    _say(f"{name}: {row.per_second:,.0f} events/s")
    return row


def _run(command: list[str]) -> Run:
    with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as errors:
        began = time.perf_counter()
        process = subprocess.Popen(command, cwd=ROOT, stdout=out, stderr=errors)
        _, status, usage = os.wait4(process.pid, 0)
        wall = time.perf_counter() - began
        process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode != 0:
            errors.seek(0)
            raise SystemExit(f"{' '.join(command)} ended with {process.returncode}:\n{errors.read().decode()[:2000]}")
        out.seek(0)
        lines = sum(1 for _ in out)
    return Run(usage.ru_utime + usage.ru_stime, wall, usage.ru_maxrss / 1024, lines)


_EMPTY = _run([sys.executable, "-c", "import orjson"])


def _report(about: dict[str, str], rows: list[Row], missing: list[str]) -> str:
    lines = [
        "# replay: events per second and core",
        "",
        "| input | events | lines out | simulate, events/s | orjson alone, lines/s | ratio | wall seconds | most memory, MiB |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for row in rows:
        wall, memory = median(run.wall_seconds for run in row.simulate), max(run.peak_mib for run in row.simulate)
        lines.append(
            f"| {row.name} | {row.events:,} | {row.simulate[0].lines:,} | {row.per_second:,.0f} | {row.parsed_per_second:,.0f}"
            f" | {row.parsed_per_second / row.per_second:.0f} | {wall:.1f} | {memory:.0f} |"
        )
    lines += [f"| {name} | skipped: {DATA / name} is not there | | | | | | |" for name in missing]
    lines += [
        "",
        "`hongyan simulate rules/books/o2o --users ... --format jsonl`: every check of the input is on, and the book's schedules tick over"
        " all users in between, which costs time but is no event. Rates are by CPU seconds without the start of the program; medians of"
        f" {len(rows[0].simulate)}.",
        "",
        as_text(about),
        "",
    ]
    return "\n".join(lines)


def _say(text: str) -> None:
    sys.stderr.write(text + "\n")


if __name__ == "__main__":
    sys.exit(main())
