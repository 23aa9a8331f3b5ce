"""What is asked so often that Flask's way to it costs more than the work: the same `Route`, asked before Flask begins.

Only the very method and address come here; everything else about that address (another method, an encoded slash) is Flask's. Answers are
the same to the letter, and counted by the same meter (tests/webapp/test_direct.py).
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from flask import Request, Response
from werkzeug.exceptions import HTTPException
from werkzeug.http import HTTP_STATUS_CODES

from webapp.idempotency import Stored
from webapp.meter import Meter
from webapp.problems import Problem
from webapp.route import Route, failure, http_problem, problem_response

OPERATIONS = frozenset({"postEvent"})
Wsgi = Callable[..., Any]
Answered = tuple[Stored, Mapping[str, str]]
_STATUS_LINES = {status: f"{status} {phrase.upper()}" for status, phrase in HTTP_STATUS_CODES.items()}


class Direct:
    """Answers for the routes of OPERATIONS, none of which has a parameter in its path, and hands on the rest."""

    def __init__(self, app: Wsgi, routes: Iterable[Route], meter: Meter | None) -> None:
        self._app = app
        often = [route for route in routes if route.operation.id in OPERATIONS]
        self._routes: Mapping[tuple[str, str], Route] = {(route.operation.method, route.operation.path): route for route in often}
        self._meter = meter

    def __call__(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> Any:
        route = self._routes.get((environ["REQUEST_METHOD"], environ["PATH_INFO"]))
        if route is None:
            return self._app(environ, start_response)
        began = time.perf_counter()
        found = _answer(route, environ)
        status = found.status_code if isinstance(found, Response) else found[0].status
        if self._meter is not None:
            self._meter.count(route.operation.id, status, time.perf_counter() - began)
        if isinstance(found, Response):
            return found(environ, start_response)
        stored, headers = found
        first = [("Content-Type", stored.media_type), ("Content-Length", str(len(stored.body)))]
        start_response(_STATUS_LINES[status], [*first, *headers.items()])
        return [stored.body]


def _answer(route: Route, environ: dict[str, Any]) -> Answered | Response:
    """What the route says; what goes wrong becomes a response here, as it does in Flask's error handlers."""
    try:
        return route.take(Request(environ), {})
    except Problem as problem:
        return problem_response(problem)
    except HTTPException as error:
        return http_problem(error)
    except Exception as error:
        return failure(route.operation.id, error)
