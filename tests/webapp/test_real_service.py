"""The same web over the real service, on SQLite in a temporary folder."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from werkzeug.test import TestResponse

from engine.runtime.clock import TestClock
from engine.runtime.service import Service
from engine.store.store import Store
from providers.webhook import Sender
from tests.webapp.conforming import ConformingClient
from tests.webapp.conftest import Ask
from tests.webapp.fake import PHONE, START
from tests.webapp.requests import BOOK, EVENT
from tests.webapp.test_contract import CHECKS
from webapp.app import create_app
from webapp.auth import ROLES
from webapp.idempotency import StoredAnswers
from webapp.limits import Quota


def resolved(host: str, _port: int) -> list[str]:
    """No name is asked for outside of this machine."""
    return {"127.0.0.1": ["127.0.0.1"], "private.example": ["8.8.8.8", "10.0.0.1"], "nobody.example": []}.get(host, ["8.8.8.8"])


class Running:
    """A service with its keys."""

    def __init__(self, folder: Path) -> None:
        store = Store(f"sqlite:///{folder / 'hongyan.db'}")
        store.migrate()
        self.service = Service(store, TestClock(START), secret=b"pepper", webhooks=Sender(resolver=resolved))
        self.keys = {(role, test): self.service.create_key(role, role, test=test) for role in ROLES for test in (False, True)}
        self.keys["personal", False] = self.service.create_key("personal", "viewer", personal=True)
        answers = StoredAnswers(store, self.service.clock.now)
        self.app = create_app(self.service, answers=answers, quotas={role: Quota(1e6, 1_000_000) for role in ROLES})
        self.app.test_client_class = ConformingClient
        self.client = self.app.test_client()

    def ask(self, method: str, address: str, role: str | None = "admin", *, test: bool = False, **kwargs: Any) -> TestResponse:
        """As in conftest."""
        headers = dict(kwargs.pop("headers", {}))
        if role is not None:
            headers["Authorization"] = f"Bearer {self.keys[role, test]}"
        return self.client.open(address, method=method, headers=headers, **kwargs)

    def fill(self) -> None:
        """A book, a user, an event that sends."""
        self.ask("POST", "/v1/rulebooks", "publisher", json={"files": BOOK, "note": "first"})
        self.ask("PUT", "/v1/users/u1", "ingest", json={"phone": PHONE})
        self.ask("POST", "/v1/events", "ingest", json=EVENT)


@pytest.fixture
def running(tmp_path: Path) -> Iterator[Running]:
    running = Running(tmp_path)
    running.service.start(sending=False)
    yield running
    running.service.close()


@pytest.fixture
def ask(running: Running) -> Ask:
    return running.ask


def test_nothing_goes_before_a_book_is_published(ask: Ask) -> None:
    """409 for what must be judged; lists are empty."""
    assert ask("POST", "/v1/events", json=EVENT).json["code"] == "no_rulebook"
    assert ask("PUT", "/v1/users/u1", json={}).json["code"] == "no_rulebook"
    assert ask("GET", "/v1/messages").json == {"items": [], "next": None}
    assert ask("GET", "/readyz", None).status_code == 503


def test_from_event_to_message(ask: Ask) -> None:
    """Posted, judged, read back; masked for those who may not see it."""
    published = ask("POST", "/v1/rulebooks", "publisher", json={"files": BOOK, "note": "first"}).json
    user = ask("PUT", "/v1/users/u1", "ingest", json={"phone": PHONE}).json
    posted = ask("POST", "/v1/events?wait=verdicts", "ingest", json=EVENT).json

    assert (published["version"], user["phone"]) == (1, "138****8000")
    assert [(one["outcome"], one["reason"]) for one in posted["verdicts"]] == [("send", "ok")]
    assert [(one["to"], one["text"]) for one in posted["messages"]] == [("138****8000", "【秒信通】订单A1已收到。")]
    (message,) = ask("GET", "/v1/messages?user=u1", "personal").json["items"]
    assert message["to"] == PHONE
    assert ask("GET", f"/v1/messages/{message['id']}", "personal").json == message
    assert ask("GET", "/v1/verdicts?rule=order-created&user=u1").json["items"][0]["reason"] == "ok"
    assert ask("GET", posted["trace"]).json["status"] == "decided"
    assert ask("GET", posted["trace"], test=True).status_code == 404


def test_pages_of_the_database(running: Running, ask: Ask) -> None:
    """Nothing twice, nothing left out; a foreign cursor is refused."""
    running.fill()
    events = [{**EVENT, "id": f"n{number}"} for number in range(25)]
    assert {one["status"] for one in ask("POST", "/v1/events/batch", json=events).json["results"]} == {"accepted"}
    running.service.await_decision("live", "api", "n24", 10)

    for address in ("/v1/messages", "/v1/verdicts"):
        seen, cursor = [], None
        while True:
            page = ask("GET", address, query_string={"limit": 10, **({"cursor": cursor} if cursor else {})}).json
            seen += [item["id"] for item in page["items"]]
            cursor = page["next"]
            if cursor is None:
                break
        assert len(seen) == len(set(seen)) == 26
        assert ask("GET", f"{address}?cursor=bm9uc2Vuc2U").json["errors"][0]["parameter"] == "cursor"


def test_answers_outlive_the_process(tmp_path: Path) -> None:
    """The key was used before a restart."""
    change = {"kind": "rule", "name": "order-created", "stopped": True, "reason": "wrong text"}
    answers = []
    for _ in range(2):
        running = Running(tmp_path)
        answers.append(running.ask("POST", "/v1/switches", json=change, headers={"Idempotency-Key": "k"}).data)
        running.service.store.close()

    assert answers[0] == answers[1]


def test_a_stopped_rule_sends_nothing(running: Running, ask: Ask) -> None:
    """At once, without publishing."""
    running.fill()
    ask("POST", "/v1/switches", json={"kind": "rule", "name": "order-created", "stopped": True, "reason": "wrong text"})

    (verdict,) = ask("POST", "/v1/events?wait=verdicts", json={**EVENT, "id": "e2"}).json["verdicts"]

    assert (verdict["outcome"], verdict["reason"]) == ("skip", "stopped")
    assert [one["name"] for one in ask("GET", "/v1/switches").json["items"]] == ["order-created"]


def test_suppressed_released_cancelled_erased(running: Running, ask: Ask) -> None:
    """The rest of an operator's day."""
    running.fill()
    ask("POST", "/v1/suppressions", json={"phone": PHONE, "scopes": ["all"], "reason": "asked"})
    assert [one["phone"] for one in ask("GET", "/v1/suppressions", "viewer").json["items"]] == ["138****8000"]
    assert ask("POST", "/v1/events?wait=verdicts", json={**EVENT, "id": "e2"}).json["verdicts"][0]["reason"] == "suppressed"
    ask("DELETE", "/v1/suppressions", json={"phone": PHONE, "scopes": ["all"]})

    assert ask("GET", "/v1/suppressions").json["items"] == []
    assert ask("POST", "/v1/cancellations", json={"rule": "order-created", "key": "A1"}).status_code == 200
    assert ask("GET", "/v1/rulebooks").json["items"][0]["version"] == 1
    assert ask("POST", "/v1/rulebooks/9/activate").status_code == 404
    assert ask("DELETE", "/v1/users/u1").status_code == 204
    assert ask("GET", "/v1/users/u1").status_code == 404


@pytest.mark.slow
def test_answers_are_as_documented(running: Running) -> None:
    """schemathesis, a few requests of each operation."""
    running.fill()
    headers = {"Authorization": f"Bearer {running.keys['admin', False]}"}
    for found in schemathesis.openapi.from_wsgi("/v1/openapi.json", running.app).get_all_operations():
        operation = found.ok()

        @given(case=operation.as_strategy())
        @settings(
            max_examples=10,
            deadline=None,
            derandomize=True,
            database=None,
            suppress_health_check=list(HealthCheck),
            phases=[Phase.explicit, Phase.generate],
        )
        def once(case: Any) -> None:
            case.call_and_validate(headers=headers, checks=CHECKS)

        once()
