"""What operators' machines ask: alive, ready, numbers. No key: let a network policy say who may reach them."""

from __future__ import annotations

from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

from webapp.operations import Answer, Call, Operation, Shape
from webapp.schemas import ref


def healthz(call: Call) -> Answer:
    """The process answers."""
    return Answer({"status": "ok"})


def readyz(call: Call) -> Answer:
    """Every check of the service; one that fails makes 503."""
    checks = dict(call.service.ready())
    ready = all(value is True or str(value).partition(",")[0] == "ok" for value in checks.values())
    return Answer({"status": "ready" if ready else "not ready", "checks": checks}, 200 if ready else 503)


def metrics(call: Call) -> Answer:
    """In the text form of Prometheus."""
    return Answer(generate_latest(call.service.metrics), media_type=CONTENT_TYPE_LATEST)


OPERATIONS = (
    Operation(
        id="healthz",
        method="GET",
        path="/healthz",
        summary="Alive?",
        tag="health",
        handle=healthz,
        answers={200: Shape("Alive", ref("Health"))},
    ),
    Operation(
        id="readyz",
        method="GET",
        path="/readyz",
        summary="Ready for traffic?",
        tag="health",
        handle=readyz,
        answers={200: Shape("Ready", ref("Readiness")), 503: Shape("Not ready; the checks say why", ref("Readiness"))},
    ),
    Operation(
        id="metrics",
        needs=("metrics",),
        method="GET",
        path="/metrics",
        summary="Numbers for Prometheus",
        tag="health",
        handle=metrics,
        answers={200: Shape("Metrics", {"type": "string"}, CONTENT_TYPE_LATEST)},
    ),
)
