"""Parameters that several operations share, and lines that come in batches."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import orjson

from engine.core.phones import normalise
from engine.refusals import Refusal, parse_json
from webapp.checking import unsafe
from webapp.limits import MAX_BATCH, MAX_EVENT_BYTES
from webapp.operations import Answer, Call, Parameter
from webapp.problems import Fault, Problem, invalid
from webapp.schemas import NAME, Schema
from webapp.service import Accepted, Json

LINES_TYPES = ("application/x-ndjson", "application/jsonl", "application/x-jsonlines")
LINES_BODY: Mapping[str, Schema] = {media_type: {"type": "string", "description": "one JSON object a line"} for media_type in LINES_TYPES}
LIMIT = Parameter("limit", "query", {"type": "integer", "minimum": 1, "maximum": 1000, "default": 100}, "how many items at most")
CURSOR = Parameter(
    "cursor", "query", {"type": "string", "minLength": 1, "maxLength": 1000, "pattern": r"^[\x21-\x7e]+$"}, "`next` of the page before"
)


def in_path(name: str, description: str, schema: Schema = NAME) -> Parameter:
    """A parameter of the path."""
    return Parameter(name, "path", schema, description, required=True)


def in_query(name: str, description: str, schema: Schema = NAME) -> Parameter:
    """An optional parameter of the query."""
    return Parameter(name, "query", schema, description)


def phone_of(call: Call, name: str = "phone") -> str:
    """The number in E.164. Raises Problem."""
    number = normalise(call.body[name])
    if number is None:
        raise invalid([Fault("is no valid phone number", pointer=f"/{name}")])
    return number


def refusal(code: str, result: Accepted) -> Problem:
    """Why a line was refused."""
    reason = result.reason or "cannot be used"
    return Problem(code, reason, (Fault(reason, pointer=result.pointer or ""),))


# ---- batches --------------------------------------------------------------------------------------------------------------------------


def batch(call: Call, code: str, take: Callable[[list[Json]], Sequence[Accepted]]) -> Answer:
    """Hand all readable lines to `take` at once; one result per line, in order."""
    lines: list[Json] = []
    places: list[int] = []
    results: list[dict[str, Any]] = []
    for index, (line, problem) in enumerate(_lines(call, code)):
        if problem is None:
            lines.append(line)
            places.append(index)
            results.append({})
        else:
            results.append({"index": index, "id": None, "status": "refused", "problem": problem.as_dict()})
    if lines:
        for place, taken in zip(places, take(lines), strict=True):
            result: dict[str, Any] = {"index": place, "id": taken.id, "source": taken.source, "status": taken.status}
            if taken.status == "refused":
                result["problem"] = refusal(code, taken).as_dict()
            results[place] = result
    return Answer({"results": results})


def _lines(call: Call, code: str) -> Iterator[tuple[Json, Problem | None]]:
    """Each line with what is wrong with it. Raises Problem where the whole batch cannot be read."""
    if call.media_type in LINES_TYPES:
        texts = [text for text in call.raw.split(b"\n") if text.strip()]
        _check_number(len(texts))
        for text in texts:
            value = parse_json(text)
            if isinstance(value, Refusal):
                yield None, Problem(code, value.reason)
            else:
                yield value, _too_much(text, value, code)
        return
    value = parse_json(call.raw)
    if isinstance(value, Refusal):
        raise Problem("bad_json", value.reason)
    if not isinstance(value, list):
        raise invalid([Fault("must be a list", pointer="")])
    _check_number(len(value))
    for line in value:
        yield line, _too_much(orjson.dumps(line), line, code)  # written again to be measured: 5 ms for the largest batch


def _check_number(lines: int) -> None:
    if lines > MAX_BATCH:
        raise Problem("too_large", f"at most {MAX_BATCH:,} lines, these are {lines:,}")


def _too_much(text: bytes, line: Json, code: str) -> Problem | None:
    if len(text) > MAX_EVENT_BYTES:
        return Problem(code, f"is larger than {MAX_EVENT_BYTES:,} bytes")
    wrong = unsafe(text, line)
    return Problem(code, wrong) if wrong is not None else None
