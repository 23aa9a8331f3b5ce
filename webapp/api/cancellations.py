"""Cancellations: pending timers and waiting messages of a rule for one business object."""

from __future__ import annotations

from webapp.operations import JSON_TYPE, Answer, Body, Call, Operation, Shape
from webapp.schemas import ref


def post_cancellation(call: Call) -> Answer:
    """How many there were."""
    return Answer(call.service.cancel(call.env, call.body["rule"], call.body["key"]))


OPERATIONS = (
    Operation(
        id="postCancellation",
        method="POST",
        path="/v1/cancellations",
        summary="Cancel what waits",
        tag="cancellations",
        handle=post_cancellation,
        body=Body({JSON_TYPE: ref("CancellationRequest")}),
        answers={200: Shape("What was cancelled", ref("Cancellation"))},
        codes=("not_found", "no_rulebook"),
    ),
)
