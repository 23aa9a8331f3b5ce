"""Campaigns: progress, pause, resume, stop."""

from __future__ import annotations

from functools import partial

from webapp.api.common import CURSOR, LIMIT, in_path
from webapp.operations import JSON_TYPE, Answer, Body, Call, Operation, Shape
from webapp.schemas import CAMPAIGN_ACTIONS, listed, ref


def list_campaigns(call: Call) -> Answer:
    """Newest first."""
    return call.page(call.service.campaigns(call.env, call.given["limit"], call.given.get("cursor")))


def steer(action: str, call: Call) -> Answer:
    """Recorded with the name of the key and the reason."""
    call.service.steer_campaign(call.env, call.given["id"], action, (call.body or {}).get("reason", ""), call.who.name)
    return Answer({"id": call.given["id"], "action": action})


OPERATIONS = (
    Operation(
        id="listCampaigns",
        needs=("campaigns",),
        method="GET",
        path="/v1/campaigns",
        summary="Campaigns with their progress",
        tag="campaigns",
        handle=list_campaigns,
        parameters=(LIMIT, CURSOR),
        answers={200: Shape("One page", listed("Campaign"))},
    ),
    *(
        Operation(
            id=f"{action}Campaign",
            needs=("steer_campaign",),
            method="POST",
            path=f"/v1/campaigns/{{id}}/{action}",
            summary=f"{action.capitalize()} a campaign",
            tag="campaigns",
            handle=partial(steer, action),
            parameters=(in_path("id", "of the campaign"),),
            body=Body({JSON_TYPE: ref("Steering")}, required=False),
            answers={200: Shape("Done", ref("Steered"))},
            codes=("not_found", "conflict"),
        )
        for action in CAMPAIGN_ACTIONS
    ),
)
