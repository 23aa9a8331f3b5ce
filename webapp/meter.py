"""What the web counts of itself: requests by operation and status, and the time to the answer."""

from __future__ import annotations

from prometheus_client import CollectorRegistry, Counter, Histogram

_BUCKETS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 10)


class Meter:
    """Counts into the service's registry."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._requests = Counter(
            "hongyan_http_requests", "HTTP requests by operation and status", ["operation", "status"], registry=registry
        )
        self._seconds = Histogram("hongyan_http_seconds", "Time to the answer", ["operation"], registry=registry, buckets=_BUCKETS)
        # Kept, since looking them up by their labels takes longer than counting.
        self._request_of: dict[tuple[str, int], Counter] = {}
        self._second_of: dict[str, Histogram] = {}

    def count(self, operation: str, status: int, seconds: float) -> None:
        """One request has been answered."""
        request, second = self._request_of.get((operation, status)), self._second_of.get(operation)
        if request is None:
            request = self._request_of[operation, status] = self._requests.labels(operation, status)
        if second is None:
            second = self._second_of[operation] = self._seconds.labels(operation)
        request.inc()
        second.observe(seconds)
