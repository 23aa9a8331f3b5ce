"""When a request is sent again, after how long, and that it is the same request."""

from email.utils import format_datetime

import httpx
import pytest
from hongyan_client import ApiError, Conflict, HongyanError, NoAnswer, NotFound, RateLimited, ServerError

from tests.sdk.scripted import NOW, VERIFICATION, Server, accepted, problem

STARTED = httpx.Response(201, json=VERIFICATION)
RUNNING = problem(409, "idempotency_running", {"Retry-After": "1"})


def in_three_seconds() -> str:
    """As an HTTP date."""
    return format_datetime(NOW.replace(second=3), usegmt=True)


@pytest.mark.parametrize("status", [429, 502, 503, 504])
def test_passing_troubles_are_tried_again(status: int) -> None:
    """And the caller sees the good answer only."""
    server = Server(problem(status, "busy"), accepted)

    assert server.client().events.track("order.created", "u1").status == "accepted"
    assert len(server.slept) == 1


@pytest.mark.parametrize(
    "lost", [httpx.ConnectError("x"), httpx.ReadTimeout("x"), httpx.RemoteProtocolError("x"), httpx.WriteError("x")], ids=repr
)
def test_lost_connections_are_tried_again(lost: Exception) -> None:
    """An event has an identity, so it is safe."""
    server = Server(lost, accepted)

    assert server.client().events.track("order.created", "u1").status == "accepted"


@pytest.mark.parametrize(
    ("value", "least", "most"),
    [
        ("2", 2, 2.5),
        ("0", 0, 0.5),
        (in_three_seconds(), 3, 3.5),
        ("Wed, 01 Jan 2020 00:00:00 GMT", 0, 0.5),
        ("soon", 0.25, 0.5),
        ("-1", 0.25, 0.5),
    ],
)
def test_retry_after_is_honoured(value: str, least: float, most: float) -> None:
    """Seconds or a date; what is neither is not there. Never less, and at most half a second of chance more."""
    server = Server(problem(429, "rate_limited", {"Retry-After": value}), accepted)
    server.client().events.track("order.created", "u1")

    assert least <= server.slept[0] <= most


@pytest.mark.parametrize("lost", [httpx.UnsupportedProtocol("x"), httpx.LocalProtocolError("x"), httpx.DecodingError("x")], ids=repr)
def test_what_is_wrong_on_this_side_is_not_tried_again(lost: Exception) -> None:
    """It would be wrong the next time."""
    server = Server(lost)
    with pytest.raises(NoAnswer):
        server.client().users.get("u1")

    assert len(server.requests) == 1


def test_retry_after_may_stand_in_the_problem() -> None:
    """Where a proxy has taken the header away."""
    server = Server(problem(429, "throttled", retry_after_seconds=4), STARTED)
    server.client().verifications.start("+8613800138000", "login")

    assert 4 <= server.slept[0] <= 4.5


def test_nobody_waits_a_minute_unasked() -> None:
    """A long Retry-After is the caller's to wait for."""
    server = Server(problem(429, "throttled", {"Retry-After": "58"}))
    with pytest.raises(RateLimited) as limited:
        server.client().verifications.start("+8613800138000", "login")

    assert limited.value.retry_after_seconds == 58
    assert (server.slept, len(server.requests)) == ([], 1)


def test_waits_grow_and_differ() -> None:
    """Half of each wait is chance, so that many clients do not come back at once."""
    waits = []
    for jitter in (0.0, 0.999):
        server = Server(problem(503, "busy"))
        with pytest.raises(ServerError) as failed:
            server.client(retries=6, jitter=lambda jitter=jitter: jitter).events.track("order.created", "u1")
        waits.append([round(wait, 1) for wait in server.slept])

    assert waits == [[0.2, 0.5, 1, 2, 4, 4], [0.5, 1, 2, 4, 8, 8]]
    assert failed.value.attempts == 7


@pytest.mark.parametrize("status", [400, 401, 403, 404, 409, 413, 415, 422, 500])
def test_what_cannot_get_better_is_not_tried_again(status: int) -> None:
    """A refusal stays one. 500 is a defect."""
    server = Server(problem(status, "no"))
    with pytest.raises(ApiError):
        server.client().verifications.start("+8613800138000", "login")

    assert len(server.requests) == 1


def test_retries_can_be_switched_off() -> None:
    """retries=0."""
    server = Server(problem(503, "busy"))
    with pytest.raises(ServerError):
        server.client(retries=0).users.get("u1")

    assert len(server.requests) == 1


def test_every_repetition_is_the_same_request() -> None:
    """Same idempotency key, same body; another call has another key."""
    server = Server(httpx.ReadTimeout("x"), problem(502, "bad_gateway"), STARTED)
    client = server.client()
    client.verifications.start("+8613800138000", "login")
    client.verifications.start("+8613800138000", "login")

    first, second, third, other = server.idempotency_keys
    assert first == second == third != other
    assert len({request.content for request in server.requests}) == 1


def test_an_event_keeps_its_id_and_takes_no_key() -> None:
    """Its identity is in the body."""
    server = Server(httpx.ReadTimeout("x"), accepted)
    server.client().events.track("order.created", "u1")

    assert server.bodies[0] == server.bodies[1]
    assert server.idempotency_keys == [None, None]


def test_a_post_without_identity_is_sent_once() -> None:
    """Nothing public posts one; the gate is there for what comes later."""
    server = Server(httpx.ReadTimeout("x"))
    with pytest.raises(NoAnswer):
        server.client()._connection.call("POST", "/v1/odd", {})

    assert len(server.requests) == 1


def test_the_own_lost_attempt_may_still_run() -> None:
    """Its 409 means: wait. A 409 to a first attempt is a real one."""
    server = Server(httpx.ReadTimeout("x"), RUNNING, STARTED)
    server.client().verifications.start("+8613800138000", "login")

    assert 1 <= server.slept[1] <= 1.5
    with pytest.raises(Conflict):
        Server(RUNNING).client().verifications.start("+8613800138000", "login")


def test_an_erasure_whose_answer_was_lost_is_done() -> None:
    """The repetition finds nobody. Without a lost answer nobody was there."""
    assert Server(httpx.ReadTimeout("x"), problem(404, "not_found")).client().users.erase("u1") is None
    for first in (problem(404, "not_found"), httpx.ConnectError("x")):
        with pytest.raises(NotFound):
            Server(first, problem(404, "not_found")).client().users.erase("u1")


@pytest.mark.parametrize(
    ("answers", "in_doubt"),
    [
        ((httpx.ConnectError("x"),), False),
        ((problem(429, "rate_limited"),), False),
        ((httpx.ReadTimeout("x"),), True),
        ((httpx.ReadTimeout("x"), problem(429, "rate_limited")), True),
        ((problem(500, "internal"),), True),
        ((httpx.Response(200, text="<html>"),), True),
    ],
)
def test_an_error_says_whether_it_may_have_happened(answers: tuple, in_doubt: bool) -> None:
    """Also when only an earlier attempt was lost."""
    with pytest.raises(HongyanError) as error:
        Server(*answers).client().verifications.start("+8613800138000", "login")

    assert error.value.in_doubt is in_doubt
