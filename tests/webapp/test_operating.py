"""What operators do: switches, campaigns, the clock, suppressions, receipts, health, metrics."""

from typing import Any

import pytest

from tests.webapp.conftest import Ask
from tests.webapp.fake import PHONE, START, FakeService
from tests.webapp.requests import BOOK


def test_a_switch_keeps_who_and_why(ask: Ask) -> None:
    """The name of the key, and the reason."""
    change = {"kind": "rule", "name": "a:b", "stopped": True, "reason": "wrong text"}

    assert ask("POST", "/v1/switches", "publisher", json=change).json == {**change, "by": "publisher"}
    (listed,) = ask("GET", "/v1/switches").json["items"]
    assert {name: listed[name] for name in change} == change


def test_a_campaign_is_steered(ask: Ask, service: FakeService) -> None:
    """With a reason, or without a body at all."""
    assert ask("POST", "/v1/campaigns/c1/pause", "publisher", json={"reason": "too fast"}).json == {"id": "c1", "action": "pause"}
    ask("POST", "/v1/campaigns/c1/resume", "publisher")

    assert service.calls == [("steer", "c1", "pause", "too fast", "publisher"), ("steer", "c1", "resume", "", "publisher")]


def test_the_clock_is_set_and_advanced(ask: Ask) -> None:
    """Answers where it stands."""
    assert ask("POST", "/v1/clock", json={"set": "2026-06-01T10:00:00+08:00"}).json == {"now": "2026-06-01T02:00:00Z"}
    assert ask("POST", "/v1/clock", json={"advance": "90m"}).json == {"now": "2026-06-01T03:30:00Z"}


def test_suppressed_and_released(ask: Ask, service: FakeService) -> None:
    """The number is brought to E.164 first."""
    ask("POST", "/v1/suppressions", "ingest", json={"phone": "138 0013 8000", "scopes": ["marketing"]})
    assert [one["phone"] for one in service.suppressed] == [PHONE]

    ask("DELETE", "/v1/suppressions", json={"phone": PHONE, "scopes": ["marketing"]})
    assert service.suppressed == []


def test_a_network_is_blocked_listed_and_released(ask: Ask, service: FakeService) -> None:
    """In its canonical form."""
    answer = ask("POST", "/v1/suppressions", json={"network": "203.0.113.7/24", "reason": "pumped"})
    assert (answer.status_code, answer.json) == (201, {"network": "203.0.113.0/24", "scopes": ["blocked"]})
    assert [one["network"] for one in ask("GET", "/v1/suppressions").json["items"]] == ["203.0.113.0/24"]

    assert ask("DELETE", "/v1/suppressions", json={"network": "203.0.113.0/24"}).status_code == 200
    again = ask("DELETE", "/v1/suppressions", json={"network": "203.0.113.0/24"})
    assert (again.status_code, again.json["code"]) == (404, "not_found")


@pytest.mark.parametrize(
    "body",
    [
        {"network": "0.0.0.0/0"}, {"network": "203.0.113.0/40"}, {"network": "here"}, {}, {"scopes": ["all"]},
        {"phone": PHONE}, {"phone": PHONE, "scopes": ["all"], "network": "10.0.0.0/8"}, {"network": "10.0.0.0/8", "scopes": ["marketing"]},
    ],
)  # fmt: skip
def test_what_is_neither_a_number_nor_a_network(ask: Ask, service: FakeService, body: dict[str, Any]) -> None:
    """Also one so wide that it locks everybody out, and both at once."""
    assert ask("POST", "/v1/suppressions", json=body).status_code == 422
    assert service.suppressed == []


def test_a_receipt_goes_to_the_service_as_it_came(ask: Ask, service: FakeService) -> None:
    """Bytes and headers; any type of content, no key."""
    response = ask("POST", "/v1/receipts/smsc", None, data=b"\xffid=1", content_type="text/x", headers={"X-Signature": "s"})

    (call,) = service.calls
    assert (response.data, call[1], call[2]["X-Signature"], call[3]) == (b"OK", "receipts", "s", b"\xffid=1")


def test_an_unchecked_number_tells_nothing(ask: Ask) -> None:
    """Where no code was asked for, the answer is that of a wrong one."""
    body = {"code": "123456", "phone": PHONE, "purpose": "login"}

    assert ask("POST", "/v1/verifications/check", json=body).json == {"id": None, "status": "failed", "checks_left": 0}


def test_the_report_takes_instants(ask: Ask, service: FakeService) -> None:
    """Also with a + that was not encoded."""
    ask("GET", "/v1/reports/rules?since=2026-06-01T10:00:00+08:00&until=2026-06-01T02:00:00Z")

    assert service.calls == [("report", "live", START, START)]


def test_ready_or_not(ask: Ask, service: FakeService) -> None:
    """503 names the check."""
    assert ask("GET", "/readyz", None).json == {"status": "ready", "checks": {"database": True}}
    service.healthy = False
    down = ask("GET", "/readyz", None)

    assert (down.status_code, down.json["checks"]) == (503, {"database": "cannot connect"})
    assert ask("GET", "/healthz", None).status_code == 200


def test_requests_are_counted(ask: Ask) -> None:
    """By operation and status; no address, which may hold a name."""
    ask("GET", "/v1/users/zhang-san")
    ask("GET", "/nowhere/zhang-san")
    text = ask("GET", "/metrics", None).text

    assert 'hongyan_http_requests_total{operation="getUser",status="404"} 1.0' in text
    assert 'hongyan_http_requests_total{operation="none",status="404"} 1.0' in text
    assert "zhang-san" not in text


def test_findings_of_a_book(ask: Ask) -> None:
    """What the command prints; a book with errors is an answer, not a problem."""
    good = ask("POST", "/v1/rulebooks/check", json={"files": BOOK}).json
    bad = ask("POST", "/v1/rulebooks/check", json={"files": {"a.yaml": "rules: {x: {}}"}}).json

    assert (good["book"], good["errors"]) == ("small", 0)
    assert bad["errors"] == len([one for one in bad["findings"] if one["severity"] == "error"]) > 0
