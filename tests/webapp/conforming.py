"""A client that holds every answer against the OpenAPI document: status, media type, body, headers of limits."""

import re
from typing import Any

import orjson
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from webapp import openapi
from webapp.app import operations
from webapp.auth import TABLE
from webapp.checking import validator

OPERATIONS = {operation.id: operation for operation in operations()}
DOCUMENT = orjson.loads(orjson.dumps(openapi.document(OPERATIONS.values())))
_PATHS = [
    (re.compile(re.sub(r"\{\w+\}", "[^/]+", path) + r"(?:\?.*)?"), path)
    for path in sorted(DOCUMENT["paths"], key=lambda path: path.count("{"))
]


class ConformingClient(FlaskClient):
    """Fails the test when an answer is not what the document says."""

    def open(self, *args: Any, **kwargs: Any) -> TestResponse:  # type: ignore[override]
        response = super().open(*args, **kwargs)
        check(response)
        return response


def check(response: TestResponse) -> None:
    """Assert that the answer is as documented; also addresses and methods that do not exist."""
    raw = response.request.environ["REQUEST_URI"]
    path = next((path for pattern, path in _PATHS if pattern.fullmatch(raw)), None)
    described = DOCUMENT["paths"].get(path, {}).get(response.request.method.lower())
    if described is None:
        assert response.status_code in (404, 405)
        assert response.mimetype == "application/problem+json"
        assert validator({"$ref": "#/components/schemas/Problem"}).is_valid(response.json)
        return
    assert str(response.status_code) in described["responses"], (raw, response.status_code, response.data)
    promised = described["responses"][str(response.status_code)]
    if "content" in promised:
        ((media_type, content),) = promised["content"].items()
        assert response.content_type == media_type or response.mimetype == media_type
        if media_type.endswith("json"):
            faults = [
                (error.instance_path, error.message) for error in validator(content["schema"]).iter_errors(orjson.loads(response.data))
            ]
            assert faults == []
    elif described["operationId"] not in ("receiveReceipts", "receiveInbound"):
        assert response.data == b""
    if described["operationId"] in TABLE and response.status_code not in (401, 403, 500, 503):
        assert response.headers["RateLimit"]
        assert response.headers["RateLimit-Policy"]
