"""`python -m benchmarks.replay.plot`: results/replay.svg from results/replay.json. Wants matplotlib, a dependency of benchmarks only."""

from __future__ import annotations

import json
from statistics import median

import matplotlib

matplotlib.use("svg")
from matplotlib import pyplot

from benchmarks.machine import RESULTS

TARGET = 30_000  # scale.md: events a second and core


def main() -> None:
    """Events a second beside the target, and the most memory beside the number of events."""
    rows = json.loads((RESULTS / "replay.json").read_text(encoding="utf-8"))["rows"]
    matplotlib.rcParams.update({"svg.hashsalt": "replay", "font.size": 9})
    figure, (speed, memory) = pyplot.subplots(1, 2, figsize=(9, 3.6))
    names = [row["name"].replace(", ", "\n") for row in rows]
    rates = [row["events"] / median(run["cpu_seconds"] for run in row["simulate"]) for row in rows]
    speed.bar(names, rates)
    speed.axhline(TARGET, linestyle="--", linewidth=1)
    speed.annotate("target", (0, TARGET), xytext=(0, 3), textcoords="offset points")
    speed.set(ylabel="events per CPU second, start included", title="simulate", ylim=(0, None))
    points = sorted((row["events"] / 1000, median(run["peak_mib"] for run in row["simulate"])) for row in rows)
    memory.plot(*zip(*points, strict=True), marker="o", linestyle="none")
    memory.set(xlabel="thousand events", ylabel="most memory, MiB", title="memory", xlim=(0, None), ylim=(0, None))
    for axes in (speed, memory):
        axes.grid(alpha=0.3)
    figure.tight_layout()
    figure.savefig(RESULTS / "replay.svg", metadata={"Date": None})


if __name__ == "__main__":
    main()
