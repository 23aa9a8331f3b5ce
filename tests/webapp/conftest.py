"""The web over a service in memory."""

from collections.abc import Callable
from typing import Any

import pytest
from flask import Flask
from werkzeug.test import TestResponse

from tests.webapp.conforming import ConformingClient
from tests.webapp.fake import FakeService
from webapp.app import create_app

Ask = Callable[..., TestResponse]


@pytest.fixture
def service() -> FakeService:
    return FakeService()


@pytest.fixture
def app(service: FakeService) -> Flask:
    app = create_app(service)
    app.test_client_class = ConformingClient
    return app


@pytest.fixture
def ask(app: Flask) -> Ask:
    """`ask("GET", "/v1/messages", "viewer", json=...)`: every answer is held against the document."""
    client = app.test_client()

    def ask(method: str, address: str, role: str | None = "admin", *, test: bool = False, **kwargs: Any) -> TestResponse:
        headers = dict(kwargs.pop("headers", {}))
        if role is not None:
            headers["Authorization"] = f"Bearer hy_{'test' if test else 'live'}_{role}"
        return client.open(address, method=method, headers=headers, **kwargs)

    return ask
