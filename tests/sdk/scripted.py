"""A server that answers what a test tells it to, and remembers what it was asked."""

from __future__ import annotations

import json
from typing import Any

import httpx
from hongyan_client import Client
from hongyan_client.values import instant

NOW = instant("2026-06-01T02:00:00Z")
KEY = "hy_test_0123456789abcdef"
Answer = Any  # a response, an exception to raise, or a function of the request


class Server:
    """Gives `answers` in order; the last one for ever."""

    def __init__(self, *answers: Answer) -> None:
        self.answers = list(answers)
        self.requests: list[httpx.Request] = []
        self.slept: list[float] = []

    def __call__(self, request: httpx.Request) -> httpx.Response:
        self.requests.append(request)
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        if isinstance(answer, Exception):
            raise answer
        return answer if isinstance(answer, httpx.Response) else answer(request)

    def client(self, **options: Any) -> Client:
        """A client of this server, whose clock stands still and whose chance is one half."""
        settings = {"sleep": self.slept.append, "clock": lambda: NOW, "jitter": lambda: 0.5, **options}
        return Client("https://hongyan.test", KEY, transport=httpx.MockTransport(self), **settings)

    @property
    def bodies(self) -> list[Any]:
        """What was posted, parsed."""
        return [json.loads(request.content) for request in self.requests]

    @property
    def idempotency_keys(self) -> list[str | None]:
        """Of each request."""
        return [request.headers.get("idempotency-key") for request in self.requests]


def problem(status: int, code: str, headers: dict[str, str] | None = None, **more: Any) -> httpx.Response:
    """A refusal as the service words it."""
    body = {"type": f"urn:hongyan:problem:{code}", "title": code, "status": status, "code": code, **more}
    return httpx.Response(status, json=body, headers={"content-type": "application/problem+json", **(headers or {})})


def accepted(request: httpx.Request) -> httpx.Response:
    """An event, or all of a batch, is taken."""
    body = json.loads(request.content)
    if isinstance(body, list):
        results = [{"index": index, "id": event["id"], "status": "accepted"} for index, event in enumerate(body)]
        return httpx.Response(200, json={"results": results})
    return httpx.Response(202, json={"id": body["id"], "source": "api", "status": "accepted", "trace": f"/v1/events/api/{body['id']}"})


VERIFICATION = {"id": "v1", "status": "pending", "expires_at": "2026-06-01T02:10:00Z", "retry_after_seconds": 60, "checks_left": 5}
VERDICT = {
    "kind": "verdict", "at": "2026-06-01T02:00:00Z", "rule": "order-created", "user": "u1", "outcome": "send", "reason": "ok",
    "detail": {}, "occurrence": "e1",
}  # fmt: skip
MESSAGE = {
    "kind": "message", "at": "2026-06-01T02:00:00.5Z", "rule": "order-created", "user": "u1", "type": "notification", "channel": "sms",
    "to": "+86138****8000", "text": "订单A1已收到", "parts": 1, "cost": 0.045,
    "template": "order_created", "variant": None, "occurrence": "e1",
}  # fmt: skip
STORED_MESSAGE = {
    **MESSAGE, "id": "m1", "state": "delivered", "channel_chain": ["sms"], "receipts": [{"status": "delivered"}],
    "attempts": [{"provider": "smsc", "at": "2026-06-01T02:00:01Z", "outcome": "accepted", "code": None, "raw": 0}],
}  # fmt: skip
