"""Events in: one, or a batch; and what became of one."""

from __future__ import annotations

from urllib.parse import quote

from webapp.api.common import LINES_BODY, batch, in_path, in_query, refusal
from webapp.limits import MAX_BATCH, MAX_EVENT_BYTES
from webapp.operations import JSON_TYPE, Answer, Body, Call, Operation, Shape
from webapp.schemas import ref

WAIT_SECONDS = 10.0  # how long ?wait=verdicts waits before it answers without them


def post_event(call: Call) -> Answer:
    """202 once it is committed."""
    taken = call.service.accept(call.env, [call.body])[0]
    if taken.status == "refused" or taken.id is None or taken.source is None:
        raise refusal("event_refused", taken)
    address = f"/v1/events/{quote(taken.source, safe='')}/{quote(taken.id, safe='')}"
    answer = {"id": taken.id, "source": taken.source, "status": taken.status, "trace": address}
    if call.given.get("wait") == "verdicts" and call.service.await_decision(call.env, taken.source, taken.id, WAIT_SECONDS):
        found = call.found(call.service.event(call.env, taken.source, taken.id), "event")
        answer |= {"verdicts": call.shown(found["verdicts"]), "messages": call.shown(found["messages"])}
    return Answer(answer, 202)


def post_events(call: Call) -> Answer:
    """One result a line; the good ones are kept when others are refused."""
    return batch(call, "event_refused", lambda lines: call.service.accept(call.env, lines))


def get_event(call: Call) -> Answer:
    """The event with all that came of it."""
    return Answer(call.shown(call.found(call.service.event(call.env, call.given["source"], call.given["id"]), "event")))


_MANY = {"type": "array", "maxItems": MAX_BATCH, "items": {"anyOf": [ref("Event"), ref("CloudEvent")]}}
OPERATIONS = (
    Operation(
        id="postEvent",
        method="POST",
        path="/v1/events",
        summary="Send an event",
        description="Its identity is (source, id): the same again is a duplicate and changes nothing.",
        tag="events",
        handle=post_event,
        parameters=(in_query("wait", f"answer after the decision, or after {WAIT_SECONDS:.0f} s without it", {"enum": ["verdicts"]}),),
        body=Body(
            {JSON_TYPE: {"anyOf": [ref("Event"), ref("CloudEvent")]}, "application/cloudevents+json": ref("CloudEvent")},
            max_bytes=MAX_EVENT_BYTES,
            checked=False,
        ),
        answers={202: Shape("Committed; it will be decided exactly once", ref("AcceptedEvent"))},
        codes=("event_refused", "not_found", "no_rulebook"),
        idempotent=False,
    ),
    Operation(
        id="postEvents",
        method="POST",
        path="/v1/events/batch",
        summary=f"Send up to {MAX_BATCH:,} events",
        tag="events",
        handle=post_events,
        body=Body(
            {
                JSON_TYPE: _MANY,
                "application/cloudevents-batch+json": {**_MANY, "items": ref("CloudEvent")},
                **LINES_BODY,
            },
            read_json=False,
        ),
        answers={200: Shape("One result per event, in order", ref("Results"))},
        codes=("bad_json", "invalid", "no_rulebook"),
        idempotent=False,
    ),
    Operation(
        id="getEvent",
        method="GET",
        path="/v1/events/{source}/{id}",
        summary="An event, its verdicts, its messages",
        tag="events",
        handle=get_event,
        parameters=(in_path("source", "a slash in it as %2F"), in_path("id", "of the event")),
        answers={200: Shape("The event", ref("EventTrace"))},
        codes=("not_found",),
    ),
)
