"""A provider that takes everything and sends nothing: it notes when it was called. Kind `null`, in the benchmarks' processes only."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Sequence
from typing import Any, cast

from providers.base import BaseProvider
from providers.contract import Accepted, Outcome, Sinks, Submission
from providers.registry import KINDS, Kind
from providers.settings import CommonSettings

TABLE = {"name": "null", "kind": "null", "channels": ["sms"]}
ROUTE = {"channel": "sms", "providers": ["null"]}
FILE = "BENCH_CALLS"  # the variable that names the file for the calls


class NullProvider(BaseProvider):
    """`calls`: (microseconds, number called), in order. Written to BENCH_CALLS when it is closed."""

    def __init__(self, settings: CommonSettings, sinks: Sinks) -> None:
        super().__init__(settings, sinks)
        self.calls: list[tuple[int, str]] = []

    def _submit(self, batch: Sequence[Submission]) -> Sequence[Outcome]:
        now = time.time_ns() // 1_000
        self.calls += [(now, one.to) for one in batch]
        return [Accepted(f"null-{one.id}") for one in batch]

    def close(self) -> None:
        super().close()
        if path := os.environ.get(FILE):
            with open(path, "w", encoding="utf-8") as file:
                json.dump(self.calls, file)


def register() -> None:
    """Make the kind known in this process."""
    cast(dict[str, Any], KINDS)["null"] = Kind(CommonSettings, NullProvider, None)
