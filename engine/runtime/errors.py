"""What can go wrong for a caller of the service, each with what they need to know."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any


class ServiceError(Exception):
    """Base of all of them."""


class Throttled(ServiceError):
    """Too often: try again after so many seconds."""

    def __init__(self, retry_after_seconds: int) -> None:
        super().__init__(f"too many requests, try again in {retry_after_seconds} s")
        self.retry_after_seconds = retry_after_seconds


class Refused(ServiceError):
    """A book that may not be published: its findings (as `check --format json` shows them) and the tests that failed."""

    def __init__(self, findings: Sequence[dict[str, Any]], failed_tests: Sequence[dict[str, Any]] = ()) -> None:
        super().__init__(f"{len(findings)} findings, {len(failed_tests)} failed tests")
        self.findings = list(findings)
        self.failed_tests = list(failed_tests)


class Conflict(ServiceError):
    """Somebody else was faster: the expected version is not the active one."""


class ClockIsReal(ServiceError):
    """The service runs on the real clock, which nobody may move."""


class NotFound(ServiceError):
    """There is no such thing."""


class NoBook(ServiceError):
    """Nothing has been published yet, so nothing can be judged."""
