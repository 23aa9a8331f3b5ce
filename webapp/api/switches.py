"""Switches: stop or resume a rule, a message type, a channel or a provider at once, without publishing."""

from __future__ import annotations

from webapp.operations import JSON_TYPE, Answer, Body, Call, Operation, Shape
from webapp.schemas import listed, ref


def list_switches(call: Call) -> Answer:
    """What is stopped; a few."""
    stopped = [{**one, **_named(one["what"]), "stopped": True} for one in call.service.switches(call.env)]
    return Answer({"items": stopped, "next": None})


def _named(what: str) -> dict[str, str]:
    kind, _, name = what.partition(":")
    return {"kind": kind, "name": name}


def post_switch(call: Call) -> Answer:
    """Recorded with the name of the key and the reason."""
    change = call.body
    call.service.switch(call.env, change["kind"], change["name"], change["stopped"], change["reason"], call.who.name)
    return Answer({**change, "by": call.who.name})


OPERATIONS = (
    Operation(
        id="listSwitches",
        method="GET",
        path="/v1/switches",
        summary="What is stopped",
        tag="switches",
        handle=list_switches,
        answers={200: Shape("All that is stopped", listed("Switch"))},
    ),
    Operation(
        id="postSwitch",
        method="POST",
        path="/v1/switches",
        summary="Stop or resume",
        tag="switches",
        handle=post_switch,
        body=Body({JSON_TYPE: ref("SwitchChange")}),
        answers={200: Shape("As it stands now", ref("Switch"))},
        codes=("not_found", "no_rulebook"),
    ),
)
