"""One campaign in a process of its own: `python -m benchmarks.campaign.process fill|run URL PEOPLE [PAGE]`. `run` prints a JSON line."""

from __future__ import annotations

import json
import os
import resource
import sys
import time
from pathlib import Path

from benchmarks.campaign.workload import BOOK, EVENT, NOW, fill
from cli import collector
from engine.runtime.campaigns import CampaignSettings
from engine.runtime.clock import TestClock
from engine.runtime.service import Service
from engine.store.store import Store

_MIB = 2**20


def rss_mib() -> float:
    """What the process holds now."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE") / _MIB


def run(url: str, page: int) -> dict[str, float]:
    """Announce, then judge page by page until the campaign is done."""
    service = Service(Store(url), TestClock(NOW), secret=b"bench", campaigns=CampaignSettings(page=page))
    service.publish({"book.yaml": BOOK}, "bench", "bench")
    service.accept("live", [EVENT])
    collector.spare()  # as `hongyan serve` and `worker` do
    assert service.worker.step("live")  # the event, and the first page
    early, pages = rss_mib(), []
    known = counts(service)["sent"]
    began, cpu = time.perf_counter(), time.process_time()
    while True:
        start = time.perf_counter()
        if not service.worker.step("live"):
            break
        pages.append(time.perf_counter() - start)
    wall, used = time.perf_counter() - began, time.process_time() - cpu
    total = counts(service)
    pages.sort()
    service.close()
    return {
        "sent": total["sent"],
        "judged": total["judged"],
        "per_second": (total["sent"] - known) / wall,
        "per_cpu_second": (total["sent"] - known) / used,
        "page_median_ms": pages[len(pages) // 2] * 1000,
        "page_p99_ms": pages[int(len(pages) * 0.99)] * 1000,
        "early_mib": early,
        "late_mib": rss_mib(),
        "peak_mib": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
    }


def counts(service: Service) -> dict[str, int]:
    """The campaign's progress."""
    (campaign,) = service.campaigns("live").items
    found: dict[str, int] = campaign["counts"]
    return found


def main() -> None:
    """Fill, or run."""
    what, url, number = sys.argv[1], sys.argv[2], int(sys.argv[3])
    if what == "fill":
        fill(url, number)
    else:
        sys.stdout.write(json.dumps(run(url, number)) + "\n")


if __name__ == "__main__":
    main()
