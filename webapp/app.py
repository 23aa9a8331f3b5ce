"""The Flask application: routes made from the operations, every error a problem, one line of metrics a request."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterable, Mapping
from typing import Any
from urllib.parse import unquote

import orjson
from flask import Blueprint, Flask, Response, g, request
from werkzeug.exceptions import HTTPException

from engine.runtime.errors import ServiceError
from engine.runtime.service import Service as RealService
from engine.simulate.output import Prices
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
from webapp.direct import Direct
from webapp.idempotency import Answers, MemoryAnswers
from webapp.limits import QUOTAS, Buckets, Quota
from webapp.meter import Meter
from webapp.operations import Answer, Call, Operation, Rooms, Shape
from webapp.problems import Problem
from webapp.route import SLASH, Route, failure, http_problem, problem_response
from webapp.service import Service

# In the order in which the document shows them.
NOUNS = (
    events, users, verifications, messages, verdicts, campaigns, switches, cancellations, suppressions, samples, simulations, rulebooks,
    reports, webhooks, receiving, clock, health,
)  # fmt: skip

_FLASK_PARAMETER = re.compile(r"\{(\w+)\}")
_ENCODED_SLASH = re.compile("%2f", re.IGNORECASE)


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
    routes = [Route(operation, rooms, buckets) for operation in every]
    for tag in dict.fromkeys(operation.tag for operation in every):
        app.register_blueprint(_blueprint(tag, [route for route in routes if route.operation.tag == tag]))
    meter = Meter(service.metrics) if hasattr(service, "metrics") else None
    if meter is not None:
        _measure(app, meter)
    if secret is not None:
        assert isinstance(service, RealService)  # pages ask for more than the API does
        console.install(app, frame.House(service, prices or {}, settings or {}), secret)
    app.register_error_handler(Problem, problem_response)
    app.register_error_handler(HTTPException, _http_error)
    app.register_error_handler(ServiceError, _refused)
    app.register_error_handler(Exception, _failed)
    app.wsgi_app = _KeepSlashes(Direct(app.wsgi_app, routes, meter))  # type: ignore[method-assign]
    return app


def _blueprint(tag: str, routes: Iterable[Route]) -> Blueprint:
    blueprint = Blueprint(tag, __name__)
    for route in routes:
        operation = route.operation
        address = _FLASK_PARAMETER.sub(r"<\1>", operation.path)
        blueprint.add_url_rule(address, operation.id, _view(route), methods=[operation.method], provide_automatic_options=False)
    return blueprint


def _view(route: Route) -> Callable[..., Response]:
    def view(**path: str) -> Response:
        g.operation = route.operation.id
        return route.answer(request, path)

    return view


# ---- errors -----------------------------------------------------------------------------------------------------------------------------


def _http_error(error: HTTPException) -> Response:
    return frame.error_page(error) if frame.is_console() else http_problem(error)


def _refused(error: ServiceError) -> Response:
    """What the engine refuses, on a page. The API has made a problem of it by then."""
    return frame.error_page(error) if frame.is_console() else _failed(error)


def _failed(error: Exception) -> Response:
    response = failure(g.get("operation"), error)
    return frame.error_page(error) if frame.is_console() else response


# ---- metrics ----------------------------------------------------------------------------------------------------------------------------


def _measure(app: Flask, meter: Meter) -> None:
    @app.before_request
    def begin() -> None:
        g.began = time.perf_counter()

    @app.after_request
    def count(response: Response) -> Response:
        meter.count(g.get("operation", "none"), response.status_code, time.perf_counter() - g.began)
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
