"""What can go wrong, as exceptions that say what to do next.

    HongyanError
    ├── NoAnswer            no connection, a time-out, a connection that broke
    ├── ApiError            the server refused: status, code, detail, errors with JSON pointers
    │   ├── InvalidRequest  400, 413, 415, 422 and every other 4xx
    │   ├── Unauthorized    401
    │   ├── Forbidden       403
    │   ├── NotFound        404
    │   ├── Conflict        409
    │   ├── RateLimited     429, with `retry_after_seconds`
    │   └── ServerError     5xx
    ├── UnexpectedAnswer    an answer that is not of this API (a proxy's page, an unknown shape)
    ├── BatchInterrupted    a batch that stopped on one of the above; knows the state of every event
    └── WebhookRefused      a webhook that is forged, replayed or malformed

No text of an error holds the key, a request's body or an answer's body.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from hongyan_client.results import BatchItem


class HongyanError(Exception):
    """Base of all errors of this package (wrong arguments are ValueError and TypeError)."""

    attempts: int = 1
    """How often the request was sent."""

    in_doubt: bool = False
    """Whether the server may have acted on the request although no answer says so."""


class NoAnswer(HongyanError):
    """The server could not be reached, or its answer did not come (whole, in time)."""


class UnexpectedAnswer(HongyanError):
    """The answer is not what the API promises: most often a proxy, or a wrong base URL."""


class WebhookRefused(HongyanError):
    """The webhook is not to be trusted: missing or malformed headers, wrong signature, or a time too far from now."""


@dataclass(frozen=True)
class FieldError:
    """One fault of a request: at a JSON pointer into its body ("/data/amount"), or in a parameter of its address."""

    message: str
    pointer: str | None = None
    parameter: str | None = None

    def __str__(self) -> str:
        where = self.parameter if self.pointer is None else self.pointer
        return f"{where}: {self.message}" if where else self.message


@dataclass(frozen=True)
class Problem:
    """A refusal as the server states it (RFC 9457). `code` is stable; `more` holds the members that only some problems have."""

    status: int
    code: str
    title: str = ""
    detail: str = ""
    errors: tuple[FieldError, ...] = ()
    more: Mapping[str, Any] = field(default_factory=dict, repr=False)

    def __str__(self) -> str:
        text = f"{self.status} {self.code}"
        if self.detail or self.title:
            text += f": {self.detail or self.title}"
        faults = "; ".join(map(str, self.errors))
        return f"{text} ({faults})" if faults else text

    @classmethod
    def from_json(cls, data: Mapping[str, Any], status: int = 0) -> Problem:
        """Read leniently: an error about an error helps nobody."""
        known = ("type", "status", "code", "title", "detail", "errors")
        stated = data.get("status")
        errors = data.get("errors")
        return cls(
            status=status or (stated if isinstance(stated, int) else 0),
            code=_text(data.get("code")) or "unknown",
            title=_text(data.get("title")),
            detail=_text(data.get("detail")),
            errors=tuple(
                FieldError(_text(error.get("message")), _text(error.get("pointer")) or None, _text(error.get("parameter")) or None)
                for error in (errors if isinstance(errors, list) else ())
                if isinstance(error, Mapping)
            ),
            more={name: value for name, value in data.items() if name not in known},
        )


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""


class ApiError(HongyanError):
    """The server refused the request."""

    def __init__(self, problem: Problem, retry_after_seconds: float | None = None) -> None:
        super().__init__(problem, retry_after_seconds)
        self.problem = problem
        self.retry_after_seconds = retry_after_seconds
        """When the server asked to come back, if it did."""

    def __str__(self) -> str:
        return str(self.problem)

    @property
    def status(self) -> int:
        return self.problem.status

    @property
    def code(self) -> str:
        return self.problem.code

    @property
    def detail(self) -> str:
        return self.problem.detail

    @property
    def errors(self) -> tuple[FieldError, ...]:
        return self.problem.errors


class InvalidRequest(ApiError):
    """The request can never succeed as it is; `errors` points at what to change."""


class Unauthorized(ApiError):
    """The key is missing, unknown or revoked."""


class Forbidden(ApiError):
    """The key's role may not do this."""


class NotFound(ApiError):
    """There is no such thing (any more)."""


class Conflict(ApiError):
    """The thing's present state does not allow it."""


class RateLimited(ApiError):
    """Too often. `retry_after_seconds` says when to come back."""


class ServerError(ApiError):
    """The server failed; not the request's fault."""


class BatchInterrupted(HongyanError):
    """A batch stopped half-way; `__cause__` says why. Nothing is lost: send `unfinished` again, and no event is counted twice.

    `results` has an item for every event of the batch. To the statuses of the server come `unknown` (sent, no answer) and `not_sent`.
    """

    def __init__(self, results: Sequence[BatchItem], unfinished: Sequence[Mapping[str, Any]], reason: str) -> None:
        super().__init__(results, unfinished, reason)
        self.results = tuple(results)
        self.unfinished = tuple(unfinished)
        """The events that are `unknown` or `not_sent`, with their ids and times, ready for `events.batch`."""
        self.reason = reason

    def __str__(self) -> str:
        return f"{len(self.unfinished)} of {len(self.results)} events without a result: {self.reason}"

    __repr__ = __str__  # the events are nobody's business in a log


BY_STATUS: Mapping[int, type[ApiError]] = {401: Unauthorized, 403: Forbidden, 404: NotFound, 409: Conflict, 429: RateLimited}


def api_error(problem: Problem, retry_after_seconds: float | None) -> ApiError:
    """The exception for a refusal."""
    kind = BY_STATUS.get(problem.status, ServerError if problem.status >= 500 else InvalidRequest)
    error = kind(problem, retry_after_seconds)
    error.in_doubt = problem.status >= 500
    return error
