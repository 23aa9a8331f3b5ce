"""`python -m tests.faults.run --kills 200`: many kills, on both databases, of servers and of their parts. What was seen is printed.

The rounds take turns: servers, parts and campaigns before gateways that know our ids, then servers and parts before an SMSC (npm's, needs
Node.js), each on SQLite and PostgreSQL; then several servers, a worker and a dispatcher on one PostgreSQL. `--only WORD` takes those whose
name has the word (`smsc`, `several`, `postgresql`); `--seed N` begins with that round, as the line of a round that failed says.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from tests.faults import checker, rounds
from tests.providers.conftest import running_smsc
from tests.store.conftest import KINDS, LOCAL, answers, database, private_server

PER_ROUND = {rounds.kill_campaigns: 6}  # kills of one installation, before all is looked at; else:
USUAL = 20
Round = tuple[str, str, Callable[..., checker.Report], bool]  # its name, the database, what is done, whether before an SMSC


def plan() -> list[Round]:
    """All rounds, in their order."""
    both = [
        *[(work, False) for work in (rounds.kill_servers, rounds.kill_parts, rounds.kill_campaigns)],
        *[(work, True) for work in (rounds.kill_servers, rounds.kill_parts)],
    ]
    found = [(work, kind, smsc) for work, smsc in both for kind in KINDS]
    found += [(rounds.kill_several, "postgresql", smsc) for smsc in (False, True)]
    return [(f"{work.__name__} {kind}{' smsc' if smsc else ''}", kind, work, smsc) for work, kind, smsc in found]


def main() -> int:
    """0 when everything held; an AssertionError says what did not, and where."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kills", type=int, default=200)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--only", default="", metavar="WORD", help="rounds whose name has it")
    parser.add_argument("--minutes", type=float, default=30, help="no new round after so long")
    args = parser.parse_args()
    started = time.monotonic()
    done, seed = 0, args.seed
    chosen = [one for one in plan() if args.only in one[0]]
    with ExitStack() as stack:
        own = stack.enter_context(private_server())
        server = next((one for one in LOCAL if answers(one)), own)
        smsc = stack.enter_context(running_smsc()) if any(needed for *_, needed in chosen) else None
        while done < args.kills and time.monotonic() - started < args.minutes * 60:
            name, kind, work, needed = chosen[seed % len(chosen)]
            kills = min(PER_ROUND.get(work, USUAL), args.kills - done)
            more: dict[str, Any] = {"smsc": smsc} if needed else {}
            with tempfile.TemporaryDirectory(prefix="hongyan-faults-") as folder, database(kind, Path(folder), server) as url:
                report = work(Path(folder), url, kills, seed, **more)
            done += kills
            print(f"{done} kills, {time.monotonic() - started:.0f} s: {name} seed {seed}: {checker.summary(report)}", flush=True)
            seed += 1
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
