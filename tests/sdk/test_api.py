"""The client and the real API understand each other: every call, through all of webapp's checks of requests."""

from __future__ import annotations

from itertools import islice
from pathlib import Path

import pytest
from hongyan_client import Client, Event, Forbidden, InvalidRequest, NotFound, RateLimited, Unauthorized

from tests.sdk.api import ADMIN, Api
from tests.sdk.scripted import NOW

O2O = Path(__file__).parents[2] / "rules" / "books" / "o2o"
PHONE = "+8613800138000"


@pytest.fixture
def api() -> Api:
    return Api()


@pytest.fixture
def client(api: Api) -> Client:
    return Client("https://hongyan.test", ADMIN, transport=api)


def test_events(client: Client) -> None:
    """Once, again, and waited for."""
    first = client.events.track("order.created", {"id": "u1", "phone": PHONE}, {"order_id": "A1"}, id="e1", time=NOW)
    again = client.events.track("order.created", "u1", id="e1", source="api", wait=True)

    assert (first.status, first.verdicts, again.status) == ("accepted", None, "duplicate")
    assert [verdict.rule for verdict in again.verdicts or ()] == ["order-created"]
    assert [message.id for message in again.messages or ()] == ["m1"]


def test_a_refused_event_points_at_its_fault(client: Client) -> None:
    """As the service worded it, through problem+json."""
    with pytest.raises(InvalidRequest) as refused:
        client.events.track("order.created", "u1", {"order_id": "D1"})

    assert refused.value.code == "event_refused"
    assert [fault.pointer for fault in refused.value.errors] == ["/data/item"]


def test_a_batch(client: Client) -> None:
    """Accepted, refused and duplicate side by side, over more than one request."""
    odd = {"type": "unknown", "id": "odd"}
    big = {"type": "order.created", "id": "big", "data": {"note": "x" * 40_000}}
    cloud = {
        "specversion": "1.0",
        "id": "c1",
        "source": "/shop",
        "type": "order.created",
        "time": "2026-06-01T10:00:00+08:00",
        "subject": "u1",
    }
    good = [Event("order.created", "u1", id=f"e{n}", time=NOW) for n in range(1_000)]
    results = client.events.batch([odd, big, cloud, *good, good[0]])

    assert [item.status for item in results] == ["refused", "refused", "accepted", *["accepted"] * 1_000, "duplicate"]
    assert [item.index for item in results] == list(range(1_004))
    assert results[0].problem is not None
    assert (results[0].problem.code, results[0].problem.status) == ("event_refused", 422)


def test_codes(client: Client) -> None:
    """Sent, wrong, right; by person; none at all; too soon."""
    started = client.verifications.start(PHONE, "login", ip="203.0.113.7", device_id="d1")

    assert client.verifications.check(started.id, "000000").status == "pending"
    assert client.verifications.check(started.id, "123456").approved
    assert client.verifications.check_by(phone=PHONE, purpose="login", code="123456").approved
    assert client.verifications.check_by(user="nobody", purpose="login", code="123456").id is None
    with pytest.raises(NotFound):
        client.verifications.check("none", "123456")
    with pytest.raises(InvalidRequest):
        client.verifications.check(started.id, "12a")
    with pytest.raises(RateLimited) as limited:
        client.verifications.start(PHONE, "throttled")
    assert limited.value.retry_after_seconds == 42


def test_the_callers_idempotency_key_brings_the_stored_answer(client: Client) -> None:
    """And belongs to one request."""
    first = client.verifications.start(PHONE, "login", idempotency_key="signup-7")

    assert client.verifications.start(PHONE, "login", idempotency_key="signup-7") == first
    with pytest.raises(InvalidRequest) as other:
        client.verifications.start(PHONE, "pay", idempotency_key="signup-7")
    assert other.value.code == "idempotency_mismatch"


def test_users(client: Client) -> None:
    """Put, read, refused, erased."""
    put = client.users.put("门店/u 1", PHONE, "Asia/Shanghai", "zh_CN", {"city": "上海"}, ["marketing"])

    assert client.users.get("门店/u 1") == put
    assert (put.id, put.attributes, put.phone) == ("门店/u 1", {"city": "上海"}, PHONE)
    with pytest.raises(InvalidRequest):
        client.users.put("u2", timezone="Mars")
    client.users.erase("门店/u 1")
    with pytest.raises(NotFound):
        client.users.erase("门店/u 1")


def test_messages(client: Client) -> None:
    """All pages; filters arrive."""
    assert [message.id for message in client.messages.list(user="u1", state="queued", page_size=100)] == [f"m{n}" for n in range(250)]
    assert len(list(islice(client.messages.list(), 5))) == 5
    assert client.messages.get("m1").attempts[0].provider == "capture"


def test_a_simulation(client: Client) -> None:
    """Of the O2O book; a line that is no event is named."""
    events = [Event("order.created", "u1", {"order_id": "A1", "item": "日常保洁", "amount": 9}, id="e1", time=NOW), {"type": "odd"}]
    result = client.simulations.run(O2O, events, [{"id": "u1", "phone": PHONE}], since=NOW, until=NOW, verdicts=True)

    assert [message.rule for message in result.messages] == ["order-created"]
    assert ("order-created", "send") in {(verdict.rule, verdict.outcome) for verdict in result.verdicts}
    assert [(line.input, line.index) for line in result.refused] == [("events", 1)]


@pytest.mark.parametrize(("key", "kind"), [("hy_live_nobody", Unauthorized), ("hy_live_ingest", Forbidden)])
def test_keys_and_roles(api: Api, key: str, kind: type[Exception]) -> None:
    """Unknown, or not allowed."""
    with pytest.raises(kind):
        Client("https://hongyan.test", key, transport=api).simulations.run(None, [])
