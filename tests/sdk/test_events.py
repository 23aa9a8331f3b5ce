"""Events: what goes out, and what is known of every one of a batch whatever happens."""

import json
from collections.abc import Callable
from datetime import datetime, timedelta
from decimal import Decimal
from types import MappingProxyType

import httpx
import pytest
from hongyan_client import BatchInterrupted, Event, InvalidRequest, NoAnswer, Problem, Unauthorized

from tests.sdk.scripted import KEY, MESSAGE, NOW, VERDICT, Server, accepted, problem

NAIVE = datetime(2026, 6, 1, 10)
BEIJING = datetime.fromisoformat("2026-06-01T10:00:00.250000+08:00")


def many(count: int, size: int = 10) -> list[Event]:
    """So many events, each with so long a text."""
    return [Event("order.created", "u1", {"note": "x" * size}, id=f"e{n}", time=NOW) for n in range(count)]


def statuses(interrupted: BatchInterrupted) -> list[str]:
    """Of all events of the batch."""
    return [item.status for item in interrupted.results]


def test_track_posts_an_input_line() -> None:
    """With the key, an id and the time."""
    server = Server(accepted)
    tracked = server.client().events.track("order.created", {"id": "u1", "phone": "+8613800138000"}, {"amount": 1.5}, id="e1")
    [request] = server.requests

    assert server.bodies == [
        {
            "id": "e1", "type": "order.created", "time": "2026-06-01T02:00:00Z", "user": {"id": "u1", "phone": "+8613800138000"},
            "data": {"amount": 1.5},
        }
    ]  # fmt: skip
    assert (request.method, str(request.url)) == ("POST", "https://hongyan.test/v1/events")
    assert request.headers["authorization"] == f"Bearer {KEY}"
    assert (tracked.id, tracked.status, tracked.trace, tracked.verdicts) == ("e1", "accepted", "/v1/events/api/e1", None)


def test_wait_brings_verdicts_and_messages() -> None:
    """Typed, with instants."""
    answer = {
        "id": "e1",
        "source": "api",
        "status": "accepted",
        "trace": "/t",
        "verdicts": [VERDICT],
        "messages": [{**MESSAGE, "id": "m1"}],
    }
    server = Server(httpx.Response(200, json=answer))
    tracked = server.client().events.track("order.created", "u1", wait=True)

    assert server.requests[0].url.params["wait"] == "verdicts"
    assert [(verdict.rule, verdict.reason, verdict.at) for verdict in tracked.verdicts or ()] == [("order-created", "ok", NOW)]
    assert [(message.id, message.at) for message in tracked.messages or ()] == [("m1", NOW + timedelta(milliseconds=500))]


def test_without_an_id_each_call_is_a_new_event() -> None:
    """A broadcast has no user."""
    server = Server(accepted)
    client = server.client()
    client.events.track("weather.warning")
    client.events.track("weather.warning")

    assert server.bodies[0]["id"] != server.bodies[1]["id"]
    assert "user" not in server.bodies[0]


@pytest.mark.parametrize(
    "spoil",
    [
        lambda events: events.track("order.created", "u1", time=NAIVE),
        lambda events: events.track("order.created", "u1", {"service_at": NAIVE}),
        lambda events: events.batch([Event("order.created", "u1", time=NAIVE)]),
        lambda events: events.batch([{"type": "order.created", "data": {"nested": [NAIVE]}}]),
    ],
)
def test_naive_datetimes_are_refused(spoil: Callable) -> None:
    """Nobody knows which instant they are."""
    server = Server(accepted)
    with pytest.raises(ValueError, match="needs a time zone"):
        spoil(server.client().events)

    assert server.requests == []


def test_python_values_become_json_without_loss() -> None:
    """Instants in UTC; money as a number only where the number is the same."""
    server = Server(accepted)
    data = {"at": BEIJING, "day": BEIJING.date(), "price": Decimal("128.50"), "more": MappingProxyType({"a": (1, 2)})}
    server.client().events.track("order.created", "u1", data)

    assert server.bodies[0]["data"] == {"at": "2026-06-01T02:00:00.250000Z", "day": "2026-06-01", "price": 128.5, "more": {"a": [1, 2]}}


@pytest.mark.parametrize(
    "value", [Decimal("0.1234567890123456789"), Decimal("NaN"), float("nan"), float("inf"), {1, 2}, b"x", object(), "\ud800"]
)
def test_what_json_cannot_say_is_refused_before_sending(value: object) -> None:
    """The place in the batch is named, and the good events before it wait."""
    server = Server(accepted)
    with pytest.raises((ValueError, TypeError), match="event 1: "):
        server.client().events.batch([*many(1), {"type": "x", "data": {"v": value}}])

    assert server.requests == []


def test_a_batch_answers_for_each_event_in_order() -> None:
    """Good ones are kept when others are refused, and the refused say why."""
    fault = {"type": "urn:x", "title": "t", "status": 422, "code": "event_refused", "detail": 'no event "odd" in the book'}
    results = [
        {"index": 0, "id": "e0", "status": "accepted"},
        {"index": 1, "id": "e1", "status": "refused", "problem": fault},
        {"index": 2, "id": "e2", "status": "duplicate"},
    ]
    got = Server(httpx.Response(200, json={"results": results})).client().events.batch(many(3))

    assert [(item.index, item.id, item.status) for item in got] == [(0, "e0", "accepted"), (1, "e1", "refused"), (2, "e2", "duplicate")]
    assert got[1].problem == Problem(422, "event_refused", "t", 'no event "odd" in the book')


def test_mappings_get_an_id_and_a_time_where_they_have_none() -> None:
    """CloudEvents pass as they are."""
    server = Server(accepted)
    cloud = {
        "specversion": "1.0",
        "id": "c1",
        "source": "/shop",
        "type": "order.created",
        "time": "2026-06-01T10:00:00+08:00",
        "subject": "u1",
    }
    server.client().events.batch([{"type": "order.created", "user": "u1"}, cloud])
    [[plain, sent]] = server.bodies

    assert plain["id"]
    assert plain["time"] == "2026-06-01T02:00:00Z"
    assert sent == cloud


@pytest.mark.parametrize(
    ("count", "size", "expected"),
    [(0, 1, []), (1_000, 1, [1_000]), (1_001, 1, [1_000, 1]), (2_500, 1, [1_000, 1_000, 500]), (12, 1_000_000, [4, 4, 4])],
)
def test_batches_are_cut_to_what_a_request_may_hold(count: int, size: int, expected: list[int]) -> None:
    """1,000 events, 5 MB; indices go on."""
    server = Server(accepted)
    results = server.client().events.batch(many(count, size))

    assert [len(body) for body in server.bodies] == expected
    assert all(len(request.content) <= 5_000_000 for request in server.requests)
    assert [item.index for item in results] == list(range(count))
    assert [item.id for item in results] == [f"e{n}" for n in range(count)]


def test_a_batch_fills_its_requests_to_the_byte() -> None:
    """Neither one more nor a request too many."""
    bare = len(json.dumps(many(1, 0)[0].to_json(), separators=(",", ":")))
    room = 5_000_000 - len("[,]") - 2 * bare
    exact, over = Server(accepted), Server(accepted)
    exact.client().events.batch([*many(1, 2_000_000), *many(1, room - 2_000_000)])
    over.client().events.batch([*many(1, 2_000_000), *many(1, room - 2_000_000 + 1)])

    assert [len(request.content) for request in exact.requests] == [5_000_000]
    assert len(over.requests) == 2


def test_an_event_that_fits_no_request_is_refused_alone() -> None:
    """It would only break the connection."""
    server = Server(accepted)
    big = Event("order.created", "u1", {"note": "x" * 5_000_000}, id="big", time=NOW)
    results = server.client().events.batch([*many(1), big, *many(1)])

    assert [item.status for item in results] == ["accepted", "refused", "accepted"]
    assert results[1].problem is not None
    assert results[1].problem.code == "event_too_large"
    assert [len(body) for body in server.bodies] == [1, 1]


def test_a_proxy_with_a_smaller_limit_gets_smaller_requests() -> None:
    """nginx takes 1 MB unless told otherwise. What is too large alone is refused alone."""

    def proxy(request: httpx.Request) -> httpx.Response:
        return httpx.Response(413, text="<html>") if len(request.content) > 1_000_000 else accepted(request)

    events = [*many(7, 400_000), *many(1, 1_000_000)]
    results = Server(proxy).client().events.batch(events)

    assert [item.status for item in results] == ["accepted"] * 7 + ["refused"]
    assert [item.index for item in results] == list(range(8))


def test_a_time_out_leaves_every_events_state_known() -> None:
    """Those before are accepted, those of the lost request unknown, those after not sent."""
    server = Server(accepted, httpx.ReadTimeout("x"))
    with pytest.raises(BatchInterrupted) as stopped:
        server.client(retries=2).events.batch(many(2_100))
    interrupted = stopped.value

    assert statuses(interrupted) == ["accepted"] * 1_000 + ["unknown"] * 1_000 + ["not_sent"] * 100
    assert isinstance(interrupted.__cause__, NoAnswer)
    assert (interrupted.attempts, interrupted.in_doubt, len(server.requests)) == (3, True, 4)
    assert str(interrupted) == "1100 of 2100 events without a result: ReadTimeout: no answer from hongyan.test"


def test_the_unfinished_can_be_sent_again_as_they_are() -> None:
    """With the ids and times of the first time, also where those were filled in."""
    server = Server(httpx.ReadTimeout("x"), accepted)
    client = server.client(retries=0)
    with pytest.raises(BatchInterrupted) as stopped:
        client.events.batch([{"type": "order.created", "user": "u1"}, Event("order.created", "u2")])
    results = client.events.batch(stopped.value.unfinished)

    assert [item.status for item in results] == ["accepted", "accepted"]
    assert server.bodies[0] == server.bodies[1]


@pytest.mark.parametrize(
    ("answers", "state"),
    [((httpx.ConnectError("x"),), "not_sent"), ((problem(401, "not_authenticated"),), "not_sent"), ((problem(500, "internal"),), "unknown"),
     ((httpx.ReadTimeout("x"), problem(429, "rate_limited", {"Retry-After": "60"})), "unknown")],
)  # fmt: skip
def test_only_what_may_have_arrived_is_unknown(answers: tuple, state: str) -> None:
    """A refusal of the whole request kept nothing."""
    with pytest.raises(BatchInterrupted) as stopped:
        Server(*answers).client().events.batch(many(2))

    assert statuses(stopped.value) == [state, state]


def test_the_reason_of_an_interruption_is_its_cause() -> None:
    """For those who act on it."""
    with pytest.raises(BatchInterrupted) as stopped:
        Server(problem(401, "not_authenticated")).client().events.batch(many(2))

    assert isinstance(stopped.value.__cause__, Unauthorized)


@pytest.mark.parametrize(
    "results", [[], [{"index": 1, "id": "e0", "status": "accepted"}], [{"index": 0, "id": "e0", "status": "accepted"}] * 2, None]
)
def test_results_that_do_not_fit_the_events_are_not_believed(results: object) -> None:
    """Nobody's event is called accepted because another one was."""
    with pytest.raises(BatchInterrupted) as stopped:
        Server(httpx.Response(200, json={"results": results})).client().events.batch(many(1))

    assert statuses(stopped.value) == ["unknown"]


def test_an_event_is_the_same_whenever_it_is_sent() -> None:
    """Identity and time are settled when it is made."""
    server = Server(accepted)
    client, event = server.client(), Event("order.created", "u1")
    client.events.batch([event])
    client.events.batch([event])

    assert server.bodies[0] == server.bodies[1]
    assert Event("order.created").id != event.id


def test_what_is_no_event_is_refused() -> None:
    """A text, most often a line of a file."""
    with pytest.raises(TypeError, match="an event is an Event or a mapping, not str"):
        Server(accepted).client().events.batch(["{}"])  # type: ignore[list-item]


def test_a_single_event_refused_raises() -> None:
    """With the server's pointers."""
    with pytest.raises(InvalidRequest):
        Server(problem(422, "event_refused")).client().events.track("odd", "u1")
