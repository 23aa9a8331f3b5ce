"""What stands beside every table: the machine, the versions, the command."""

from __future__ import annotations

import os
import platform
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
RESULTS = ROOT / "benchmarks" / "results"


def machine() -> dict[str, str]:
    """Processor, memory, system and interpreter, the revision measured, and how busy the machine was at the start."""
    return {
        "processor": f"{_processor()}, {os.cpu_count()} cores",
        "memory": f"{os.sysconf('SC_PAGE_SIZE') * os.sysconf('SC_PHYS_PAGES') / 2**30:.0f} GiB",
        "system": f"{platform.system()} {platform.release()}",
        "python": platform.python_version(),
        "revision": _output("git", "-C", str(ROOT), "rev-parse", "--short", "HEAD"),
        "load": f"{os.getloadavg()[0]:.1f} when it began",
        "when": datetime.now(UTC).strftime("%Y-%m-%d"),
        "command": f"python -m {_module()} {' '.join(sys.argv[1:])}".rstrip(),
    }


def as_text(facts: dict[str, str]) -> str:
    """The facts as a sentence for people."""
    return ", ".join(f"{name} {value}" for name, value in facts.items())


def _module() -> str:
    spec = getattr(sys.modules["__main__"], "__spec__", None)
    return spec.name.removesuffix(".__main__") if spec is not None else sys.argv[0]


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor()
    return next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), platform.machine())


def _output(*command: str) -> str:
    try:
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()
    except (OSError, subprocess.CalledProcessError):
        return "unknown"
