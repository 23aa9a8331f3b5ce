"""Samples: a template with sample values, sent to one's own number."""

from __future__ import annotations

from webapp.api.common import phone_of
from webapp.operations import JSON_TYPE, Answer, Body, Call, Operation, Shape
from webapp.schemas import ref


def post_sample(call: Call) -> Answer:
    """Rendered by the active book and handed to dispatch."""
    given = call.body
    to = phone_of(call, "to")
    sent = call.service.sample(call.env, given["template"], given.get("locale"), given.get("values", {}), to, call.who.name)
    return Answer(call.shown(sent), 201)


OPERATIONS = (
    Operation(
        id="postSample",
        needs=("sample",),
        method="POST",
        path="/v1/samples",
        summary="Send a template with sample values",
        tag="samples",
        handle=post_sample,
        body=Body({JSON_TYPE: ref("SampleRequest")}),
        answers={201: Shape("On its way", ref("Sample"))},
        codes=("not_found", "throttled", "no_rulebook"),
    ),
)
