"""`python -m benchmarks.campaign`: the table, `results/campaign.md` and `campaign.json`.

A broadcast event starts a campaign over so many people; what is timed is everything from its second page to its end, each page one
transaction with verdicts, caps, cursor and outgoing messages. Filling the database and judging run in processes of their own.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from collections.abc import Sequence
from typing import Any

from benchmarks.machine import RESULTS, ROOT, as_text, machine
from benchmarks.service.databases import database, kinds

TARGET = 10_000
PAGES = (200, 500)


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure every database that is there, and show it."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.campaign", description=__doc__)
    parser.add_argument("--people", type=int, default=100_000)
    parser.add_argument("--quick", action="store_true", help="a tenth of the people, one size of page")
    options = parser.parse_args(arguments)
    people, sizes = (options.people // 10, (500,)) if options.quick else (options.people, PAGES)
    about = machine()
    rows: list[dict[str, Any]] = []
    for kind in kinds():
        for page in sizes:
            with database(kind) as url:
                _process("fill", url, str(people))
                rows.append({"database": kind, "people": people, "page": page, **json.loads(_process("run", url, str(page)))})
            sys.stderr.write(f"{kind}, pages of {page}: {rows[-1]['per_second']:,.0f} recipients/s\n")
    text = _report(about, rows)
    sys.stdout.write(text)
    RESULTS.mkdir(exist_ok=True)
    (RESULTS / "campaign.md").write_text(text, encoding="utf-8")
    (RESULTS / "campaign.json").write_text(json.dumps({"machine": about, "rows": rows}, indent=1) + "\n", encoding="utf-8")
    return 0


def _process(*arguments: str) -> str:
    command = [sys.executable, "-m", "benchmarks.campaign.process", *arguments]
    return subprocess.run(command, cwd=ROOT, check=True, stdout=subprocess.PIPE, text=True).stdout


def _report(about: dict[str, str], rows: Sequence[dict[str, Any]]) -> str:
    lines = [
        "# Campaign",
        "",
        f"From a broadcast event to the outbox, with consent, quiet hours, two caps and a rendered text. Target: {TARGET:,} recipients/s.",
        f"{as_text(about)}.",
        "",
        "| database | people | sent | page | recipients/s | by CPU second | page, median | page, p99 | memory, first page | last | peak |",
        "|---|---:|---:|---:|---:|---:|---:|---:|---:|---:|---:|",
    ]
    for row in rows:
        lines.append(
            f"| {row['database']} | {row['people']:,} | {row['sent']:,} | {row['page']:,} | {row['per_second']:,.0f} |"
            f" {row['per_cpu_second']:,.0f} | {row['page_median_ms']:.0f} ms | {row['page_p99_ms']:.0f} ms |"
            f" {row['early_mib']:.0f} MiB | {row['late_mib']:.0f} MiB | {row['peak_mib']:.0f} MiB |"
        )
    lines += [
        "",
        "A page is what an event, or a code, waits for at worst before it is judged. By CPU second counts the judging process alone, not"
        " PostgreSQL's. On a machine that others use too, only these compare.",
        "",
    ]
    return "\n".join(lines)


if __name__ == "__main__":
    sys.exit(main())
