"""One id from the event to the receipt. What is asked for may be a trace id, an event's id, `#` and a message's number, or its id."""

from __future__ import annotations

from typing import Any

from flask import request
from werkzeug.wrappers import Response

from engine.core.case import occurrence_of
from engine.runtime.verification import SOURCE
from engine.traces import number_of, trace_of
from webapp.console import frame
from webapp.console.live import room, telling
from webapp.console.live.room import blueprint


@blueprint.get("/trace")
def trace() -> Response:
    """The story of one occurrence."""
    asked = request.args.get("id", "").strip()[:600]
    id = _trace_id(asked) if asked else None
    found = frame.house().service.trace(room.env(), id) if id is not None else None
    event = _event(found) if found is not None else None
    data = room.data_of(event.event) if event is not None else {}
    return frame.page("live/trace.html", asked=asked, trace=found, received=event, data=data, room=room, told=telling)


def _trace_id(asked: str) -> str | None:
    env, service = room.env(), frame.house().service
    if number_of(asked) is not None and service.trace(env, asked) is not None:
        return asked
    if asked.startswith("#"):
        seq = room.whole(asked[1:])
        one = room.watch().message(env, seq) if seq is not None else None
        return trace_of(env, one.stored.message.occurrence) if one is not None else None
    source, _, id = asked.rpartition("/")
    for place, name in ((source, id), ("api", asked), (SOURCE, asked)):
        event = room.watch().event(env, place, name) if place else None
        if event is not None:
            return trace_of(env, occurrence_of(event.event))
    message = service.message(env, asked)
    return trace_of(env, message["occurrence"]) if message is not None else None


def _event(found: dict[str, Any]) -> Any:
    event = found["event"]
    return room.watch().event(room.env(), event["source"], event["id"]) if event is not None else None
