"""Suppressions: opt-outs and block lists, by number and scope."""

from __future__ import annotations

from engine.core.networks import SHORTEST, parse
from webapp.api.common import CURSOR, LIMIT, phone_of
from webapp.operations import JSON_TYPE, Answer, Body, Call, Operation, Shape
from webapp.problems import Fault, Problem, invalid
from webapp.schemas import listed, ref


def list_suppressions(call: Call) -> Answer:
    """All, page by page."""
    return call.page(call.service.suppressions(call.env, call.given["limit"], call.given.get("cursor")))


def post_suppression(call: Call) -> Answer:
    """From now on nothing of these scopes reaches the number; nobody in the network gets a code."""
    network = _network(call)
    if network is not None:
        call.service.block_network(call.env, network, call.body.get("reason", ""), call.who.name)
        return Answer({"network": network, "scopes": ["blocked"]}, 201)
    phone, scopes = phone_of(call), call.body["scopes"]
    call.service.suppress(call.env, phone, scopes, call.body.get("reason", ""), call.who.name)
    return Answer(call.shown({"phone": phone, "scopes": scopes}), 201)


def delete_suppression(call: Call) -> Answer:
    """The number stands in the body: what stands in an address is logged on its way."""
    network = _network(call)
    if network is not None:
        if not call.service.release_network(call.env, network, call.who.name):
            raise Problem("not_found", f"{network} is not blocked")
        return Answer({"network": network, "scopes": ["blocked"]})
    phone, scopes = phone_of(call), call.body["scopes"]
    call.service.release(call.env, phone, scopes, call.who.name)
    return Answer(call.shown({"phone": phone, "scopes": scopes}))


def _network(call: Call) -> str | None:
    """The network of the body in its canonical form. Raises Problem for one that cannot be blocked."""
    if "network" not in call.body:
        return None
    network = parse(call.body["network"])
    if network is None:
        wide = " and ".join(f"/{length} for IPv{version}" for version, length in SHORTEST.items())
        raise invalid([Fault(f"must be a network like 203.0.113.0/24 or 2001:db8::/48, no wider than {wide}", pointer="/network")])
    return str(network)


OPERATIONS = (
    Operation(
        id="listSuppressions",
        method="GET",
        path="/v1/suppressions",
        summary="Blocked networks and suppressed numbers",
        tag="suppressions",
        handle=list_suppressions,
        parameters=(LIMIT, CURSOR),
        answers={200: Shape("One page", listed("Suppression"))},
    ),
    Operation(
        id="postSuppression",
        method="POST",
        path="/v1/suppressions",
        summary="Suppress a number, or block a network",
        description='A network (`{"network": "203.0.113.0/24"}`) stops codes that are asked for from it: reason `blocked`.',
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
        summary="Release a number or a network",
        description="The number goes in the body, so that it stands in no log of addresses.",
        tag="suppressions",
        handle=delete_suppression,
        body=Body({JSON_TYPE: ref("SuppressionRelease")}),
        answers={200: Shape("Released", ref("SuppressionScopes"))},
        codes=("not_found", "no_rulebook"),
    ),
)
