"""`python -m benchmarks.service.plot NAME`: results/NAME.svg from results/NAME.json. Wants matplotlib, a dependency of benchmarks only."""

from __future__ import annotations

import json
import sys

import matplotlib

matplotlib.use("svg")
from matplotlib import pyplot

from benchmarks.machine import RESULTS


def main(name: str) -> None:
    """Bars, the first on top."""
    result = json.loads((RESULTS / f"{name}.json").read_text(encoding="utf-8"))
    matplotlib.rcParams.update({"svg.hashsalt": name, "font.size": 9})
    labels, values = list(result["bars"]), list(result["bars"].values())
    figure, axes = pyplot.subplots(figsize=(7, 0.8 + 0.35 * len(labels)))
    drawn = axes.barh(labels, values, color=["#888" if "alone" in label or "bare" in label else "#2463a8" for label in labels])
    axes.bar_label(drawn, [f"{value:,.0f}" if value >= 100 else f"{value:.3g}" for value in values], padding=3)
    axes.invert_yaxis()
    axes.margins(x=0.15)
    axes.set(xlabel=result["unit"], title=result["title"])
    figure.tight_layout()
    figure.savefig(RESULTS / f"{name}.svg", metadata={"Date": None})


if __name__ == "__main__":
    main(sys.argv[1])
