"""Problems as `application/problem+json` (RFC 9457): a stable `code`, JSON pointers to what is wrong, and nothing personal."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from engine.core.phones import mask

MEDIA_TYPE = "application/problem+json"

# Every code there is: its status and what it means. Clients act on codes, so changing one is a public change.
CODES: Mapping[str, tuple[int, str]] = {
    "bad_json": (400, "The body is not JSON"),
    "not_authenticated": (401, "A valid API key is needed"),
    "wrong_role": (403, "The role of this key may not do this"),
    "test_key": (403, "A test key may not change what is live"),
    "no_route": (404, "There is no such address"),
    "not_found": (404, "There is no such thing"),
    "method_not_allowed": (405, "The address exists, this method does not"),
    "conflict": (409, "Somebody else was faster"),
    "clock_is_real": (409, "The service runs on the real clock"),
    "no_rulebook": (409, "No rulebook is published"),
    "idempotency_running": (409, "The first request with this Idempotency-Key is still running"),
    "too_large": (413, "The body is too large"),
    "media_type": (415, "The body is of a type that is not read here"),
    "invalid": (422, "The request does not fit its schema"),
    "event_refused": (422, "The event cannot be used"),
    "user_refused": (422, "The user cannot be used"),
    "refused": (422, "This cannot be done"),
    "rulebook_refused": (422, "The rulebook has errors or failing tests"),
    "simulation_too_long": (422, "The simulation takes longer than is allowed here"),
    "idempotency_mismatch": (422, "This Idempotency-Key was used with another request"),
    "rate_limited": (429, "Too many requests with this key"),
    "throttled": (429, "Too many tries"),
    "internal": (500, "Something went wrong on our side"),
    "busy": (503, "Too much at once"),
    "unavailable": (503, "The database is away or full; try again later"),
}

# Runs of digits that may be a phone number (a date is none), and e-mail addresses.
_PERSONAL = re.compile(r"(?<![0-9A-Za-z_-])(?!\d{4}-\d\d-\d\d)[+＋]?\d[\d\s()-]{5,}\d|[^\s\"'<>@/]+@[^\s\"'<>@/]+\.[^\s\"'<>@/]+")


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing wrong with a request: at a JSON pointer into its body, or in a parameter."""

    message: str
    pointer: str | None = None
    parameter: str | None = None

    def as_dict(self) -> dict[str, str]:
        """The shape of an entry of `errors`."""
        found = {"message": scrub(self.message)}
        if self.pointer is not None:
            found["pointer"] = scrub(self.pointer)
        if self.parameter is not None:
            found["parameter"] = scrub(self.parameter)
        return found


@dataclass(eq=False)
class Problem(Exception):
    """Raised anywhere in the web; answered at its edge."""

    code: str
    detail: str = ""
    errors: tuple[Fault, ...] = ()
    headers: Mapping[str, str] = field(default_factory=dict)
    extra: Mapping[str, Any] = field(default_factory=dict)

    @property
    def status(self) -> int:
        """The HTTP status of the code."""
        return CODES[self.code][0]

    def as_dict(self) -> dict[str, Any]:
        """The body of the answer."""
        status, title = CODES[self.code]
        body: dict[str, Any] = {"type": f"urn:hongyan:problem:{self.code}", "title": title, "status": status, "code": self.code}
        if self.detail:
            body["detail"] = scrub(self.detail)
        if self.errors:
            body["errors"] = [fault.as_dict() for fault in self.errors]
        return {**body, **self.extra}


def invalid(faults: Iterable[Fault]) -> Problem:
    """A request that does not fit its schema."""
    faults = tuple(faults)
    return Problem("invalid", "; ".join(_line(fault) for fault in faults[:3]), faults)


def _line(fault: Fault) -> str:
    where = fault.parameter if fault.parameter is not None else fault.pointer
    return f"{where}: {fault.message}" if where else fault.message


def scrub(text: str) -> str:
    """The text with whatever may be a phone number or an e-mail address masked."""
    return _PERSONAL.sub(lambda found: mask(found[0]), text)


def pointer(path: Iterable[str | int]) -> str:
    """A path as a JSON pointer (RFC 6901)."""
    return "".join("/" + str(part).replace("~", "~0").replace("/", "~1") for part in path)
