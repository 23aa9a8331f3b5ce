"""Codes, users, messages and simulations: the right address, the right body, typed results."""

import json
from pathlib import Path

import httpx
import pytest
from hongyan_client import Event, NotFound, UnexpectedAnswer
from hongyan_client.values import instant

from tests.sdk.scripted import MESSAGE, NOW, STORED_MESSAGE, VERDICT, VERIFICATION, Server, problem

USER = {"id": "u1", "phone": "+86138****8000", "timezone": "Asia/Shanghai", "locale": "zh_CN", "attributes": {"city": "上海"}, "new": 1}
SIMULATED = {
    "book": "x", "lines": [VERDICT, MESSAGE, {"kind": "later"}], "pending": 2, "duplicates": 1,
    "refused": [{"input": "events", "index": 3, "reason": "no", "pointer": "/data"}],
}  # fmt: skip


def paths(server: Server) -> list[str]:
    """Method and raw address of each request."""
    return [f"{request.method} {request.url.raw_path.decode()}" for request in server.requests]


def test_a_code_is_started() -> None:
    """What is not given is not sent."""
    server = Server(httpx.Response(201, json=VERIFICATION))
    verification = server.client().verifications.start("+8613800138000", "login", ip="203.0.113.7")

    assert server.bodies == [{"phone": "+8613800138000", "purpose": "login", "ip": "203.0.113.7"}]
    assert (verification.id, verification.checks_left, verification.expires_at) == ("v1", 5, instant("2026-06-01T02:10:00Z"))


def test_the_callers_own_idempotency_key_is_used() -> None:
    """For repetitions that outlive the process."""
    server = Server(httpx.Response(201, json=VERIFICATION))
    server.client().verifications.start("+8613800138000", "login", idempotency_key="signup-7")

    assert server.idempotency_keys == ["signup-7"]


@pytest.mark.parametrize(
    ("status", "approved"), [("approved", True), ("pending", False), ("failed", False), ("expired", False), ("new", False)]
)
def test_only_approved_means_yes(status: str, approved: bool) -> None:
    """By id."""
    server = Server(httpx.Response(200, json={**VERIFICATION, "status": status}))

    assert server.client().verifications.check("v/1", " 012345 ").approved is approved
    assert paths(server) == ["POST /v1/verifications/v%2F1/check"]
    assert server.bodies == [{"code": "012345"}]


def test_a_check_repeated_after_a_lost_answer_counts_once() -> None:
    """It has an idempotency key; a second check of the same code has another."""
    server = Server(httpx.ReadTimeout("x"), httpx.Response(200, json=VERIFICATION))
    client = server.client()
    client.verifications.check("v1", "123456")
    client.verifications.check("v1", "123456")

    first, again, second = server.idempotency_keys
    assert first == again != second


@pytest.mark.parametrize("who", [{"phone": "+8613800138000"}, {"user": "u1"}])
def test_a_code_of_an_event_is_checked_by_person(who: dict) -> None:
    """And where there is none, the id is null and nothing else differs."""
    server = Server(httpx.Response(200, json={"id": None, "status": "failed", "checks_left": 0}))

    assert server.client().verifications.check_by(purpose="login", code="123456", **who).status == "failed"
    assert paths(server) == ["POST /v1/verifications/check"]
    assert server.bodies == [{**who, "purpose": "login", "code": "123456"}]


@pytest.mark.parametrize("who", [{}, {"phone": "+8613800138000", "user": "u1"}])
def test_a_check_is_of_one_person(who: dict) -> None:
    """Said before anything is sent."""
    with pytest.raises(ValueError, match="a phone or a user"):
        Server(httpx.Response(500)).client().verifications.check_by(purpose="login", code="1", **who)


def test_a_code_is_no_number() -> None:
    """012345 would be another code."""
    with pytest.raises(TypeError, match="leading zeros"):
        Server(httpx.Response(500)).client().verifications.check("v1", 12345)  # type: ignore[arg-type]


def test_a_user_is_put_read_and_erased() -> None:
    """What is None is not sent; what is new in an answer does no harm."""
    server = Server(httpx.Response(200, json=USER), httpx.Response(200, json=USER), httpx.Response(204))
    client = server.client()
    put = client.users.put("u 1/é", phone="+8613800138000", attributes={"city": "上海"}, suppressed=("marketing",))
    got = client.users.get("u1")
    client.users.erase("u1")

    assert paths(server) == ["PUT /v1/users/u%201%2F%C3%A9", "GET /v1/users/u1", "DELETE /v1/users/u1"]
    assert (
        json.loads(server.requests[0].content)
        == [{"phone": "+8613800138000", "attributes": {"city": "上海"}, "suppressed": ["marketing"]}][0]
    )
    assert put == got
    assert (got.phone, got.attributes["city"]) == ("+86138****8000", "上海")


@pytest.mark.parametrize("id", ["", ".", ".."])
def test_an_id_never_changes_the_address(id: str) -> None:
    """DELETE /v1/users/ and the like go nowhere."""
    server = Server(httpx.Response(204))
    with pytest.raises(ValueError, match="id must not be"):
        server.client().users.erase(id)

    assert server.requests == []


def test_suppressed_is_a_list() -> None:
    """Not the letters of a text."""
    with pytest.raises(TypeError, match="list of message types"):
        Server(httpx.Response(200, json=USER)).client().users.put("u1", suppressed="all")


def test_messages_come_page_by_page() -> None:
    """With the filters on each page; typed."""
    pages = [
        {"items": [STORED_MESSAGE, STORED_MESSAGE], "next": "c 1"},
        {"items": [], "next": "c2"},
        {"items": [STORED_MESSAGE], "next": None},
    ]
    server = Server(*(httpx.Response(200, json=page) for page in pages))
    messages = list(server.client().messages.list(user="u1", page_size=2))

    assert [dict(request.url.params) for request in server.requests] == [
        {"user": "u1", "limit": "2"}, {"user": "u1", "limit": "2", "cursor": "c 1"}, {"user": "u1", "limit": "2", "cursor": "c2"},
    ]  # fmt: skip
    assert [message.state for message in messages] == ["delivered"] * 3
    assert [(attempt.provider, attempt.raw) for attempt in messages[0].attempts] == [("smsc", 0)]


def test_pages_are_fetched_as_needed() -> None:
    """Who stops early asks for one only; who asks for nothing, for none."""
    server = Server(httpx.Response(200, json={"items": [STORED_MESSAGE] * 2, "next": "c1"}))
    messages = server.client().messages.list()

    assert server.requests == []
    assert next(messages).id == "m1"
    assert len(server.requests) == 1


def test_a_circle_of_pages_ends() -> None:
    """With an error, not never."""
    server = Server(httpx.Response(200, json={"items": [], "next": "c1"}))
    with pytest.raises(UnexpectedAnswer, match="circle"):
        list(server.client().messages.list())


def test_one_message() -> None:
    """Or none."""
    server = Server(httpx.Response(200, json=STORED_MESSAGE), problem(404, "not_found"))
    client = server.client()

    assert client.messages.get("m1").receipts == ({"status": "delivered"},)
    with pytest.raises(NotFound):
        client.messages.get("m2")


def test_a_simulation_of_a_folder(tmp_path: Path) -> None:
    """Its YAML files by name, also below; nothing else of it."""
    (tmp_path / "more").mkdir()
    for name in ("book.yaml", "more/rules.yml", "notes.txt"):
        (tmp_path / name).write_text(f"# 规则 {name}", "utf-8")
    server = Server(httpx.Response(200, json=SIMULATED))
    result = server.client().simulations.run(tmp_path, [Event("t", "u1", id="e1", time=NOW)], [{"id": "u1"}], until=NOW, verdicts=True)

    assert server.bodies == [
        {
            "files": {"book.yaml": "# 规则 book.yaml", "more/rules.yml": "# 规则 more/rules.yml"}, "until": "2026-06-01T02:00:00Z",
            "events": [{"id": "e1", "type": "t", "time": "2026-06-01T02:00:00Z", "user": "u1", "data": {}}], "users": [{"id": "u1"}],
            "verdicts": True,
        }
    ]  # fmt: skip
    assert (len(result.messages), len(result.verdicts), result.pending, result.duplicates) == (1, 1, 2, 1)
    assert [(line.input, line.index) for line in result.refused] == [("events", 3)]
    assert result.messages[0].id is None


def test_a_simulation_of_the_live_book() -> None:
    """No files are sent."""
    server = Server(httpx.Response(200, json={**SIMULATED, "lines": []}))

    assert server.client().simulations.run(None, [{"id": "e", "type": "t"}]).lines == ()
    assert server.bodies == [{"events": [{"id": "e", "type": "t"}], "users": [], "verdicts": False}]


def test_a_simulation_of_a_published_version() -> None:
    """By its number."""
    server = Server(httpx.Response(200, json={**SIMULATED, "lines": []}))
    server.client().simulations.run(3, [])

    assert server.bodies == [{"version": 3, "events": [], "users": [], "verdicts": False}]


def test_a_folder_without_a_book_is_said_so(tmp_path: Path) -> None:
    """Not sent as an empty one."""
    with pytest.raises(ValueError, match="no YAML file"):
        Server(httpx.Response(500)).client().simulations.run(tmp_path, [])


@pytest.mark.parametrize(
    ("text", "expected"),
    [("2026-06-01T02:00:00Z", "2026-06-01T02:00:00+00:00"), ("2026-06-01T10:00+08:00", "2026-06-01T02:00:00+00:00"),
     ("2026-06-01t02:00:00.5z", "2026-06-01T02:00:00.500000+00:00"), ("2026-06-01T02:00:00.1234569Z", "2026-06-01T02:00:00.123456+00:00")],
)  # fmt: skip
def test_instants_are_read(text: str, expected: str) -> None:
    """With any number of digits, on every Python."""
    assert instant(text).isoformat() == expected


@pytest.mark.parametrize("text", ["2026-06-01", "2026-06-01T02:00:00", "2026-13-01T02:00:00Z", "now", ""])
def test_what_is_no_instant_is_refused(text: str) -> None:
    """A local time too."""
    with pytest.raises(ValueError, match=r"."):
        instant(text)
