"""Errors: the right class, everything the server said, nothing that is secret."""

import pickle

import httpx
import pytest
from hongyan_client import (
    ApiError,
    BatchInterrupted,
    BatchItem,
    Client,
    Conflict,
    FieldError,
    Forbidden,
    InvalidRequest,
    NotFound,
    RateLimited,
    ServerError,
    Unauthorized,
    UnexpectedAnswer,
)

from tests.sdk.scripted import KEY, Server, problem

KINDS = {
    400: InvalidRequest, 401: Unauthorized, 403: Forbidden, 404: NotFound, 405: InvalidRequest, 409: Conflict, 413: InvalidRequest,
    422: InvalidRequest, 429: RateLimited, 500: ServerError, 503: ServerError,
}  # fmt: skip


@pytest.mark.parametrize(("status", "kind"), KINDS.items())
def test_each_status_has_its_class(status: int, kind: type) -> None:
    """All of them are ApiError."""
    with pytest.raises(ApiError) as error:
        Server(problem(status, "some_code")).client(retries=0).users.get("u1")

    assert type(error.value) is kind
    assert (error.value.status, error.value.code) == (status, "some_code")


def test_a_problem_is_read_whole() -> None:
    """Detail, places, and members of this problem alone."""
    errors = [{"message": 'must be a number, got "12"', "pointer": "/data/amount"}, {"message": "unknown", "parameter": "wait"}]
    answer = problem(422, "event_refused", detail="order.created: two faults", errors=errors, findings=[{"code": "x"}])
    with pytest.raises(InvalidRequest) as refused:
        Server(answer).client().events.track("order.created", "u1")
    error = refused.value

    assert error.errors == (FieldError('must be a number, got "12"', "/data/amount"), FieldError("unknown", None, "wait"))
    assert error.problem.more == {"findings": [{"code": "x"}]}
    assert str(error) == '422 event_refused: order.created: two faults (/data/amount: must be a number, got "12"; wait: unknown)'


@pytest.mark.parametrize("body", [b"<html>Bad Gateway</html>", b"", b'["x"]', b'{"error": "x"}', b"\xff"])
def test_a_proxys_own_page_is_an_error_too(body: bytes) -> None:
    """The status is all there is; its text is not repeated."""
    with pytest.raises(ServerError) as error:
        Server(httpx.Response(502, content=body)).client(retries=0).users.get("u1")

    assert str(error.value) == "502 http_502: Bad Gateway"


@pytest.mark.parametrize("odd", [{"errors": "x"}, {"errors": [1, {"pointer": 5}]}, {"detail": 7}, {"status": "x"}, {"code": None}])
def test_an_odd_problem_is_still_one(odd: dict) -> None:
    """An error about an error helps nobody."""
    with pytest.raises(InvalidRequest):
        Server(httpx.Response(422, json={"code": "invalid", **odd})).client().users.get("u1")


@pytest.mark.parametrize(
    "answer",
    [httpx.Response(302, headers={"location": "https://login.example"}), httpx.Response(200, text="hello"), httpx.Response(200, json=[]),
     httpx.Response(200, json={"id": 5}), httpx.Response(204)],
)  # fmt: skip
def test_what_is_not_this_api_is_said_so(answer: httpx.Response) -> None:
    """And a redirect is not followed: it would carry the key away."""
    server = Server(answer)
    with pytest.raises(UnexpectedAnswer):
        server.client().users.get("u1")

    assert len(server.requests) == 1


def test_errors_survive_pickling() -> None:
    """Task queues and process pools do that to them."""
    with pytest.raises(RateLimited) as error:
        Server(problem(429, "throttled", {"Retry-After": "58"}, detail="too often")).client().users.get("u1")
    again = pickle.loads(pickle.dumps(error.value))
    batch = pickle.loads(pickle.dumps(BatchInterrupted([BatchItem(0, "e", "unknown")], [{"id": "e"}], "why")))

    assert (type(again), str(again), again.retry_after_seconds, again.attempts) == (RateLimited, str(error.value), 58, 1)
    assert (batch.results, batch.unfinished, str(batch)) == (
        (BatchItem(0, "e", "unknown"),), ({"id": "e"},), "1 of 1 events without a result: why",
    )  # fmt: skip


@pytest.mark.parametrize("key", ["", "hy_live_a\n", " hy_live_a", "hy_live_鸿", "hy live"])
def test_a_key_that_no_header_takes_is_refused_and_not_shown(key: str) -> None:
    """Most often a file read with its line end."""
    with pytest.raises(ValueError, match="the key is empty, or") as error:
        Client("https://hongyan.test", key)

    assert not key.strip() or key.strip() not in str(error.value)


@pytest.mark.parametrize(
    "url", ["", "hongyan.test", "ftp://hongyan.test", "https://user:pw@hongyan.test", "https://h.test?x=1", "https://h:port"]
)
def test_a_base_url_that_cannot_work_is_refused(url: str) -> None:
    """At once, not with the first request."""
    with pytest.raises(ValueError, match="base_url"):
        Client(url, KEY)


def test_a_base_url_may_have_a_path() -> None:
    """Behind a gateway; with or without a slash at its end."""
    for url in ("https://h.test/hongyan", "https://h.test/hongyan/"):
        server = Server(problem(404, "not_found"))
        with pytest.raises(NotFound), Client(url, KEY, transport=httpx.MockTransport(server)) as client:
            client.users.get("u1")

        assert str(server.requests[0].url) == "https://h.test/hongyan/v1/users/u1"
