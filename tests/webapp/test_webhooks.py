"""Webhooks over HTTP: a secret once, addresses refused where they are wrong, over the real service too."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.webapp.conftest import Ask
from tests.webapp.fake import FakeService
from tests.webapp.test_real_service import Running

WANTED = {"url": "https://hooks.example/in", "types": ["message.*", "campaign.finished"], "description": "orders"}


def test_an_address_that_is_not_taken_is_shown_where_it_stands(ask: Ask) -> None:
    """When it is made and when it is changed."""
    for method, address in (("POST", "/v1/webhooks"), ("PUT", "/v1/webhooks/wh1")):
        response = ask(method, address, json={**WANTED, "url": "https://private.example/"})

        assert response.status_code == 422
        assert response.json["errors"] == [{"message": "the address leads to a private network", "pointer": "/url"}]


@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        ({"url": "https://hooks.example/", "types": []}, "/types"),
        ({"url": "https://hooks.example/", "types": ["message.read"]}, "/types/0"),
        ({"url": "https://hooks.example/", "types": ["*", "*"]}, "/types"),
        ({"url": "hooks.example", "types": ["*"]}, "/url"),
        ({"url": "https://hooks.example/", "types": ["*"], "secret": "whsec_mine"}, ""),
    ],
)
def test_a_wish_that_nobody_knows_is_refused(ask: Ask, body: dict[str, object], pointer: str) -> None:
    response = ask("POST", "/v1/webhooks", json=body)

    assert response.status_code == 422
    assert response.json["errors"][0].get("pointer", "").startswith(pointer)


def test_the_grace_of_an_old_secret(ask: Ask, service: FakeService) -> None:
    """A day, unless the caller says otherwise."""
    ask("POST", "/v1/webhooks/wh1/rotate")
    ask("POST", "/v1/webhooks/wh1/rotate", "publisher", json={"grace_seconds": 0})

    assert service.webhooks.calls == [("rotate", "wh1", 86_400, "admin"), ("rotate", "wh1", 0, "publisher")]


@pytest.fixture
def running(tmp_path: Path) -> Iterator[Running]:
    running = Running(tmp_path)
    yield running
    running.service.close()


def test_the_life_of_a_webhook(running: Running) -> None:
    """Made, seen without its secret, changed, rotated, deleted; the test environment has its own."""
    made = running.ask("POST", "/v1/webhooks", "publisher", json=WANTED, headers={"Idempotency-Key": "k"})
    again = running.ask("POST", "/v1/webhooks", "publisher", json=WANTED, headers={"Idempotency-Key": "k"})
    address = f"/v1/webhooks/{made.json['id']}"

    assert made.status_code == 201
    assert made.json["secret"].startswith("whsec_")
    assert again.json == {**made.json, "secret": None}
    seen = {name: value for name, value in made.json.items() if name != "secret"}
    assert running.ask("GET", address, "viewer").json == seen
    assert running.ask("GET", "/v1/webhooks", "viewer").json == {"items": [seen], "next": None}
    assert running.ask("GET", address, test=True).status_code == 404
    assert running.ask("GET", "/v1/webhooks", test=True).json["items"] == []

    changed = running.ask("PUT", address, json={"enabled": False}).json
    assert (changed["enabled"], changed["reason"], changed["url"]) == (False, "requested", WANTED["url"])
    assert running.ask("POST", f"{address}/test").status_code == 409
    assert running.ask("PUT", address, json={"enabled": True, "types": ["*"]}).json["types"] == ["*"]

    rotated = running.ask("POST", f"{address}/rotate").json
    assert rotated["secret"] != made.json["secret"]
    assert rotated["old_secret_until"] == "2026-06-02T02:00:00Z"

    sample = running.ask("POST", f"{address}/test")
    assert (sample.status_code, sample.json["state"], sample.json["payload"]["type"]) == (202, "pending", "webhook.test")
    assert running.ask("GET", f"{address}/deliveries").json["items"] == [sample.json]
    assert running.ask("POST", f"{address}/deliveries/{sample.json['id']}/redeliver").json == sample.json
    assert running.ask("POST", f"{address}/deliveries/evt_nothing/redeliver").status_code == 404

    assert running.ask("DELETE", address).status_code == 204
    assert running.ask("GET", f"{address}/deliveries").status_code == 404
    assert running.ask("DELETE", address).status_code == 404


def test_a_private_address_is_refused(running: Running) -> None:
    """Whatever its form; so is a name that nobody knows, and plain HTTP."""
    for url in ("https://127.0.0.1/", "https://private.example/", "https://nobody.example/", "http://hooks.example/"):
        assert running.ask("POST", "/v1/webhooks", json={**WANTED, "url": url}).json["errors"][0]["pointer"] == "/url"


def test_pages_and_a_most(running: Running) -> None:
    """Nothing twice, nothing left out; the twenty-first is too many."""
    made = {running.ask("POST", "/v1/webhooks", json=WANTED).json["id"] for _ in range(20)}
    seen: list[str] = []
    cursor = None
    while True:
        page = running.ask("GET", "/v1/webhooks", query_string={"limit": 7, **({"cursor": cursor} if cursor else {})}).json
        seen += [one["id"] for one in page["items"]]
        cursor = page["next"]
        if cursor is None:
            break

    assert sorted(seen) == sorted(made)
    assert running.ask("POST", "/v1/webhooks", json=WANTED).status_code == 409
    assert running.ask("POST", "/v1/webhooks", test=True, json=WANTED).status_code == 201
