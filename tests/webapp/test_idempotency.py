"""Idempotency-Key: the stored answer, another body, one that still runs."""

import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from flask import Flask

from engine.store.store import Store
from tests.webapp.conforming import OPERATIONS
from tests.webapp.conftest import Ask
from tests.webapp.fake import PHONE, FakeService
from tests.webapp.requests import BEFORE, GOOD
from webapp.idempotency import Answers, MemoryAnswers, Stored, StoredAnswers
from webapp.problems import Problem

START = {"phone": PHONE, "purpose": "login"}
KEY = {"Idempotency-Key": "k1"}
TAKES_KEY = sorted(id for id, operation in OPERATIONS.items() if operation.takes_idempotency_key)


def test_the_same_request_gets_the_stored_answer(ask: Ask, service: FakeService) -> None:
    """And nothing happens twice."""
    first, second = (ask("POST", "/v1/verifications", json=START, headers=KEY) for _ in range(2))

    assert first.data == second.data
    assert (first.status_code, second.status_code) == (201, 201)
    assert len(service.verifications) == 1


def test_without_a_key_it_happens_again(ask: Ask, service: FakeService) -> None:
    """The header is a choice."""
    for _ in range(2):
        ask("POST", "/v1/verifications", json=START)

    assert len(service.verifications) == 2


@pytest.mark.parametrize(
    ("address", "body"),
    [("/v1/verifications", {**START, "purpose": "pay"}), ("/v1/cancellations", {"rule": "r", "key": "k"})],
)
def test_another_request_is_refused(ask: Ask, address: str, body: dict[str, Any]) -> None:
    """Another body, or another address."""
    ask("POST", "/v1/verifications", json=START, headers=KEY)

    response = ask("POST", address, json=body, headers=KEY)

    assert (response.status_code, response.json["code"]) == (422, "idempotency_mismatch")


def test_one_that_still_runs_is_a_conflict(app: Flask, ask: Ask, service: FakeService, monkeypatch: pytest.MonkeyPatch) -> None:
    """409 with Retry-After; afterwards the stored answer."""
    started, go_on = threading.Event(), threading.Event()

    def slow(env: str, rule: str, key: str) -> dict[str, int]:
        started.set()
        assert go_on.wait(10)
        return {"timers": 1, "messages": 0}

    monkeypatch.setattr(service, "cancel", slow)
    body = {"rule": "r", "key": "k"}
    first: list[Any] = []
    thread = threading.Thread(target=lambda: first.append(ask("POST", "/v1/cancellations", json=body, headers=KEY)))
    thread.start()
    assert started.wait(10)

    during = ask("POST", "/v1/cancellations", json=body, headers=KEY)
    go_on.set()
    thread.join()
    after = ask("POST", "/v1/cancellations", json=body, headers=KEY)

    assert (during.status_code, during.json["code"], during.headers["Retry-After"]) == (409, "idempotency_running", "1")
    assert after.data == first[0].data


def test_keys_of_others_are_others(ask: Ask, service: FakeService) -> None:
    """Of another API key, of the test environment."""
    ask("POST", "/v1/verifications", "ingest", json=START, headers=KEY)
    ask("POST", "/v1/verifications", "ingest", json={**START, "purpose": "pay"}, headers=KEY, test=True)
    ask("POST", "/v1/verifications", "admin", json={**START, "purpose": "buy"}, headers=KEY)

    assert len(service.verifications) == 3


def test_what_was_refused_stays_refused_but_not_what_may_go_better(ask: Ask, service: FakeService) -> None:
    """404 is stored; 429 is not."""
    stopped = [ask("POST", "/v1/campaigns/none/stop", headers=KEY).json for _ in range(2)]
    throttled = {**START, "purpose": "throttled"}
    tries = [ask("POST", "/v1/verifications", json=throttled, headers={"Idempotency-Key": "k2"}).status_code for _ in range(2)]

    assert stopped[0] == stopped[1]
    assert tries == [429, 429]


def test_an_invalid_request_does_not_use_up_the_key(ask: Ask) -> None:
    """It was never run."""
    assert ask("POST", "/v1/verifications", json={}, headers=KEY).status_code == 422
    assert ask("POST", "/v1/verifications", json=START, headers=KEY).status_code == 201


@pytest.mark.parametrize("key", ["", "ü", "a b", "x" * 256])
def test_a_key_is_visible_ascii(ask: Ask, key: str) -> None:
    """1 to 255 characters."""
    response = ask("POST", "/v1/verifications", json=START, headers={"Idempotency-Key": key})

    assert (response.status_code, response.json["errors"][0]["parameter"]) == (422, "Idempotency-Key")


@pytest.mark.parametrize("operation", TAKES_KEY)
def test_every_post_but_events_takes_a_key(ask: Ask, operation: str) -> None:
    """The second answer is the first, but for a secret, which is shown once."""
    for before in BEFORE.get(operation, ()):
        ask(OPERATIONS[before].method, GOOD[before][0], json=GOOD[before][1])
    address, body = GOOD[operation]
    more = {} if body is None else {"json": body}

    first, second = (ask("POST", address, headers=KEY, **more) for _ in range(2))

    assert first.status_code == second.status_code
    if "secret" in first.json:
        assert {**first.json, "secret": None} == second.json
    else:
        assert first.data == second.data


def test_which_posts_take_no_key() -> None:
    """Events have an identity of their own; providers send none."""
    others = {id for id, operation in OPERATIONS.items() if operation.method == "POST"} - set(TAKES_KEY)

    assert others == {"postEvent", "postEvents", "receiveReceipts", "receiveInbound"}


def test_an_erased_user_is_forgotten(ask: Ask, app: Flask) -> None:
    """Stored answers that name the person are gone."""
    body = [{"id": "u1"}]
    ask("POST", "/v1/users/batch", json=body, headers=KEY)
    ask("DELETE", "/v1/users/u1")

    assert ask("POST", "/v1/users/batch", json=[{"id": "u9"}], headers=KEY).status_code == 200


# ---- both kinds of memory ---------------------------------------------------------------------------------------------------------------


@pytest.fixture(params=["memory", "stored"])
def answers(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Answers]:
    if request.param == "memory":
        yield MemoryAnswers(lambda: 0.0)
        return
    store = Store(f"sqlite:///{tmp_path / 'hongyan.db'}")
    store.migrate()
    yield StoredAnswers(store, lambda: 0)
    store.close()


def code_of(work: Callable[[], object]) -> str:
    with pytest.raises(Problem) as caught:
        work()
    return caught.value.code


def test_both_memories_keep_the_contract(answers: Answers) -> None:
    """New, running, other, done, abandoned."""
    owner, other = ("live", "shop"), ("test", "shop")
    done = Stored(201, b'{"id":"1"}', "application/json")

    assert answers.begin(owner, "k", b"a") is None
    assert code_of(lambda: answers.begin(owner, "k", b"a")) == "idempotency_running"
    assert code_of(lambda: answers.begin(owner, "k", b"b")) == "idempotency_mismatch"
    assert answers.begin(other, "k", b"b") is None
    answers.finish(owner, "k", done)
    assert answers.begin(owner, "k", b"a") == done
    answers.abandon(other, "k")
    assert answers.begin(other, "k", b"c") is None


def test_memory_forgets_what_is_old_or_too_much() -> None:
    """The oldest first; what runs stays."""
    now = 0.0
    answers = MemoryAnswers(lambda: now, keep_seconds=10, max_bytes=15)
    owner = ("live", "shop")
    for key in ("a", "b"):
        answers.begin(owner, key, b"1")
        answers.finish(owner, key, Stored(200, b"x" * 10, "application/json"))
    answers.begin(owner, "c", b"1")

    assert answers.begin(owner, "a", b"2") is None
    now = 20.0
    assert answers.begin(owner, "b", b"2") is None
    assert code_of(lambda: answers.begin(owner, "c", b"1")) == "idempotency_running"
