"""A result: a table for people, JSON with every run, bars for the eye, and what was measured where."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from statistics import median
from typing import Any

from benchmarks.machine import RESULTS, ROOT, as_text, machine

PLOTTER = os.environ.get("HONGYAN_BENCH_PYTHON", sys.executable)


def quantile(values: Sequence[float], share: float) -> float:
    """The smallest value that at least this share does not exceed."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, max(0, -int(-share * len(ordered) // 1) - 1))]


def spread(values: Sequence[float], digits: int = 0) -> str:
    """`median (lowest to highest)`."""
    if len(values) == 1:
        return f"{values[0]:,.{digits}f}"
    return f"{median(values):,.{digits}f} ({min(values):,.{digits}f} to {max(values):,.{digits}f})"


def table(heads: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    """Lines of markdown."""
    lines = [f"| {' | '.join(heads)} |", "|" + "---|" * len(heads)]
    return lines + [f"| {' | '.join(row)} |" for row in rows]


def say(text: str) -> None:
    """Progress."""
    sys.stderr.write(text + "\n")
    sys.stderr.flush()


def begin() -> dict[str, str]:
    """The facts of the machine, before anything is measured."""
    return machine()


def finish(
    name: str, title: str, lines: Sequence[str], raw: Mapping[str, Any], bars: Mapping[str, float], unit: str, about: dict[str, str],
    extra: Mapping[str, str],
) -> None:  # fmt: skip
    """Print it and write results/<name>.md, .json and .svg. `bars`: label -> value in `unit`."""
    about = {**about, "load at the end": f"{os.getloadavg()[0]:.1f}"}
    versions = as_text(dict(extra))
    text = "\n".join([f"# {name}: {title}", "", *lines, "", as_text(about), "", versions, ""])
    sys.stdout.write(text)
    RESULTS.mkdir(exist_ok=True)
    (RESULTS / f"{name}.md").write_text(text, encoding="utf-8")
    document = {"machine": about, "versions": dict(extra), "bars": dict(bars), "unit": unit, "title": f"{name}: {title}", "runs": raw}
    (RESULTS / f"{name}.json").write_text(json.dumps(document, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    plot = subprocess.run([PLOTTER, "-m", "benchmarks.service.plot", name], cwd=ROOT, capture_output=True, text=True)
    say("plotted" if plot.returncode == 0 else f"no plot: {plot.stderr.strip().splitlines()[-1]}")
