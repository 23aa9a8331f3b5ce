"""Events in: one, waiting for verdicts, batches in every form, sources that are addresses."""

from urllib.parse import quote

import orjson
import pytest

from tests.webapp.conftest import Ask
from tests.webapp.fake import AT, FakeService
from tests.webapp.requests import EVENT

CLOUD = {
    "specversion": "1.0",
    "id": "e1",
    "source": "https://shop.example/orders",
    "type": "order.created",
    "time": AT,
    "subject": "u1",
    "data": {},
}
LINES = orjson.dumps(EVENT) + b"\n\n{\n" + orjson.dumps({**EVENT, "id": "e2"}) + b"\r\n" + orjson.dumps({**EVENT, "type": "unknown"})


def test_accepted_then_duplicate(ask: Ask) -> None:
    """202 both times, with the same trace."""
    first, second = (ask("POST", "/v1/events", "ingest", json=EVENT) for _ in range(2))

    assert first.json == {"id": "e1", "source": "api", "status": "accepted", "trace": "/v1/events/api/e1"}
    assert second.json == {**first.json, "status": "duplicate"}
    assert first.status_code == second.status_code == 202


def test_waiting_for_verdicts(ask: Ask, service: FakeService) -> None:
    """With them once decided, without them after the time-out."""
    decided = ask("POST", "/v1/events?wait=verdicts", json=EVENT)
    service.decides = False
    late = ask("POST", "/v1/events?wait=verdicts", json=EVENT)

    assert [len(decided.json[name]) for name in ("verdicts", "messages")] == [1, 1]
    assert set(late.json) == {"id", "source", "status", "trace"}


def test_a_source_that_is_an_address(ask: Ask) -> None:
    """CloudEvents have URIs as sources; the trace leads there."""
    trace = ask("POST", "/v1/events", json=CLOUD, content_type="application/cloudevents+json").json["trace"]

    assert trace == f"/v1/events/{quote(CLOUD['source'], safe='')}/e1"
    assert ask("GET", trace).json["event"] == CLOUD


@pytest.mark.parametrize("id_", ["a/b", "a%2Fb", "a b", "单", "..", ".", "a?b#c", "a+b", "//"])
def test_any_id_is_found_again(ask: Ask, id_: str) -> None:
    """Percent-encoded once, decoded once."""
    trace = ask("POST", "/v1/events", json={**EVENT, "id": id_}).json["trace"]

    if id_ in (".", ".."):  # clients remove these from an address before they send it
        return
    assert ask("GET", trace).json["event"]["id"] == id_


@pytest.mark.parametrize("media_type", ["application/x-ndjson", "application/jsonl", "application/x-jsonlines"])
def test_lines_are_judged_one_by_one(ask: Ask, media_type: str) -> None:
    """The good ones are kept; blank lines do not count."""
    results = ask("POST", "/v1/events/batch", data=LINES, content_type=media_type).json["results"]

    assert [(one["index"], one["id"], one["status"]) for one in results] == [
        (0, "e1", "accepted"),
        (1, None, "refused"),
        (2, "e2", "accepted"),
        (3, "e1", "refused"),
    ]
    assert [one.get("problem", {}).get("code") for one in results] == [None, "event_refused", None, "event_refused"]


@pytest.mark.parametrize("media_type", ["application/json", "application/cloudevents-batch+json"])
def test_a_list_is_judged_item_by_item(ask: Ask, media_type: str) -> None:
    """In order; what is no object is refused alone."""
    body = orjson.dumps([CLOUD, 5, EVENT, EVENT])

    results = ask("POST", "/v1/events/batch", data=body, content_type=media_type).json["results"]

    assert [one["status"] for one in results] == ["accepted", "refused", "accepted", "duplicate"]


def test_an_empty_batch_is_fine(ask: Ask) -> None:
    """No events, no results."""
    assert ask("POST", "/v1/events/batch", json=[]).json == {"results": []}


def test_users_in_a_batch(ask: Ask) -> None:
    """The same for users."""
    results = ask("POST", "/v1/users/batch", json=[{"id": "u1"}, {"id": "u2", "timezone": "Mars"}, {}]).json["results"]

    assert [(one["status"], one.get("problem", {}).get("code")) for one in results] == [
        ("accepted", None),
        ("refused", "user_refused"),
        ("refused", "user_refused"),
    ]
