"""Simulations and comparisons by request: the lines of the command, within bounds."""

from pathlib import Path
from typing import Any

import orjson
import pytest

from cli.main import main
from tests.webapp.conftest import Ask
from tests.webapp.fake import PHONE, FakeService
from tests.webapp.requests import BOOK, EVENT
from webapp import trying

O2O = Path(__file__).parents[2] / "rules" / "books" / "o2o"
USERS = [{"id": "u1", "phone": PHONE}]
EVERY_MINUTE = {
    "book.yaml": """\
book: {id: busy, timezone: Asia/Shanghai, locale: zh_CN, signature: 秒信通}
message_types:
  notification: {}
templates:
  hello: {sms: "您好。"}
rules:
  hello: {on: {schedule: {cron: "* * * * *"}}, audience: all, send: {type: notification, template: hello}}
"""
}


def test_lines_with_the_whole_number(ask: Ask) -> None:
    """The caller sent it."""
    found = ask("POST", "/v1/simulations", "qa", json={"files": BOOK, "users": USERS, "events": [EVENT, EVENT, {}], "trace": True}).json

    assert [line["kind"] for line in found["lines"]] == ["verdict", "message"]
    assert found["lines"][1]["to"] == PHONE
    assert "trace" in found["lines"][0]
    assert (found["duplicates"], [one["index"] for one in found["refused"]]) == (1, [2])


def test_the_same_lines_as_the_command(ask: Ask, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    """A sample day of the O2O book, with verdicts."""
    main(["sample", "--orders", "10", "--seed", "1", "--out", str(tmp_path)])
    users, events = tmp_path / "users.jsonl", tmp_path / "events.jsonl"
    capsys.readouterr()
    main(["simulate", str(O2O), "--users", str(users), "--events", str(events), "--format", "jsonl", "--verdicts"])
    printed = capsys.readouterr().out
    files = {path.name: path.read_text() for path in O2O.glob("*.yaml")}
    body = {
        "files": files,
        "users": [orjson.loads(line) for line in users.read_bytes().splitlines()],
        "events": [orjson.loads(line) for line in events.read_bytes().splitlines()],
        "verdicts": True,
    }

    found = ask("POST", "/v1/simulations", json=body).json

    assert found["lines"] == [orjson.loads(line) for line in printed.splitlines()]


def test_the_active_book_where_none_is_sent(ask: Ask, service: FakeService) -> None:
    """Only messages, unless asked."""
    service.files = BOOK

    lines = ask("POST", "/v1/simulations", json={"users": USERS, "events": [EVENT]}).json["lines"]

    assert [line["kind"] for line in lines] == ["message"]


def test_a_comparison(ask: Ask) -> None:
    """As the command prints it."""
    new = {"book.yaml": BOOK["book.yaml"].replace("已收到", "收到了")}

    found = ask("POST", "/v1/comparisons", json={"old": BOOK, "new": new, "users": USERS, "events": [EVENT]}).json

    assert (found["events"], found["messages"], found["rules"][0]["changed"]) == (1, {"old": 1, "new": 1}, 1)


OTHER = {"book.yaml": BOOK["book.yaml"].replace("已收到", "收到了")}


def test_a_published_version(ask: Ask, service: FakeService) -> None:
    """Also one that is no longer active."""
    service.publish(BOOK, "first", "pm")
    service.publish(OTHER, "second", "pm")
    texts = [
        ask("POST", "/v1/simulations", "qa", json={"version": version, "users": USERS, "events": [EVENT]}).json["lines"][0]["text"]
        for version in (1, 2)
    ]

    assert ["已收到" in text for text in texts] == [True, False]


@pytest.mark.parametrize(
    ("path", "body", "expected"),
    [
        ("/v1/simulations", {"version": 9, "events": []}, (404, "not_found", "/version")),
        ("/v1/simulations", {"version": 0, "events": []}, (422, "invalid", "/version")),
        ("/v1/simulations", {"version": 1, "files": BOOK, "events": []}, (422, "invalid", "/version")),
        ("/v1/comparisons", {"old": {"version": 9}, "new": BOOK, "events": []}, (404, "not_found", "/old/version")),
    ],
)
def test_a_version_that_cannot_be(ask: Ask, path: str, body: dict[str, Any], expected: tuple[int, str, str]) -> None:
    """Unknown, no number of one, or beside an inline book: said where."""
    response = ask("POST", path, json=body)

    assert (response.status_code, response.json["code"], response.json["errors"][0]["pointer"]) == expected


@pytest.mark.parametrize(
    ("sides", "changed"),
    [
        ({"old": {"version": 1}, "new": {"version": 2}}, True),
        ({"old": {"version": 1}}, True),  # against the active one
        ({"new": {"version": 2}}, False),
        ({"old": {"version": 1}, "new": BOOK}, False),
        ({"old": OTHER, "new": {"version": 1}}, True),
    ],
)
def test_a_comparison_of_two_of_any_kind(ask: Ask, service: FakeService, sides: dict[str, Any], changed: bool) -> None:
    """Inline, a version, or the active book."""
    service.publish(BOOK, "first", "pm")
    service.publish(OTHER, "second", "pm")
    found = ask("POST", "/v1/comparisons", json={**sides, "users": USERS, "events": [EVENT]}).json

    assert (found["messages"], bool(found["rules"])) == ({"old": 1, "new": 1}, changed)


def test_a_simulation_has_an_end(ask: Ask, monkeypatch: pytest.MonkeyPatch) -> None:
    """A schedule that ticks for nobody, for a hundred years."""
    monkeypatch.setattr(trying, "MAX_SECONDS", 0.2)
    body = {"files": EVERY_MINUTE, "events": [], "from": "2026-01-01", "until": "2126-01-01"}

    response = ask("POST", "/v1/simulations", json=body)

    assert (response.status_code, response.json["code"]) == (422, "simulation_too_long")


@pytest.mark.parametrize(
    ("more", "pointer"),
    [({"from": "soon"}, "/from"), ({"from": "2026-06-02", "until": "2026-06-01"}, "/until"), ({"from": "0000-00-00T00:00"}, "/from")],
)
def test_a_span_that_cannot_be(ask: Ask, more: dict[str, str], pointer: str) -> None:
    """At its pointer."""
    response = ask("POST", "/v1/simulations", json={"files": BOOK, "events": [], **more})

    assert (response.status_code, response.json["errors"][0]["pointer"]) == (422, pointer)
