"""The Flask application: routes made from the operations, every error a problem, one line of metrics a request."""

from __future__ import annotations

import logging
import re
import time
from collections.abc import Callable, Iterable, Mapping
from typing import Any
from urllib.parse import unquote

import orjson
from flask import Blueprint, Flask, Response, g, request
from prometheus_client import CollectorRegistry, Counter, Histogram
from werkzeug.exceptions import HTTPException

from engine.runtime.errors import ServiceError
from engine.runtime.service import Service as RealService
from engine.simulate.output import Prices
from engine.store.store import is_unavailable
from webapp import openapi
from webapp.api import (
    campaigns,
    cancellations,
    clock,
    events,
    health,
    messages,
    receiving,
    reports,
    rulebooks,
    samples,
    simulations,
    suppressions,
    switches,
    users,
    verdicts,
    verifications,
    webhooks,
)
from webapp.console import frame
from webapp.console import pages as console
from webapp.idempotency import Answers, MemoryAnswers
from webapp.limits import QUOTAS, Buckets, Quota
from webapp.operations import Answer, Call, Operation, Rooms, Shape
from webapp.problems import Problem
from webapp.route import SLASH, Route, problem_response
from webapp.service import Service

# In the order in which the document shows them.
NOUNS = (
    events, users, verifications, messages, verdicts, campaigns, switches, cancellations, suppressions, samples, simulations, rulebooks,
    reports, webhooks, receiving, clock, health,
)  # fmt: skip
log = logging.getLogger("hongyan.webapp")

RETRY_AFTER_SECONDS = 2  # of a database that is away: as long as a restart takes

_FLASK_PARAMETER = re.compile(r"\{(\w+)\}")
_ENCODED_SLASH = re.compile("%2f", re.IGNORECASE)
_BUCKETS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 10)


def operations(service: Service | None = None) -> tuple[Operation, ...]:
    """All of them, or all that this service can do; the document itself last."""
    every = [operation for noun in NOUNS for operation in noun.OPERATIONS]
    if service is not None:
        every = [operation for operation in every if all(hasattr(service, need) for need in operation.needs)]
    text = b""

    def document(_: Call) -> Answer:
        return Answer(text)

    itself = Operation(
        id="getOpenapi",
        method="GET",
        path="/v1/openapi.json",
        summary="This document",
        tag="meta",
        handle=document,
        answers={200: Shape("OpenAPI 3.1", {"type": "object"})},
    )
    every.append(itself)
    text = orjson.dumps(openapi.document(every))
    return tuple(every)


def create_app(
    service: Service,
    *,
    prices: Prices | None = None,
    quotas: Mapping[str, Quota] = QUOTAS,
    answers: Answers | None = None,
    secret: bytes | None = None,
    settings: Mapping[str, Any] | None = None,
) -> Flask:
    """The web of one service: the API, and with a `secret`, which signs sessions, the console.

    `prices` for simulations; `quotas` by role; `answers` where idempotent answers shall outlive the process;
    `settings` to be shown, without what is secret.
    """
    app = Flask("webapp", static_folder="static" if secret is not None else None)
    app.url_map.merge_slashes = False  # an id may be written so; a redirect would lose a body
    app.url_map.strict_slashes = True
    app.json.ensure_ascii = False  # type: ignore[attr-defined]  # of the default provider
    rooms = Rooms(service, prices or {}, answers or MemoryAnswers(time.monotonic))
    buckets = Buckets(quotas, time.monotonic)
    every = operations(service)
    for tag in dict.fromkeys(operation.tag for operation in every):
        app.register_blueprint(_blueprint(tag, [operation for operation in every if operation.tag == tag], rooms, buckets))
    if hasattr(service, "metrics"):
        _measure(app, service.metrics)
    if secret is not None:
        assert isinstance(service, RealService)  # pages ask for more than the API does
        console.install(app, frame.House(service, prices or {}, settings or {}), secret)
    app.register_error_handler(Problem, problem_response)
    app.register_error_handler(HTTPException, _http_error)
    app.register_error_handler(ServiceError, _refused)
    app.register_error_handler(Exception, _failed)
    app.wsgi_app = _KeepSlashes(app.wsgi_app)  # type: ignore[method-assign]
    return app


def _blueprint(tag: str, operations: Iterable[Operation], rooms: Rooms, buckets: Buckets) -> Blueprint:
    blueprint = Blueprint(tag, __name__)
    for operation in operations:
        address = _FLASK_PARAMETER.sub(r"<\1>", operation.path)
        view = _view(Route(operation, rooms, buckets))
        blueprint.add_url_rule(address, operation.id, view, methods=[operation.method], provide_automatic_options=False)
    return blueprint


def _view(route: Route) -> Callable[..., Response]:
    def view(**path: str) -> Response:
        g.operation = route.operation.id
        return route.answer(request, path)

    return view


# ---- errors -----------------------------------------------------------------------------------------------------------------------------

_STATUS_CODES = {404: "no_route", 405: "method_not_allowed", 413: "too_large", 415: "media_type"}


def _http_error(error: HTTPException) -> Response:
    return frame.error_page(error) if frame.is_console() else _http_problem(error)


def _refused(error: ServiceError) -> Response:
    """What the engine refuses, on a page. The API has made a problem of it by then."""
    return frame.error_page(error) if frame.is_console() else _defect(error)


def _http_problem(error: HTTPException) -> Response:
    """What Werkzeug refuses. Its own texts may show the address, and with it a name: they are left out."""
    code = _STATUS_CODES.get(error.code or 500, "invalid" if (error.code or 500) < 500 else "internal")
    allow = [(name, value) for name, value in error.get_headers() if name == "Allow"]
    return problem_response(Problem(code), dict(allow))


def _failed(error: Exception) -> Response:
    """Nobody saw this coming. That the database is away is no defect: the same may be asked again, and clients do so after 503."""
    return _unavailable(error) if is_unavailable(error) else _defect(error)


def _unavailable(error: Exception) -> Response:
    reason = str(getattr(error, "orig", None) or error).strip().partition("\n")[0]  # without the statement and its values
    log.error("the database fails in %s: %s", g.get("operation"), reason)
    if frame.is_console():
        return frame.error_page(error)
    return problem_response(Problem("unavailable"), {"Retry-After": str(RETRY_AFTER_SECONDS)})


def _defect(error: Exception) -> Response:
    log.error("defect in %s", g.get("operation"), exc_info=error)
    if frame.is_console():
        return frame.error_page(error)
    return problem_response(Problem("internal"))


# ---- metrics ----------------------------------------------------------------------------------------------------------------------------


def _measure(app: Flask, registry: CollectorRegistry) -> None:
    requests = Counter("hongyan_http_requests", "HTTP requests by operation and status", ["operation", "status"], registry=registry)
    seconds = Histogram("hongyan_http_seconds", "Time to the answer", ["operation"], registry=registry, buckets=_BUCKETS)

    @app.before_request
    def begin() -> None:
        g.began = time.perf_counter()

    @app.after_request
    def count(response: Response) -> Response:
        operation = g.get("operation", "none")
        requests.labels(operation, response.status_code).inc()
        seconds.labels(operation).observe(time.perf_counter() - g.began)
        return response


# ---- addresses --------------------------------------------------------------------------------------------------------------------------


class _KeepSlashes:
    """WSGI decodes the path, and a name with a slash (a CloudEvents source is a URI) would fall apart. Servers give it as it came, too."""

    def __init__(self, app: Callable[..., Any]) -> None:
        self._app = app

    def __call__(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> Any:
        raw = (environ.get("RAW_URI") or environ.get("REQUEST_URI") or "").partition("?")[0]
        mount = environ.get("SCRIPT_NAME", "")
        if _ENCODED_SLASH.search(raw) and raw.startswith(f"{mount}/"):
            environ["PATH_INFO"] = unquote(_ENCODED_SLASH.sub(SLASH, raw.removeprefix(mount)), "latin-1")
        return self._app(environ, start_response)
