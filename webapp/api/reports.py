"""Reports: the funnel of each rule."""

from __future__ import annotations

import re

from engine.values import instant
from webapp.api.common import in_query
from webapp.operations import Answer, Call, Operation, Shape
from webapp.problems import Fault, invalid
from webapp.schemas import listed

_INSTANT = {"type": "string", "maxLength": 40, "examples": ["2026-06-01T00:00:00Z"]}
_LOST_PLUS = re.compile(r" (\d\d:\d\d)$")  # a + that was not written as %2B arrives as a space


def rule_report(call: Call) -> Answer:
    """matched, ..., sent, delivered, converted."""
    since, until = (_instant(call, name) for name in ("since", "until"))
    return Answer({"items": list(call.service.report(call.env, since, until)), "next": None})


def _instant(call: Call, name: str) -> int | None:
    if name not in call.given:
        return None
    found = instant(_LOST_PLUS.sub(r"+\1", call.given[name]))
    if found is None:
        raise invalid([Fault("must be an instant with an offset, like 2026-06-01T00:00:00Z", parameter=name)])
    return found


OPERATIONS = (
    Operation(
        id="getRuleReport",
        needs=("report",),
        method="GET",
        path="/v1/reports/rules",
        summary="The funnel of each rule",
        tag="reports",
        handle=rule_report,
        parameters=(in_query("since", "from this instant on", _INSTANT), in_query("until", "before this instant", _INSTANT)),
        answers={200: Shape("One entry a rule", listed("RuleReport"))},
    ),
)
