"""`python -m tests.faults.run --kills 200`: many kills, on both databases, of servers and of their parts. What was seen is printed."""

from __future__ import annotations

import argparse
import tempfile
import time
from pathlib import Path

from tests.faults import checker, rounds
from tests.store.conftest import KINDS, LOCAL, answers, database, private_server

PER_ROUND = {rounds.kill_servers: 20, rounds.kill_parts: 20, rounds.kill_campaigns: 6}  # kills of one installation, before all is looked at


def main() -> int:
    """0 when everything held; an AssertionError says what did not, and where."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kills", type=int, default=200)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--minutes", type=float, default=30, help="no new round after so long")
    args = parser.parse_args()
    started = time.monotonic()
    done, seed = 0, args.seed
    plan = [(kind, work) for work in (rounds.kill_servers, rounds.kill_parts, rounds.kill_campaigns) for kind in KINDS]
    with private_server() as own:
        server = next((one for one in LOCAL if answers(one)), own)
        while done < args.kills and time.monotonic() - started < args.minutes * 60:
            kind, work = plan[seed % len(plan)]
            kills = min(PER_ROUND[work], args.kills - done)
            with tempfile.TemporaryDirectory(prefix="hongyan-faults-") as folder, database(kind, Path(folder), server) as url:
                report = work(Path(folder), url, kills, seed)
            done += kills
            print(
                f"{done} kills, {time.monotonic() - started:.0f} s: {work.__name__} {kind} seed {seed}: {checker.summary(report)}",
                flush=True,
            )
            seed += 1
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
