"""`python -m benchmarks.decide`: the table, `results/decide.md`, `decide.json` with every repeat, and `decide.svg`."""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
from collections.abc import Sequence
from statistics import median
from typing import Any

from benchmarks.decide import joins
from benchmarks.decide.peers import PEERS
from benchmarks.decide.workload import SIZES, TYPES
from benchmarks.machine import RESULTS, ROOT, as_text, machine

OURS = "hongyan"
MOST_WHOLE = 1_000  # rules in one set; ten times as many take some engines minutes to load and milliseconds to ask
Results = dict[str, dict[str, dict[str, Any]]]  # peer -> rules -> what the runner printed


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure every engine at every size, and show it."""
    options = _options().parse_args(arguments)
    seconds = options.seconds or (1.0 if options.quick else 8.0)
    about = machine()
    results: Results = {}
    for peer in options.only or PEERS:
        for size in options.sizes or SIZES:
            python = sys.executable if peer.startswith(OURS) else options.peers_python
            result = _run([python, "-m", "benchmarks.decide.runner", peer, str(size), str(seconds)], seconds)
            results.setdefault(peer, {})[str(size)] = result
            _say(f"{peer}, {size} rules: {_cell(result)}")
            if "not installed" in result.get("error", ""):
                break
    whole: Results = {}
    for peer in [peer for peer in options.only or PEERS if not peer.startswith(OURS)] if options.whole else []:
        for size in [size for size in options.sizes or SIZES if size <= MOST_WHOLE]:
            command = [options.peers_python, "-m", "benchmarks.decide.runner", peer, str(size), str(seconds), "whole"]
            whole.setdefault(peer, {})[str(size)] = result = _run(command, seconds)
            _say(f"{peer}, {size} rules in one set: {_cell(result)}")
    joined = _run([sys.executable, "-m", "benchmarks.decide.joins"], seconds)
    text = _report(about, results, whole, joined, seconds)
    sys.stdout.write(text)
    if not options.only:
        RESULTS.mkdir(exist_ok=True)
        (RESULTS / "decide.md").write_text(text, encoding="utf-8")
        raw = {"machine": about, "seconds": seconds, "results": results, "in_one_set": whole, "joins": joined}
        (RESULTS / "decide.json").write_text(json.dumps(raw, indent=1) + "\n", encoding="utf-8")
        plot = subprocess.run([options.peers_python, "-m", "benchmarks.decide.plot"], cwd=ROOT, capture_output=True, text=True)
        _say("plotted" if plot.returncode == 0 else f"no plot: {plot.stderr.strip().splitlines()[-1]}")
    return 0


def _options() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.decide", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="a second per engine and size instead of eight")
    parser.add_argument("--seconds", type=float, help="timed seconds per engine and size")
    parser.add_argument("--sizes", type=int, nargs="*", help=f"numbers of rules, multiples of {2 * TYPES}")
    parser.add_argument("--whole", action="store_true", help=f"a second table: the peers with all rules in one set, up to {MOST_WHOLE:,}")
    parser.add_argument("--only", nargs="*", choices=PEERS, help="some engines only; then nothing is written to results/")
    parser.add_argument(
        "--peers-python",
        default=os.environ.get("HONGYAN_BENCH_PYTHON", sys.executable),
        help="the interpreter that has the peers (requirements-peers.txt); default HONGYAN_BENCH_PYTHON, else this one",
    )
    return parser


def _run(command: list[str], seconds: float) -> dict[str, Any]:
    limit = 90 + 6 * seconds
    try:
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=limit)
    except subprocess.TimeoutExpired:
        return {"error": f"stopped after {limit:.0f} s"}
    lines = done.stdout.strip().splitlines()
    if not lines:
        reason = done.stderr.strip().splitlines()
        return {"error": f"ended with {done.returncode}: {reason[-1] if reason else 'no word'}"}
    result: dict[str, Any] = json.loads(lines[-1])
    return result


def _cell(result: dict[str, Any]) -> str:
    if "error" in result:
        return str(result["error"])
    times = result["microseconds"]
    return f"{_number(median(times))} ({_number(min(times))} to {_number(max(times))})"


def _number(value: float) -> str:
    return f"{value:,.1f}" if value < 100 else f"{value:,.0f}"


def _table(results: Results) -> list[str]:
    sizes = _sizes(results)
    lines = [f"| engine | {' | '.join(f'{size:,} rules' for size in sizes)} | version |", "|---" * (len(sizes) + 2) + "|"]
    for peer, by_size in results.items():
        cells = [_cell(by_size[str(size)]) if str(size) in by_size else "" for size in sizes]
        version = next((result["version"] for result in by_size.values() if "version" in result), "")
        lines.append(f"| {_label(peer)} | {' | '.join(cells)} | {version} |")
    return lines


def _sizes(results: Results) -> list[int]:
    return sorted({int(size) for by_size in results.values() for size in by_size})


def _in_one_set(whole: Results) -> list[str]:
    if not whole:
        return []
    return [
        "## The others with all rules in one set",
        "",
        "Nothing is chosen by event type before they are asked, as when a whole rulebook is handed to them. The same rules match, by as"
        " many tests (the event type stands in the store's name). Hongyan is always given the whole book: its rows above are the ones to"
        " compare with.",
        "",
        *_table(whole),
        "",
    ]


def _report(about: dict[str, str], results: Results, whole: Results, joined: dict[str, Any], seconds: float) -> str:
    lines = ["# decide: microseconds of processor time per event", "", *_table(results), "", *_ratios(results, _sizes(results)), ""]
    matches = {
        round(result["matches_per_event"], 3) for by_size in results.values() for result in by_size.values() if "error" not in result
    }
    lines += [
        f"Median (fastest to slowest) of up to 7 repeats of about {seconds / 8:.1f} s. {TYPES} event types, four tests a rule,"
        f" {' or '.join(map(str, sorted(matches)))} matches per event at every size. One process for each engine and size. Each is"
        " asked only about the rules of the event's type (that choice is made for it, and counted), and its matches were compared"
        " with plain Python before the clock ran. Hongyan's figure is the decision: match, all gates, two caps, the text, changed"
        " cells applied. The others' are matching alone.",
        "",
        *_in_one_set(whole),
        "## Joins: microseconds for the decision that completes one",
        "",
        joined["error"] if "error" in joined else joins.table(joined),
        "",
        as_text(about),
        "",
    ]
    return "\n".join(lines)


def _ratios(results: Results, sizes: list[int]) -> list[str]:
    def time(peer: str, size: int) -> float | None:
        result = results.get(peer, {}).get(str(size), {"error": ""})
        return None if "error" in result else median(result["microseconds"])

    lines = []
    for size in sizes:
        ours = time(OURS, size)
        best = min(((value, peer) for peer in results if not peer.startswith(OURS) and (value := time(peer, size))), default=None)
        if ours and best:
            line = f"- {size:,} rules: the fastest peer's matching ({best[1]}) takes {best[0] / ours:.2f} times our whole decision"
            matching = time(f"{OURS}_matching", size)
            lines.append(f"{line}, {best[0] / matching:.1f} times our matching." if matching else f"{line}.")
    first, last = time(OURS, sizes[0]), time(OURS, sizes[-1])
    if first and last:
        lines.append(f"- Hongyan at {sizes[-1]:,} rules costs {last / first:.2f} times {sizes[0]:,} rules.")
    return lines


def _label(peer: str) -> str:
    # Read from the text: the file imports an engine that need not be installed here.
    for line in (ROOT / "benchmarks/decide/peers" / f"{peer}.py").read_text(encoding="utf-8").splitlines():
        if line.startswith("LABEL = "):
            return line.removeprefix("LABEL = ").strip('"')
    return peer


def _say(text: str) -> None:
    sys.stderr.write(text + "\n")


if __name__ == "__main__":
    sys.exit(main())
