"""Limits: sizes, and requests per key."""

import orjson
import pytest

from tests.webapp.conforming import ConformingClient
from tests.webapp.conftest import Ask
from tests.webapp.fake import FakeService
from tests.webapp.requests import EVENT
from webapp.app import create_app
from webapp.limits import MAX_BATCH, MAX_BODY_BYTES, MAX_EVENT_BYTES, Buckets, Quota


def event_of(size: int, id_: str = "e1") -> bytes:
    empty = len(orjson.dumps({**EVENT, "id": id_, "data": {"x": ""}}))
    return orjson.dumps({**EVENT, "id": id_, "data": {"x": "x" * (size - empty)}})


@pytest.mark.parametrize(("size", "status"), [(MAX_EVENT_BYTES, 202), (MAX_EVENT_BYTES + 1, 413)])
def test_an_event_has_32_kb(ask: Ask, size: int, status: int) -> None:
    """Exactly."""
    assert ask("POST", "/v1/events", data=event_of(size), content_type="application/json").status_code == status


@pytest.mark.parametrize("form", ["application/json", "application/jsonl"])
def test_an_event_of_a_batch_has_32_kb(ask: Ask, form: str) -> None:
    """The others are kept."""
    events = [event_of(MAX_EVENT_BYTES), event_of(MAX_EVENT_BYTES + 1, "e2")]
    body = b"[" + b",".join(events) + b"]" if form == "application/json" else b"\n".join(events)

    results = ask("POST", "/v1/events/batch", data=body, content_type=form).json["results"]

    assert [one["status"] for one in results] == ["accepted", "refused"]


@pytest.mark.parametrize(("number", "status"), [(MAX_BATCH, 200), (MAX_BATCH + 1, 413)])
@pytest.mark.parametrize("form", ["application/json", "application/jsonl"])
def test_a_batch_has_1000_events(ask: Ask, number: int, status: int, form: str) -> None:
    """Exactly."""
    body = b"[" + b",".join([b"{}"] * number) + b"]" if form == "application/json" else b"{}\n" * number

    assert ask("POST", "/v1/events/batch", data=body, content_type=form).status_code == status


def test_a_batch_has_5_mb(ask: Ask) -> None:
    """Also for what is no JSON at all: it is not read."""
    assert ask("POST", "/v1/events/batch", data=b" " * (MAX_BODY_BYTES + 1), content_type="application/json").status_code == 413


def test_an_empty_bucket_refuses_until_it_fills() -> None:
    """429 with the time, headers that add up, another key is not touched."""
    app = create_app(FakeService(), quotas={role: Quota(0.5, 3) for role in ("viewer", "admin")})
    app.test_client_class = ConformingClient
    client = app.test_client()

    answers = [client.get("/v1/messages/m1", headers={"Authorization": "Bearer hy_live_viewer"}) for _ in range(4)]
    other = client.get("/v1/messages/m1", headers={"Authorization": "Bearer hy_live_admin"})

    assert [one.status_code for one in answers] == [200, 200, 200, 429]
    assert [one.headers["RateLimit"] for one in answers] == ['"key";r=2;t=2', '"key";r=1;t=4', '"key";r=0;t=6', '"key";r=0;t=6']
    assert {one.headers["RateLimit-Policy"] for one in answers} == {'"key";q=3;w=6'}
    assert (answers[3].json["code"], answers[3].headers["Retry-After"]) == ("rate_limited", "2")
    assert other.status_code == 200


def test_a_bucket_fills_with_time() -> None:
    """By its rate, to its brim."""
    now = 0.0
    buckets = Buckets({"viewer": Quota(1, 2)}, lambda: now)
    drawn = [buckets.take("a", "viewer", False).granted for _ in range(3)]
    now = 1.0
    drawn += [buckets.take("a", "viewer", False).granted for _ in range(2)]
    now = 100.0
    drawn += [buckets.take("a", "viewer", False).granted for _ in range(3)]

    assert drawn == [True, True, False, True, False, True, True, False]
