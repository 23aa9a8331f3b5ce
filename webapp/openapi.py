"""The OpenAPI 3.1 document, made from the operations: what is served at /v1/openapi.json is what requests are checked against."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from webapp.auth import ROLES, TABLE
from webapp.limits import MAX_BATCH, MAX_BODY_BYTES, MAX_EVENT_BYTES
from webapp.operations import Operation, Shape
from webapp.problems import CODES, MEDIA_TYPE
from webapp.schemas import COMPONENTS, ref

KEY_SCHEMA = {"type": "string", "minLength": 1, "maxLength": 255, "pattern": r"^[\x21-\x7e]+$"}
_DESCRIPTION = f"""\
鸿雁 (Hongyan): events in, messages out. Keys go as `Authorization: Bearer hy_live_…`; a `hy_test_…` key has an environment of its own
and sends nothing. Problems are `application/problem+json` with a stable `code`. A list is `{{"items", "next"}}`, with `?limit=` and
`?cursor=`.

Limits: {MAX_EVENT_BYTES // 1024} KB an event, {MAX_BATCH:,} events or {MAX_BODY_BYTES // 1024 // 1024} MB a batch; requests per key as the
`RateLimit` headers say."""


def document(operations: Iterable[Operation]) -> dict[str, Any]:
    """The whole document."""
    paths: dict[str, dict[str, Any]] = {}
    for operation in operations:
        paths.setdefault(operation.path, {})[operation.method.lower()] = _operation(operation)
    return {
        "openapi": "3.1.0",
        "info": {"title": "Hongyan", "version": "1", "description": _DESCRIPTION, "license": {"name": "MIT", "identifier": "MIT"}},
        "servers": [{"url": "/"}],
        "paths": paths,
        "components": {
            "schemas": dict(COMPONENTS),
            "headers": {
                "RateLimit": {"schema": {"type": "string"}, "description": 'what is left: "key";r=199;t=1'},
                "RateLimit-Policy": {"schema": {"type": "string"}, "description": 'the quota: "key";q=200;w=4'},
                "Retry-After": {"schema": {"type": "integer"}, "description": "seconds"},
            },
            "securitySchemes": {"key": {"type": "http", "scheme": "bearer", "description": f"roles: {', '.join(ROLES)}"}},
        },
    }


def _operation(operation: Operation) -> dict[str, Any]:
    roles = [role for role in ROLES if role in TABLE.get(operation.id, ())]
    texts = [operation.description, f"Roles: {', '.join(roles)}." if roles else ""]
    found: dict[str, Any] = {
        "operationId": operation.id,
        "summary": operation.summary,
        "tags": [operation.tag],
        "description": " ".join(text for text in texts if text),
        "parameters": list(_parameters(operation)),
        "responses": dict(_responses(operation)),
        "security": [{"key": []}] if roles else [],
    }
    if operation.body is not None:
        content = {media_type: {"schema": schema} for media_type, schema in operation.body.schemas.items()}
        found["requestBody"] = {"required": operation.body.required, "content": content}
    return {name: value for name, value in found.items() if value or name == "security"}


def _parameters(operation: Operation) -> Iterator[dict[str, Any]]:
    for one in operation.parameters:
        yield {
            "name": one.name,
            "in": one.place,
            "required": one.required or one.place == "path",
            "schema": one.schema,
            "description": one.description,
        }
    if operation.takes_idempotency_key:
        text = "the same key and request again get the stored answer; another request 422; one that still runs 409"
        yield {"name": "Idempotency-Key", "in": "header", "required": False, "schema": KEY_SCHEMA, "description": text}


def _responses(operation: Operation) -> Iterator[tuple[str, dict[str, Any]]]:
    limited = operation.id in TABLE
    for status, shape in operation.answers.items():
        yield str(status), _response(shape, limited)
    by_status: dict[int, list[str]] = {}
    for code in codes(operation):
        by_status.setdefault(CODES[code][0], []).append(code)
    for status, names in sorted(by_status.items()):
        if status not in operation.answers:
            text = "; ".join(f"`{name}`: {CODES[name][1]}" for name in names)
            response = _response(Shape(text, ref("Problem"), MEDIA_TYPE), limited and status not in (401, 403, 500, 503))
            if status in (429, 503):
                response.setdefault("headers", {})["Retry-After"] = {"$ref": "#/components/headers/Retry-After"}
            yield str(status), response


def _response(shape: Shape, limited: bool) -> dict[str, Any]:
    found: dict[str, Any] = {"description": shape.description}
    if shape.schema is not None:
        found["content"] = {shape.media_type: {"schema": shape.schema}}
    if limited:
        found["headers"] = {name: {"$ref": f"#/components/headers/{name}"} for name in ("RateLimit", "RateLimit-Policy")}
    return found


def codes(operation: Operation) -> list[str]:
    """Every problem that an operation can answer with."""
    found = set(operation.codes)
    if operation.id in TABLE:
        found |= {"not_authenticated", "wrong_role", "rate_limited", "refused", "unavailable"}
    if operation.parameters or operation.id in TABLE:
        found |= {"invalid"}
    if operation.body is not None:
        found |= {"too_large", "media_type", "unavailable"}
        if operation.body.read_json:
            found |= {"bad_json", "invalid"}
    if operation.takes_idempotency_key:
        found |= {"idempotency_running", "idempotency_mismatch", "invalid"}
    return [code for code in CODES if code in found | {"internal"}]
