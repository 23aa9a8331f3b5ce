"""What the console's tests share: a service with the O2O book, people of every role, and short ways to ask as one of them."""

from __future__ import annotations

import re
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from cheroot import wsgi
from flask import Flask
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from engine.runtime.campaigns import CampaignSettings
from engine.runtime.clock import Clock, TestClock
from engine.runtime.desk import INLINE
from engine.runtime.gates import Gates
from engine.runtime.service import Service
from engine.store import books
from engine.store.store import Store
from webapp.app import create_app
from webapp.idempotency import StoredAnswers

ROLES = ("viewer", "qa", "editor", "publisher", "admin")
PASSWORD = "correct horse"
O2O = Path(__file__).resolve().parents[2] / "rules" / "books" / "o2o"
START = int(datetime(2026, 6, 16, 2, 0, tzinfo=UTC).timestamp()) * 1_000_000  # Tuesday, 10:00 in Shanghai
PRICES = {"sms": {"CN": 0.045}, "video_sms": {"CN": 0.2}, "caller_card": {"CN": 0.1}}
_TOKEN = re.compile(r'name="csrf-token" content="([^"]+)"')


# The same text says the same: what one test has had checked and compiled, the next need not.
_GATES = Gates()
_COMPILED: dict[str, dict[Any, Any]] = {}


def _compiled_once(service: Service) -> dict[Any, Any]:
    """The first version, compiled, by its digest: versions of other texts are compiled by each service."""
    with service.store.read() as tx:
        first = books.get(tx, 1)
    assert first is not None
    if first.digest not in _COMPILED:
        service.book()
        _COMPILED[first.digest] = {key: book for key, book in service.books._compiled.items() if key[0] == 1}
    return _COMPILED[first.digest]


def o2o() -> dict[str, str]:
    """The files of the book that ships."""
    return {str(path.relative_to(O2O)): path.read_text("utf-8") for path in sorted(O2O.rglob("*.yaml"))}


class Person:
    """Somebody who has signed in, and asks without a browser."""

    def __init__(self, app: Flask, name: str, language: str = "zh") -> None:
        self.client: FlaskClient = app.test_client()
        self.client.set_cookie("lang", language)
        self.token = self._token("/signin")
        answer = self.client.post("/signin", data={"name": name, "password": PASSWORD, "csrf_token": self.token})
        assert answer.status_code == 303, answer.text
        self.token = self._token("/me")

    def _token(self, address: str) -> str:
        found = _TOKEN.search(self.client.get(address).text)
        assert found is not None
        return found[1]

    def get(self, address: str, *, htmx: bool = False, **query: Any) -> TestResponse:
        """A page, or with `htmx` a pane."""
        return self.client.get(address, query_string=query or None, headers={"HX-Request": "true"} if htmx else {})

    def post(self, address: str, data: Mapping[str, Any] | None = None, *, htmx: bool = False, json: Any = None) -> TestResponse:
        """A form, or `json`, with the token that the page has."""
        headers = {"X-CSRFToken": self.token, **({"HX-Request": "true"} if htmx else {})}
        return self.client.post(address, data=data, json=json, headers=headers)


class Console:
    """A console over a service of its own. `settle` judges and sends what there is; nothing happens by itself."""

    def __init__(self, url: str, clock: Clock | None = None, files: Mapping[str, str] | None = None, inline: int = INLINE) -> None:
        store = Store(url)
        store.migrate()
        self.clock = clock or TestClock(START)
        self.service = Service(store, self.clock, secret=b"secret of the tests", prices=PRICES, campaigns=CampaignSettings(inline=inline))
        if not self.service.versions():
            self.service.publish(files if files is not None else o2o(), "first book", "hongyan")
            for role in ROLES:
                self.service.accounts.create(role, role, PASSWORD, by="tests")
        self.service.gates = _GATES
        if files is None:
            self.service.books._compiled.update(_compiled_once(self.service))
        answers = StoredAnswers(store, self.clock.now)
        self.app = create_app(self.service, prices=PRICES, answers=answers, secret=b"secret of the tests", settings={"clock": "test"})
        self._people: dict[tuple[str, str], Person] = {}

    def as_(self, role: str, language: str = "zh") -> Person:
        """Somebody of that role, signed in."""
        if (role, language) not in self._people:
            self._people[role, language] = Person(self.app, role, language)
        return self._people[role, language]

    def post(self, type: str, user: Any = None, id: str | None = None, **data: Any) -> str:
        """An event of now, accepted; its id."""
        self._posted = getattr(self, "_posted", 0) + 1
        line: dict[str, Any] = {"id": id or f"e{self._posted}", "type": type, "time": self.now().isoformat(), "data": data}
        if user is not None:
            line["user"] = user
        (answer,) = self.service.accept("live", [line])
        assert answer.status == "accepted", answer
        return str(line["id"])

    def now(self) -> datetime:
        """The service's clock."""
        return datetime.fromtimestamp(self.clock.now() / 1e6, UTC)

    def settle(self) -> None:
        """Judge and send all that has come in and fallen due."""
        self.service.settle(sending=True)

    def close(self) -> None:
        """Stop it."""
        self.service.close()


@contextmanager
def served(app: Flask) -> Iterator[str]:
    """The address at which the application answers a browser."""
    server = wsgi.Server(("127.0.0.1", 0), app, numthreads=8)
    server.prepare()
    thread = threading.Thread(target=server.serve, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.bind_addr[1]}"
    finally:
        server.stop()
        thread.join(10)
