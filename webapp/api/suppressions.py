"""Suppressions: opt-outs and block lists, by number and scope."""

from __future__ import annotations

from webapp.api.common import CURSOR, LIMIT, phone_of
from webapp.operations import JSON_TYPE, Answer, Body, Call, Operation, Shape
from webapp.schemas import listed, ref


def list_suppressions(call: Call) -> Answer:
    """All, page by page."""
    return call.page(call.service.suppressions(call.env, call.given["limit"], call.given.get("cursor")))


def post_suppression(call: Call) -> Answer:
    """From now on nothing of these scopes reaches the number."""
    phone, scopes = phone_of(call), call.body["scopes"]
    call.service.suppress(call.env, phone, scopes, call.body.get("reason", ""), call.who.name)
    return Answer(call.shown({"phone": phone, "scopes": scopes}), 201)


def delete_suppression(call: Call) -> Answer:
    """The number stands in the body: what stands in an address is logged on its way."""
    phone, scopes = phone_of(call), call.body["scopes"]
    call.service.release(call.env, phone, scopes, call.who.name)
    return Answer(call.shown({"phone": phone, "scopes": scopes}))


OPERATIONS = (
    Operation(
        id="listSuppressions",
        method="GET",
        path="/v1/suppressions",
        summary="Suppressed numbers",
        tag="suppressions",
        handle=list_suppressions,
        parameters=(LIMIT, CURSOR),
        answers={200: Shape("One page", listed("Suppression"))},
    ),
    Operation(
        id="postSuppression",
        method="POST",
        path="/v1/suppressions",
        summary="Suppress a number",
        tag="suppressions",
        handle=post_suppression,
        body=Body({JSON_TYPE: ref("SuppressionChange")}),
        answers={201: Shape("Suppressed", ref("SuppressionScopes"))},
        codes=("no_rulebook",),
    ),
    Operation(
        id="deleteSuppression",
        method="DELETE",
        path="/v1/suppressions",
        summary="Release a number",
        description="The number goes in the body, so that it stands in no log of addresses.",
        tag="suppressions",
        handle=delete_suppression,
        body=Body({JSON_TYPE: ref("SuppressionRelease")}),
        answers={200: Shape("Released", ref("SuppressionScopes"))},
        codes=("not_found", "no_rulebook"),
    ),
)
