"""One request from its first byte to its answer. `Route.answer` is the order of all stages; handlers see only what has passed them."""

from __future__ import annotations

import hashlib
import logging
import re
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import orjson
from flask import Request, Response
from werkzeug.exceptions import HTTPException, RequestEntityTooLarge

from engine.refusals import Refusal, parse_json
from engine.runtime import errors
from engine.store.paging import BadCursor
from engine.store.store import is_unavailable
from webapp.auth import TABLE, authenticate, authorise, environment
from webapp.checking import Checker, unsafe
from webapp.idempotency import Stored
from webapp.limits import Buckets
from webapp.operations import Answer, Body, Call, Operation, Rooms
from webapp.problems import MEDIA_TYPE, Fault, Problem, invalid
from webapp.service import Json, Key

log = logging.getLogger("hongyan.webapp")
_IDEMPOTENCY_KEY = re.compile(r"[\x21-\x7e]{1,255}")
RETRY_AFTER_SECONDS = 2  # of a database that is away: as long as a restart takes
SLASH = "\x1f"  # stands for a %2F of the address, which is part of a name and no separator


class Route:
    """Serves one operation."""

    def __init__(self, operation: Operation, rooms: Rooms, buckets: Buckets) -> None:
        self.operation = operation
        self._rooms = rooms
        self._buckets = buckets
        self._checker = Checker(operation)

    def answer(self, request: Request, path: Mapping[str, str]) -> Response:
        """What `take` says, as a response. Raises Problem."""
        stored, headers = self.take(request, path)
        response = Response(stored.body, stored.status, content_type=stored.media_type)
        response.headers.update(headers)
        return response

    def take(self, request: Request, path: Mapping[str, str]) -> tuple[Stored, Mapping[str, str]]:
        """Key, role, rate, address, body, idempotency, handler: the answer, and headers beside those of its body. Raises Problem."""
        operation = self.operation
        key, headers = self._admit(request)
        try:
            given, faults = self._checker.parameters(
                {name: text.replace(SLASH, "/") for name, text in path.items()}, request.args.items(multi=True)
            )
            media_type, raw, body = self._read(request, operation.body)
            if operation.body is not None and operation.body.read_json and (raw or operation.body.required):
                faults += self._checker.body(media_type, body)
            idempotency_key = request.headers.get("Idempotency-Key") if operation.takes_idempotency_key else None
            if idempotency_key is not None and not _IDEMPOTENCY_KEY.fullmatch(idempotency_key):
                faults.append(Fault("must be 1 to 255 visible ASCII characters", parameter="Idempotency-Key"))
            if faults:
                raise invalid(faults)
            as_sent = dict(request.headers.items()) if operation.body is not None and not operation.body.read_json else {}
            call = Call(self._rooms, key, given, body, raw, media_type, as_sent)
            stored = self._once(call, idempotency_key, request.full_path) if idempotency_key else _stored(self._handle(call))
        except Problem as problem:
            problem.headers = {**headers, **problem.headers}
            raise
        return stored, headers

    def _admit(self, request: Request) -> tuple[Key | None, dict[str, str]]:
        if self.operation.id not in TABLE:
            return None, {}
        key = authenticate(self._rooms.service, request.headers.get("Authorization"))
        authorise(self.operation.id, key)
        draw = self._buckets.take(key.name, key.role, key.test)
        if not draw.granted:
            raise Problem("rate_limited", f"try again in {draw.retry_after_seconds} s", headers=draw.headers())
        return key, draw.headers()

    def _read(self, request: Request, body: Body | None) -> tuple[str, bytes, Json]:
        """Media type, bytes and (where the operation wants it) the JSON value of the body."""
        if body is None:
            return "", b"", None
        if request.headers.get("Content-Encoding", "identity").lower() != "identity":
            raise Problem("media_type", "send the body without Content-Encoding")
        raw = _bytes(request, body.max_bytes)
        if not raw and not body.required:
            return "", raw, {}
        media_type = request.mimetype
        if media_type not in body.schemas and "*/*" not in body.schemas:
            raise Problem("media_type", f"send {' or '.join(body.schemas)}")
        if not body.read_json:
            return media_type, raw, None
        return media_type, raw, read_json(raw)

    def _once(self, call: Call, idempotency_key: str, address: str) -> Stored:
        """The stored answer, or what the handler says, remembered."""
        answers = self._rooms.answers
        owner = (environment(call.who), call.who.name)
        print_ = hashlib.sha256(f"{self.operation.id} {address} {call.media_type}\n".encode() + call.raw).digest()
        stored = answers.begin(owner, idempotency_key, print_)
        if stored is not None:
            return stored
        try:
            answer = self._handle(call)
        except Problem as problem:
            # What was refused for good stays refused; what may go better next time may be tried again with the same key.
            if problem.status in (409, 429) or problem.status >= 500:
                answers.abandon(owner, idempotency_key)
            else:
                answers.finish(owner, idempotency_key, _stored(problem_answer(problem)))
            raise
        except BaseException:
            answers.abandon(owner, idempotency_key)
            raise
        kept = answer if answer.remembered is None else replace(answer, content=answer.remembered)
        answers.finish(owner, idempotency_key, _stored(kept))
        return _stored(answer)

    def _handle(self, call: Call) -> Answer:
        """The handler; what the engine refuses becomes a problem here, once for all."""
        try:
            return self.operation.handle(call)
        except errors.Throttled as error:
            wait = error.retry_after_seconds
            raise Problem("throttled", f"try again in {wait} s", headers={"Retry-After": str(wait)}) from error
        except errors.Refused as error:
            extra = {"findings": error.findings, "failed_tests": error.failed_tests}
            raise Problem("rulebook_refused", str(error), extra=extra) from error
        except errors.Conflict as error:
            raise Problem("conflict", str(error)) from error
        except errors.ClockIsReal as error:
            raise Problem("clock_is_real", 'set clock = "test" in hongyan.toml to move it') from error
        except errors.NotFound as error:
            raise Problem("not_found", str(error)) from error
        except errors.NoBook as error:
            raise Problem("no_rulebook", "publish one first") from error
        except errors.ServiceError as error:
            raise Problem("refused", str(error)) from error
        except BadCursor as error:
            raise invalid([Fault("is no cursor of this list", parameter="cursor")]) from error


def read_json(raw: bytes) -> Json:
    """The JSON value of a body. Raises Problem."""
    value = parse_json(raw)
    if isinstance(value, Refusal):
        raise Problem("bad_json", value.reason)
    wrong = unsafe(raw, value)
    if wrong is not None:
        raise invalid([Fault(wrong, pointer="")])
    return value


def _bytes(request: Request, most: int) -> bytes:
    request.max_content_length = most
    try:
        return request.get_data(cache=False)
    except RequestEntityTooLarge:
        raise Problem("too_large", f"at most {most:,} bytes") from None


def _stored(answer: Answer) -> Stored:
    body = answer.content if isinstance(answer.content, bytes) else orjson.dumps(answer.content)
    return Stored(answer.status, body, answer.media_type)


def problem_answer(problem: Problem) -> Answer:
    """A problem as an answer."""
    return Answer(problem.as_dict(), problem.status, MEDIA_TYPE, problem.headers)


def problem_response(problem: Problem, extra: Mapping[str, Any] | None = None) -> Response:
    """A problem as a response."""
    response = Response(orjson.dumps(problem.as_dict()), problem.status, content_type=MEDIA_TYPE)
    response.headers.update({**problem.headers, **(extra or {})})
    return response


_STATUS_CODES = {404: "no_route", 405: "method_not_allowed", 413: "too_large", 415: "media_type"}


def http_problem(error: HTTPException) -> Response:
    """What Werkzeug refuses. Its own texts may show the address, and with it a name: they are left out."""
    code = _STATUS_CODES.get(error.code or 500, "invalid" if (error.code or 500) < 500 else "internal")
    allow = [(name, value) for name, value in error.get_headers() if name == "Allow"]
    return problem_response(Problem(code), dict(allow))


def failure(operation: str | None, error: Exception) -> Response:
    """Nobody saw this coming: the log gets all of it, the client nothing. That the database is away is no defect: the same may be asked
    again, and clients do so after 503."""
    if not is_unavailable(error):
        log.error("defect in %s", operation, exc_info=error)
        return problem_response(Problem("internal"))
    reason = str(getattr(error, "orig", None) or error).strip().partition("\n")[0]  # without the statement and its values
    log.error("the database fails in %s: %s", operation, reason)
    return problem_response(Problem("unavailable"), {"Retry-After": str(RETRY_AFTER_SECONDS)})
