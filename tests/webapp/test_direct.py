"""What is answered before Flask begins is answered as Flask would: status, headers in their order, and body, to the letter."""

import sqlite3
from collections.abc import Callable
from typing import Any

import orjson
import pytest
from prometheus_client import generate_latest
from sqlalchemy.exc import OperationalError
from werkzeug.test import EnvironBuilder, TestResponse, run_wsgi_app

from tests.webapp.fake import FakeService
from tests.webapp.requests import EVENT
from webapp import direct
from webapp.app import create_app
from webapp.limits import MAX_EVENT_BYTES, Quota

ADMIN = {"Authorization": "Bearer hy_live_admin"}
Given = dict[str, Any]


def post(**given: Any) -> Given:
    return {"method": "POST", "path": "/v1/events", "headers": ADMIN, "json": EVENT} | given


def raw(data: bytes, media_type: str = "application/json", **headers: str) -> Given:
    return {"method": "POST", "path": "/v1/events", "headers": ADMIN | headers, "data": data, "content_type": media_type}


REQUESTS: dict[str, list[Given]] = {
    "accepted": [post()],
    "accepted, then a duplicate": [post(), post()],
    "a test key": [post(headers={"Authorization": "Bearer hy_test_ingest"})],
    "a CloudEvent": [raw(orjson.dumps(EVENT), "application/cloudevents+json; charset=utf-8")],
    "verdicts": [post(query_string={"wait": "verdicts"})],
    "a parameter that is not one": [post(query_string={"wiat": "verdicts"})],
    "a parameter twice": [post(query_string="wait=verdicts&wait=verdicts")],
    "a name that needs quoting": [post(json={**EVENT, "source": "https://shop/一", "id": "a/b %2F"})],
    "no key": [post(headers={})],
    "an unknown key": [post(headers={"Authorization": "Bearer nonsense"})],
    "a role that may not": [post(headers={"Authorization": "Bearer hy_live_viewer"})],
    "refused by the engine": [post(json={**EVENT, "type": "unknown"})],
    "no object": [raw(b"[]")],
    "no JSON": [raw(b"{")],
    "no body": [raw(b"")],
    "a NUL": [raw(b'{"id": "\\u0000"}')],
    "another media type": [raw(b"id=1", "application/x-www-form-urlencoded")],
    "packed": [raw(b"x", **{"Content-Encoding": "gzip"})],
    "too large": [raw(b" " * (MAX_EVENT_BYTES + 1))],
    "an Idempotency-Key, which means nothing here": [post(headers=ADMIN | {"Idempotency-Key": "bad key"})],
    "too often": [post()] * 4,
    "another method": [post(method="GET"), post(method="HEAD"), post(method="OPTIONS"), post(method="PUT")],
    "another address": [post(path="/v1/events/"), post(path="/v1//events"), post(path="/v1/event")],
    "below a mount": [post(environ_base={"SCRIPT_NAME": "/hongyan"})],
    "an encoded slash": [post(environ_base={"REQUEST_URI": "/v1%2Fevents"})],
}


@pytest.fixture
def flask_alone(monkeypatch: pytest.MonkeyPatch) -> Callable[[FakeService], Any]:
    """The application as it is without the way past Flask."""

    def made(service: FakeService) -> Any:
        with monkeypatch.context() as patch:
            patch.setattr(direct, "OPERATIONS", frozenset())
            return app_of(service)

    return made


def app_of(service: FakeService) -> Any:
    return create_app(service, quotas={role: Quota(0.001, 3) for role in ("admin", "ingest", "viewer")})


def answers(app: Any, requests: list[Given]) -> list[tuple[str, list[tuple[str, str]], bytes]]:
    """Status line, headers in order, body."""
    found = []
    for given in requests:
        body, status, headers = run_wsgi_app(app, EnvironBuilder(**given).get_environ(), buffered=True)
        found.append((status, list(headers), b"".join(body)))
    return found


@pytest.mark.parametrize("requests", REQUESTS.values(), ids=REQUESTS)
def test_answers_are_equal_to_the_letter(flask_alone: Callable[[FakeService], Any], requests: list[Given]) -> None:
    """Whatever is asked; and what was kept is the same."""
    ours, flasks = FakeService(), FakeService()

    expected = answers(flask_alone(flasks), requests)

    assert answers(app_of(ours), requests) == expected
    assert ours.events == flasks.events
    assert counted(ours) == counted(flasks)


def counted(service: FakeService) -> list[str]:
    """The metrics, without how long it took."""
    lines = generate_latest(service.metrics).decode().splitlines()
    return [line for line in lines if "_sum" not in line and "_created" not in line and "_bucket" not in line]


FAILURES = {
    "a defect": (KeyError("+8613800138000"), 500),
    "the database is away": (OperationalError("INSERT", {"phone": "+8613800138000"}, sqlite3.OperationalError("disk full")), 503),
}


@pytest.mark.parametrize(("error", "status"), FAILURES.values(), ids=FAILURES)
def test_failures_are_equal_too(
    flask_alone: Callable[[FakeService], Any], monkeypatch: pytest.MonkeyPatch, error: Exception, status: int
) -> None:
    """And show nothing of what was sent."""

    def broken(*_: Any) -> None:
        raise error

    monkeypatch.setattr(FakeService, "accept", broken)

    expected = answers(flask_alone(FakeService()), [post()])

    assert expected[0][0].startswith(str(status))
    assert answers(app_of(FakeService()), [post()]) == expected
    assert b"138" not in expected[0][2]


def test_flask_does_not_hear_of_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """The route is really taken before Flask."""
    app = app_of(FakeService())
    monkeypatch.setattr(app, "full_dispatch_request", lambda *_: pytest.fail("Flask was asked"))

    answer: TestResponse = app.test_client().post("/v1/events", json=EVENT, headers=ADMIN)

    assert answer.status_code == 202
