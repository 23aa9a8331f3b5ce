"""No key, number, code or body in logs, errors or reprs."""

import json
import logging
import threading
import traceback
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import httpx
import pytest
from hongyan_client import BatchInterrupted, Client, Event, HongyanError, Message, User

from tests.sdk.scripted import KEY, STORED_MESSAGE, VERIFICATION, Server, problem

PHONE, CODE, WORD = "+8613800138000", "493817", "日常保洁"
SECRETS = (KEY, KEY[8:], PHONE, PHONE[3:], CODE, WORD)


class Moody(BaseHTTPRequestHandler):
    """A real server that fails every other time, and repeats the request in its page."""

    failed = False

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["content-length"]))
        Moody.failed = not Moody.failed
        answer = b"<html>" + body if Moody.failed else json.dumps({**VERIFICATION, "note": CODE}).encode()
        self.send_response(503 if Moody.failed else 200)
        self.send_header("content-length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)

    def log_message(self, *_: object) -> None:
        """Not on the terminal."""


@pytest.fixture
def url() -> Iterator[str]:
    """Of the moody server."""
    with ThreadingHTTPServer(("127.0.0.1", 0), Moody) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


def test_nothing_personal_is_logged(url: str, caplog: pytest.LogCaptureFixture) -> None:
    """With every logger at its most talkative, httpx and httpcore included, over a real connection."""
    caplog.set_level(logging.DEBUG)
    with Client(url, KEY, sleep=lambda _: None, transport=httpx.HTTPTransport()) as client:
        client.verifications.start(PHONE, "login")
        client.verifications.check("v1", CODE)
        client.verifications.check_by(phone=PHONE, purpose="login", code=CODE)
    logged = "\n".join(f"{record.getMessage()} {record.args}" for record in caplog.records)

    assert "attempt 1, again in" in logged
    assert [secret for secret in SECRETS if secret in logged] == []


def test_the_log_of_a_repetition_names_no_user(caplog: pytest.LogCaptureFixture) -> None:
    """Only the kind of thing."""
    caplog.set_level(logging.INFO, "hongyan_client")
    server = Server(problem(503, "busy"), httpx.Response(200, json={"id": "u1"}))
    server.client().users.get("somebody")

    assert [record.getMessage() for record in caplog.records if record.name == "hongyan_client"] == [
        "GET /v1/users: 503 busy; attempt 1, again in 0.4 s"
    ]


@pytest.mark.parametrize(
    "answer",
    [httpx.ReadTimeout("x"), problem(500, "internal"), httpx.Response(502, text=PHONE + CODE), httpx.Response(200, text=PHONE)],
    ids=repr,
)
def test_no_error_repeats_the_request(answer: object) -> None:
    """Nor the answer's body: not in its text, its repr, nor a whole traceback with its causes."""
    client = Server(answer).client(retries=0)  # type: ignore[arg-type]
    calls = (
        lambda: client.verifications.check_by(phone=PHONE, purpose="login", code=CODE),
        lambda: client.events.track("order.created", {"phone": PHONE}, {"item": WORD}),
        lambda: client.events.batch([Event("order.created", {"phone": PHONE}, {"item": WORD})]),
    )
    for call in calls:
        with pytest.raises(HongyanError) as error:
            call()
        shown = "".join(traceback.format_exception(type(error.value), error.value, error.value.__traceback__)) + repr(error.value)

        assert [secret for secret in SECRETS if secret in shown] == []


def test_reprs_are_harmless() -> None:
    """Of the client, of events and of results."""
    message = Message.from_json({**STORED_MESSAGE, "to": PHONE, "text": f"{WORD} {CODE}"})
    user = User.from_json({"id": "u1", "phone": PHONE, "attributes": {"x": WORD}})
    event = Event("order.created", {"phone": PHONE}, {"item": WORD})
    interrupted = BatchInterrupted([], [event.to_json()], "why")
    shown = repr((Server(httpx.Response(200)).client(), message, user, event, interrupted))

    assert [secret for secret in SECRETS if secret in shown] == []
    assert "Client('https://hongyan.test', hy_test_…)" in shown
