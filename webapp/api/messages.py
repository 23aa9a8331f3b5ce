"""Messages: what was sent, by which attempts, with which receipts."""

from __future__ import annotations

from webapp.api.common import CURSOR, LIMIT, in_path, in_query
from webapp.operations import Answer, Call, Operation, Shape
from webapp.schemas import MESSAGE_STATES, listed, ref


def list_messages(call: Call) -> Answer:
    """By user, rule, event, state."""
    return call.page(call.service.messages(call.env, **call.given))


def get_message(call: Call) -> Answer:
    """One."""
    return Answer(call.shown(call.found(call.service.message(call.env, call.given["id"]), "message")))


OPERATIONS = (
    Operation(
        id="listMessages",
        method="GET",
        path="/v1/messages",
        summary="Messages",
        tag="messages",
        handle=list_messages,
        parameters=(
            in_query("user", "of the recipient"),
            in_query("rule", "that sent it"),
            in_query("event", "that started it"),
            in_query("state", "in which it is", {"enum": list(MESSAGE_STATES)}),
            LIMIT,
            CURSOR,
        ),
        answers={200: Shape("One page", listed("Message"))},
    ),
    Operation(
        id="getMessage",
        method="GET",
        path="/v1/messages/{id}",
        summary="A message with attempts and receipts",
        tag="messages",
        handle=get_message,
        parameters=(in_path("id", "of the message"),),
        answers={200: Shape("The message", ref("Message"))},
        codes=("not_found",),
    ),
)
