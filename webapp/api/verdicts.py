"""Verdicts: what was decided and why; "why did she get nothing?"."""

from __future__ import annotations

from webapp.api.common import CURSOR, LIMIT, in_query
from webapp.operations import Answer, Call, Operation, Shape
from webapp.schemas import listed


def list_verdicts(call: Call) -> Answer:
    """By user, rule."""
    return call.page(call.service.verdicts(call.env, **call.given))


OPERATIONS = (
    Operation(
        id="listVerdicts",
        method="GET",
        path="/v1/verdicts",
        summary="Verdicts",
        tag="verdicts",
        handle=list_verdicts,
        parameters=(
            in_query("user", "of the recipient"),
            in_query("rule", "that was judged"),
            LIMIT,
            CURSOR,
        ),
        answers={200: Shape("One page", listed("Verdict"))},
    ),
)
