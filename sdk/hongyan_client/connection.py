"""One request and its repetitions: the only module that talks HTTP."""

from __future__ import annotations

import json
import logging
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timezone
from email.utils import parsedate_to_datetime
from typing import Any, Optional

import httpx

from hongyan_client.errors import ApiError, Conflict, HongyanError, NoAnswer, NotFound, Problem, UnexpectedAnswer, api_error
from hongyan_client.values import encode
from hongyan_client.version import VERSION

Params = Optional[Mapping[str, str]]

REPEATED_STATUSES = frozenset({429, 502, 503, 504})
REPEATABLE_METHODS = frozenset({"GET", "PUT", "DELETE"})
FIRST_BACKOFF_SECONDS = 0.5
LONGEST_BACKOFF_SECONDS = 8.0
# These cannot be better the second time, or never left this machine.
_HOPELESS = (httpx.UnsupportedProtocol, httpx.LocalProtocolError, httpx.DecodingError, httpx.TooManyRedirects)
_NEVER_SENT = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout, httpx.UnsupportedProtocol, httpx.LocalProtocolError)

log = logging.getLogger("hongyan_client")


@dataclass(frozen=True)
class Policy:
    """How often and how patiently a request is repeated, and the clock and chance that decide when."""

    retries: int
    max_wait_seconds: float
    sleep: Callable[[float], None]
    clock: Callable[[], datetime]
    jitter: Callable[[], float]

    def wait_seconds(self, error: HongyanError, attempt: int) -> float:
        """What the server asked for and a little more, lest all come back in the same instant; else exponential, half of it chance."""
        backoff = float(min(LONGEST_BACKOFF_SECONDS, FIRST_BACKOFF_SECONDS * 2.0 ** (attempt - 1)))
        asked = error.retry_after_seconds if isinstance(error, ApiError) else None
        if asked is not None:
            return asked + FIRST_BACKOFF_SECONDS * self.jitter()
        return backoff * (1 + self.jitter()) / 2

    def is_patient(self, error: HongyanError) -> bool:
        """Whether the server's own wish to wait is one that we grant."""
        asked = error.retry_after_seconds if isinstance(error, ApiError) else None
        return asked is None or asked <= self.max_wait_seconds


class Connection:
    """The HTTP client with key and policy. May be shared by threads."""

    def __init__(self, http: httpx.Client, policy: Policy) -> None:
        self._http = http
        self.policy = policy

    @classmethod
    def open(cls, base_url: str, key: str, timeout_seconds: float, policy: Policy, transport: httpx.BaseTransport | None) -> Connection:
        """Raises ValueError for a URL or key that cannot work, without repeating the key."""
        try:
            url = httpx.URL(base_url)
        except httpx.InvalidURL as fault:
            raise ValueError(f"base_url: {fault}") from None
        if url.scheme not in ("http", "https") or not url.host or url.userinfo or url.query or url.fragment:
            raise ValueError("base_url must be http(s)://host, without user, query or fragment")
        if not re.fullmatch(r"[!-~]+", key):
            raise ValueError("the key is empty, or holds a space, a line end or a character that is not ASCII")
        headers = {"authorization": f"Bearer {key}", "accept": "application/json", "user-agent": f"hongyan-client/{VERSION}"}
        base = base_url.rstrip("/")
        return cls(httpx.Client(base_url=base, headers=headers, timeout=timeout_seconds, transport=transport), policy)

    def close(self) -> None:
        self._http.close()

    def call(
        self,
        method: str,
        path: str,
        body: Any = None,
        *,
        params: Params = None,
        idempotency_key: str | None = None,
        identified: bool = False,
    ) -> Any:
        """The parsed answer (None for an empty one). Repeated only if that is safe: by its method, its idempotency key, or because what is
        posted is `identified` (events have ids).
        """
        return self.send(method, path, None if body is None else encode(body), params, idempotency_key, identified)

    def send(
        self,
        method: str,
        path: str,
        content: bytes | None,
        params: Params = None,
        idempotency_key: str | None = None,
        identified: bool = False,
    ) -> Any:
        """`call` with a body that is JSON already. Every repetition is the same request, byte for byte."""
        headers = {"content-type": "application/json"} if content is not None else {}
        if idempotency_key is not None:
            headers["idempotency-key"] = idempotency_key
        request = self._http.build_request(method, path, content=content, params=params, headers=headers)
        safe = method in REPEATABLE_METHODS or idempotency_key is not None or identified
        attempt, in_doubt = 0, False
        while True:
            attempt += 1
            answer = self._attempt(request)
            if not isinstance(answer, HongyanError):
                return answer
            if in_doubt and method == "DELETE" and isinstance(answer, NotFound):
                return None  # the attempt that we took for lost did it
            again = safe and attempt <= self.policy.retries and _may_pass(answer, in_doubt) and self.policy.is_patient(answer)
            in_doubt = in_doubt or answer.in_doubt
            answer.attempts, answer.in_doubt = attempt, in_doubt
            if not again:
                raise answer
            wait_seconds = self.policy.wait_seconds(answer, attempt)
            # Only the kind of thing: ids of users are personal.
            log.info("%s %s: %s; attempt %d, again in %.1f s", method, "/".join(path.split("/")[:3]), _brief(answer), attempt, wait_seconds)
            self.policy.sleep(wait_seconds)

    def _attempt(self, request: httpx.Request) -> Any:
        """What one sending brought: the parsed answer, or the error (returned, not raised)."""
        try:
            response = self._http.send(request)
        except httpx.RequestError as cause:
            lost = NoAnswer(f"{type(cause).__name__}: no answer from {request.url.host}")
            lost.in_doubt = not isinstance(cause, _NEVER_SENT)
            lost.__cause__ = cause
            return lost
        if response.is_success:
            return _parsed(response)
        if not 400 <= response.status_code < 600:
            return UnexpectedAnswer(f"status {response.status_code}, which this API never answers: is the base URL right?")
        problem = _problem(response)
        return api_error(problem, _retry_after(response, problem, self.policy.clock()))


def _may_pass(error: HongyanError, in_doubt: bool) -> bool:
    """Whether the same request may fare better later; `in_doubt` is about the attempts before."""
    if isinstance(error, NoAnswer):
        return not isinstance(error.__cause__, _HOPELESS)
    if isinstance(error, Conflict):
        return in_doubt  # the attempt that we took for lost still runs
    return isinstance(error, ApiError) and error.status in REPEATED_STATUSES


def _brief(error: HongyanError) -> str:
    return f"{error.status} {error.code}" if isinstance(error, ApiError) else type(error.__cause__ or error).__name__


def _parsed(response: httpx.Response) -> Any:
    if not response.content:
        return None
    try:
        return json.loads(response.content)
    except ValueError:
        wrong = UnexpectedAnswer(f"status {response.status_code} with a body that is not JSON: is the base URL right?")
        wrong.in_doubt = True
        return wrong


def _problem(response: httpx.Response) -> Problem:
    """The problem of a refusal; one made of the status alone where a proxy answered."""
    try:
        data = json.loads(response.content)
    except ValueError:
        data = None
    if isinstance(data, dict) and "code" in data:
        return Problem.from_json(data, response.status_code)
    return Problem(response.status_code, f"http_{response.status_code}", response.reason_phrase)


def _retry_after(response: httpx.Response, problem: Problem, now: datetime) -> float | None:
    """Seconds or a date (RFC 9110, 10.2.3); where a proxy took the header away, the problem's own member."""
    text = response.headers.get("retry-after", "").strip()
    if re.fullmatch(r"[0-9]{1,9}", text):
        return float(text)
    try:
        date = parsedate_to_datetime(text) if text else None
    except (TypeError, ValueError, OverflowError):
        date = None
    if date is not None:
        return max(0.0, (date.replace(tzinfo=date.tzinfo or timezone.utc) - now).total_seconds())
    stated = problem.more.get("retry_after_seconds")
    return float(max(0, stated)) if isinstance(stated, (int, float)) and not isinstance(stated, bool) else None
