"""The real `/v1` (webapp) over a service in memory, as a transport for the client."""

from __future__ import annotations

from typing import Any

import httpx

from tests.webapp.fake import Accepted, FakeService
from webapp.app import create_app

ADMIN = "hy_test_admin"


class Strict(FakeService):
    """Misses the item of an order."""

    def accept(self, env: str, lines: list[Any]) -> list[Accepted]:
        taken = super().accept(env, lines)
        return [self._missing(one) if lines[one.index].get("data") == {"order_id": "D1"} else one for one in taken]

    def _missing(self, one: Accepted) -> Accepted:
        return Accepted(one.index, one.id, one.source, "refused", "data.item: is missing", "/data/item")


class Api(httpx.BaseTransport):
    """Remembers what it was asked."""

    def __init__(self) -> None:
        self.service = Strict()
        self.seen: list[str] = []
        self._app = create_app(self.service)

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        self.seen.append(f"{request.method} {request.url.path}")
        raw_path = request.url.raw_path.decode()

        def app(environ: Any, start_response: Any) -> Any:
            # PEP 3333 wants Latin-1 here, and httpx forgets; servers also tell the address as it came.
            path = environ["PATH_INFO"].encode().decode("latin-1")
            return self._app({**environ, "PATH_INFO": path, "REQUEST_URI": raw_path, "RAW_URI": raw_path}, start_response)

        return httpx.WSGITransport(app=app).handle_request(request)
