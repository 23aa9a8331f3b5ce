"""The clock of a service that runs on `clock = "test"`."""

from __future__ import annotations

from engine.core.zones import format_instant
from engine.values import instant
from rules.values import duration
from webapp.operations import JSON_TYPE, Answer, Body, Call, Operation, Shape
from webapp.problems import Fault, invalid
from webapp.schemas import ref


def post_clock(call: Call) -> Answer:
    """Set it, or advance it; a day is 24 hours."""
    if "set" in call.body:
        to = instant(call.body["set"])
        if to is None:
            raise invalid([Fault("must be an instant with an offset, like 2026-06-01T10:00:00+08:00", pointer="/set")])
        now = call.service.set_clock(to)
    else:
        by = duration(call.body["advance"])
        if by is None:
            raise invalid([Fault("must be a duration like 30s, 10m, 1h, 3d", pointer="/advance")])
        now = call.service.advance_clock(by.micros)
    return Answer({"now": format_instant(now)})


OPERATIONS = (
    Operation(
        id="postClock",
        needs=("set_clock", "advance_clock"),
        method="POST",
        path="/v1/clock",
        summary="Move the clock of a test service",
        tag="clock",
        handle=post_clock,
        body=Body({JSON_TYPE: ref("ClockChange")}),
        answers={200: Shape("Where it stands", ref("Clock"))},
        codes=("clock_is_real",),
    ),
)
