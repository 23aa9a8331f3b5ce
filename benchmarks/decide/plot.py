"""`python -m benchmarks.decide.plot`: results/decide.svg from results/decide.json. Wants matplotlib, a dependency of benchmarks only."""

from __future__ import annotations

import json
from statistics import median

import matplotlib

matplotlib.use("svg")
from matplotlib import pyplot

from benchmarks.machine import RESULTS


def main() -> None:
    """Rules against microseconds, both logarithmic; ours thick."""
    results = json.loads((RESULTS / "decide.json").read_text(encoding="utf-8"))["results"]
    matplotlib.rcParams.update({"svg.hashsalt": "decide", "font.size": 9})
    figure, axes = pyplot.subplots(figsize=(7, 4.5))
    for peer, by_size in results.items():
        points = [(int(size), median(result["microseconds"])) for size, result in by_size.items() if "error" not in result]
        if points:
            ours = peer.startswith("hongyan")
            axes.plot(*zip(*points, strict=True), marker="o", linewidth=2.5 if ours else 1, linestyle="-" if ours else "--", label=peer)
    axes.set(
        xscale="log", yscale="log", xlabel="rules", ylabel="microseconds per event", title="Hongyan: whole decision. Others: matching alone"
    )
    axes.grid(alpha=0.3)
    axes.legend(fontsize=7)
    figure.tight_layout()
    figure.savefig(RESULTS / "decide.svg", metadata={"Date": None})


if __name__ == "__main__":
    main()
