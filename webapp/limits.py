"""How much and how often: sizes of bodies, and a token bucket per key, told in the headers of draft-ietf-httpapi-ratelimit-headers-10."""

from __future__ import annotations

import math
import threading
from collections import OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import dataclass

MAX_EVENT_BYTES = 32 * 1024
MAX_BATCH = 1_000  # events or users of one request
MAX_BODY_BYTES = 5 * 1024 * 1024
MAX_DEPTH = 32  # arrays and objects within each other
MAX_BUCKETS = 10_000


@dataclass(frozen=True, slots=True)
class Quota:
    """At most `burst` requests at once, filled up again by `per_second`."""

    per_second: float
    burst: int

    @property
    def window_seconds(self) -> int:
        """In how long an empty bucket is full."""
        return max(1, math.ceil(self.burst / self.per_second))


# By role: business systems post single events at the rate of their traffic, people look.
QUOTAS: Mapping[str, Quota] = {
    "ingest": Quota(5_000, 10_000),
    "viewer": Quota(50, 200),
    "qa": Quota(50, 200),
    "editor": Quota(50, 200),
    "publisher": Quota(50, 200),
    "admin": Quota(5_000, 10_000),
}


@dataclass(frozen=True, slots=True)
class Draw:
    """What came of taking one token."""

    granted: bool
    quota: Quota
    remaining: int
    retry_after_seconds: int

    def headers(self) -> dict[str, str]:
        """Policy and what is left; on a refusal also when to come back."""
        missing = self.quota.burst - self.remaining
        found = {
            "RateLimit-Policy": f'"key";q={self.quota.burst};w={self.quota.window_seconds}',
            "RateLimit": f'"key";r={self.remaining};t={math.ceil(missing / self.quota.per_second)}',
        }
        if not self.granted:
            found["Retry-After"] = str(self.retry_after_seconds)
        return found


class Buckets:
    """One token bucket per key, in this process. Each process of a service with several has its own."""

    def __init__(self, quotas: Mapping[str, Quota], monotonic: Callable[[], float]) -> None:
        self._quotas = quotas
        self._monotonic = monotonic
        self._lock = threading.Lock()
        self._levels: OrderedDict[tuple[str, str, bool], tuple[float, float]] = OrderedDict()  # key -> (tokens, seen at)

    def take(self, name: str, role: str, test: bool) -> Draw:
        """One token of the key's bucket."""
        quota = self._quotas[role]
        now = self._monotonic()
        with self._lock:
            tokens, seen = self._levels.pop((name, role, test), (float(quota.burst), now))
            tokens = min(quota.burst, tokens + (now - seen) * quota.per_second)
            granted = tokens >= 1
            if granted:
                tokens -= 1
            self._levels[name, role, test] = (tokens, now)
            if len(self._levels) > MAX_BUCKETS:
                self._levels.popitem(last=False)
        wait = 0 if granted else max(1, math.ceil((1 - tokens) / quota.per_second))
        return Draw(granted, quota, int(tokens), wait)
