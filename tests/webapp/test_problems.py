"""Problems: their shape, their codes, and nothing personal in them."""

import sqlite3
from typing import Any

import psycopg
import pytest
from flask import Flask
from sqlalchemy.exc import OperationalError

from tests.webapp.conftest import Ask
from tests.webapp.fake import PHONE, FakeService
from tests.webapp.requests import EVENT
from webapp.problems import scrub

VERIFICATION = {"phone": PHONE, "purpose": "login"}
CASES: list[tuple[str, str, dict[str, Any], int, str]] = [
    ("GET", "/", {}, 404, "no_route"),
    ("GET", "/v1/nothing", {}, 404, "no_route"),
    ("GET", "/v1/messages/", {}, 404, "no_route"),
    ("PATCH", "/v1/users/u1", {}, 405, "method_not_allowed"),
    ("OPTIONS", "/v1/events", {}, 405, "method_not_allowed"),
    ("GET", "/v1/messages/none", {}, 404, "not_found"),
    ("GET", "/v1/events/api/none", {}, 404, "not_found"),
    ("GET", "/v1/users/none", {}, 404, "not_found"),
    ("DELETE", "/v1/users/none", {}, 404, "not_found"),
    ("POST", "/v1/rulebooks/7/activate", {}, 404, "not_found"),
    ("POST", "/v1/campaigns/none/stop", {}, 404, "not_found"),
    ("POST", "/v1/verifications/none/check", {"json": {"code": "123456"}}, 404, "not_found"),
    ("POST", "/v1/receipts/none", {"data": b"x"}, 404, "not_found"),
    ("POST", "/v1/events", {"data": b"{", "content_type": "application/json"}, 400, "bad_json"),
    ("POST", "/v1/events", {"data": b"", "content_type": "application/json"}, 400, "bad_json"),
    ("POST", "/v1/events", {"data": b"\xff", "content_type": "application/json"}, 400, "bad_json"),
    ("POST", "/v1/events/batch", {"data": b"{", "content_type": "application/json"}, 400, "bad_json"),
    ("POST", "/v1/events", {"data": b"{}"}, 415, "media_type"),
    ("POST", "/v1/events", {"data": b"{}", "content_type": "text/plain"}, 415, "media_type"),
    ("POST", "/v1/events", {"json": EVENT, "headers": {"Content-Encoding": "gzip"}}, 415, "media_type"),
    ("POST", "/v1/events/batch", {"json": {}}, 422, "invalid"),
    ("POST", "/v1/events", {"json": [EVENT]}, 422, "event_refused"),
    ("POST", "/v1/events", {"json": {**EVENT, "type": "unknown"}}, 422, "event_refused"),
    ("POST", "/v1/events", {"json": {**EVENT, "data": {"a": "\0"}}}, 422, "invalid"),
    ("POST", "/v1/events", {"data": b"[" * 40 + b"]" * 40, "content_type": "application/json"}, 422, "invalid"),
    ("POST", "/v1/events", {"data": b"[" * 1000 + b"]" * 1000, "content_type": "application/json"}, 422, "invalid"),
    ("POST", "/v1/events?wait=forever", {"json": EVENT}, 422, "invalid"),
    ("PUT", "/v1/users/u1", {"json": {"timezone": "Mars"}}, 422, "user_refused"),
    ("PUT", "/v1/users/u1", {"json": {"id": "u2"}}, 422, "invalid"),
    ("PUT", "/v1/users/u1", {"json": {"fone": PHONE}}, 422, "invalid"),
    ("GET", "/v1/messages?state=lost", {}, 422, "invalid"),
    ("GET", "/v1/messages?limit=0", {}, 422, "invalid"),
    ("GET", "/v1/messages?limit=1001", {}, 422, "invalid"),
    ("GET", "/v1/messages?limit=x", {}, 422, "invalid"),
    ("GET", "/v1/messages?limit=1&limit=2", {}, 422, "invalid"),
    ("GET", "/v1/messages?cursor=never", {}, 422, "invalid"),
    ("GET", "/v1/messages?usr=u1", {}, 422, "invalid"),
    ("GET", "/v1/rulebooks?cursor=7", {}, 422, "invalid"),
    ("GET", "/v1/reports/rules?since=yesterday", {}, 422, "invalid"),
    ("GET", "/v1/users/%00", {}, 422, "invalid"),
    ("POST", "/v1/rulebooks/x/activate", {}, 422, "invalid"),
    ("POST", "/v1/verifications", {"json": {**VERIFICATION, "phone": "12"}}, 422, "invalid"),
    ("POST", "/v1/verifications", {"json": {**VERIFICATION, "phone": "13800"}}, 422, "invalid"),
    ("POST", "/v1/verifications", {"json": {**VERIFICATION, "purpose": "throttled"}}, 429, "throttled"),
    ("POST", "/v1/verifications/check", {"json": {"code": "123456", "purpose": "login"}}, 422, "invalid"),
    ("POST", "/v1/suppressions", {"json": {"phone": PHONE, "scopes": ["everything"]}}, 422, "invalid"),
    ("POST", "/v1/rulebooks", {"json": {"files": {"../x.txt": ""}, "note": "n"}}, 422, "invalid"),
    ("POST", "/v1/rulebooks", {"json": {"files": {"a.yaml": "!!x"}, "note": "n"}}, 422, "rulebook_refused"),
    ("POST", "/v1/rulebooks", {"json": {"files": {"a.yaml": ""}, "note": "n", "expect_version": 9}}, 409, "conflict"),
    ("POST", "/v1/simulations", {"json": {"events": []}}, 409, "no_rulebook"),
    ("POST", "/v1/simulations", {"json": {"files": {"a.yaml": "rules: 1"}, "events": []}}, 422, "rulebook_refused"),
    ("POST", "/v1/clock", {"json": {"set": "now"}}, 422, "invalid"),
    ("POST", "/v1/clock", {"json": {"set": "2026-06-01T00:00:00Z", "advance": "1h"}}, 422, "invalid"),
    ("POST", "/v1/samples", {"json": {"template": "missing", "to": PHONE}}, 404, "not_found"),
]  # fmt: skip


@pytest.mark.parametrize(("method", "address", "more", "status", "code"), CASES)
def test_a_problem_has_a_code(ask: Ask, method: str, address: str, more: dict[str, Any], status: int, code: str) -> None:
    """Status and code of each; the shape is held against the document."""
    response = ask(method, address, **more)

    assert (response.status_code, response.json["code"]) == (status, code)
    assert response.content_type == "application/problem+json"
    assert PHONE[3:] not in response.text


def test_all_faults_at_once_with_pointers(ask: Ask) -> None:
    """Into the body by JSON pointer, in parameters by name; a near name is offered."""
    body = {"kind": "rul", "name": "", "stopped": "yes", "reazon": "x"}

    switch = ask("POST", "/v1/switches", json=body)
    listing = ask("GET", "/v1/messages?staet=queued&limit=5000")

    assert {error["pointer"]: error["message"] for error in switch.json["errors"]} == {
        "/kind": "must be one of rule, type, channel, provider",
        "/name": "it is shorter than 1 character",
        "/stopped": "must be true or false",
        "/reason": "is missing",
        "/reazon": "is not known here",
    }
    assert [error["parameter"] for error in listing.json["errors"]] == ["staet", "limit"]
    assert 'did you mean "state"' in listing.json["errors"][0]["message"]


def test_an_event_is_refused_at_its_pointer(ask: Ask) -> None:
    """As the engine says it."""
    response = ask("POST", "/v1/events", json={**EVENT, "type": "unknown"})

    assert response.json["errors"] == [{"pointer": "/type", "message": 'no event "unknown" of 138****8000'}]


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ('got "13800138000"', 'got "138****8000"'),
        ("手机13800138000不对", "手机138****8000不对"),
        ("+86 138 0013 8000", " 13****8000"),
        ("a@b.example", "a@b****mple"),
        ("like 2026-06-01T10:00+08:00", "like 2026-06-01T10:00+08:00"),
        ("at most 32,768 bytes", "at most 32,768 bytes"),
    ],
)
def test_numbers_and_addresses_are_masked(text: str, shown: str) -> None:
    """Wherever they stand in a text; dates and sizes stay."""
    assert scrub(text) == shown


def test_a_name_that_may_be_personal_is_not_shown(ask: Ask) -> None:
    """Not even as a key of an object, or of the query."""
    body = ask("POST", "/v1/switches", json={PHONE: 1})
    query = ask("GET", f"/v1/messages?{PHONE[1:]}=1")

    assert PHONE[3:] not in body.text + query.text


def sqlite_error(code: int) -> sqlite3.OperationalError:
    error = sqlite3.OperationalError("an error of SQLite")
    error.sqlite_errorcode = code
    return error


def test_a_defect_shows_nothing(app: Flask, service: FakeService, ask: Ask, monkeypatch: pytest.MonkeyPatch) -> None:
    """500, and the reason stays in the log."""

    def broken(*_: Any, **__: Any) -> None:
        raise KeyError(PHONE)

    monkeypatch.setattr(service, "message", broken)

    response = ask("GET", "/v1/messages/m1")

    assert response.status_code == 500
    assert response.json == {
        "type": "urn:hongyan:problem:internal",
        "title": "Something went wrong on our side",
        "status": 500,
        "code": "internal",
    }


@pytest.mark.parametrize(
    "cause",
    [
        psycopg.errors.DiskFull("could not extend file"),
        psycopg.OperationalError("the connection is closed"),
        sqlite_error(sqlite3.SQLITE_FULL),
    ],
)
def test_a_database_that_is_away_or_full_is_no_defect(
    service: FakeService, ask: Ask, monkeypatch: pytest.MonkeyPatch, cause: Exception
) -> None:
    """503 and when to come again: clients try that again, and would not after 500."""

    def broken(*_: Any, **__: Any) -> None:
        raise OperationalError("INSERT", {"phone": PHONE}, cause)

    monkeypatch.setattr(service, "message", broken)

    response = ask("GET", "/v1/messages/m1")

    assert (response.status_code, response.json["code"], response.headers["Retry-After"]) == (503, "unavailable", "2")


def test_a_statement_that_is_wrong_is_a_defect(service: FakeService, ask: Ask, monkeypatch: pytest.MonkeyPatch) -> None:
    """SQLite calls it operational, too."""

    def broken(*_: Any, **__: Any) -> None:
        raise OperationalError("SELECT", {}, sqlite_error(sqlite3.SQLITE_ERROR))

    monkeypatch.setattr(service, "message", broken)

    assert ask("GET", "/v1/messages/m1").status_code == 500


def test_a_real_clock_is_not_moved(service: FakeService, ask: Ask) -> None:
    """409."""
    service.now = None

    assert ask("POST", "/v1/clock", json={"set": "2026-06-01T00:00:00Z"}).json["code"] == "clock_is_real"


def test_methods_that_exist_are_named(ask: Ask) -> None:
    """In Allow."""
    assert set(ask("PATCH", "/v1/users/u1").headers["Allow"].split(", ")) == {"DELETE", "GET", "HEAD", "PUT"}
