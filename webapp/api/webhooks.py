"""Webhooks: who is told what happens, with which secret, and how that went."""

from __future__ import annotations

from typing import Any

from engine.runtime.webhooks import GRACE_SECONDS, MOST, UrlNotTaken
from webapp.api.common import CURSOR, LIMIT, in_path, in_query
from webapp.operations import JSON_TYPE, Answer, Body, Call, Operation, Shape
from webapp.problems import Fault, invalid
from webapp.schemas import DELIVERY_STATES, listed, ref


def list_webhooks(call: Call) -> Answer:
    """Newest first."""
    return call.page(call.service.webhooks.listed(call.env, call.given["limit"], call.given.get("cursor")))


def get_webhook(call: Call) -> Answer:
    """One."""
    return Answer(call.found(call.service.webhooks.get(call.env, call.given["id"]), "webhook"))


def post_webhook(call: Call) -> Answer:
    """The only answer with its first secret."""
    body = call.body
    try:
        made = call.service.webhooks.create(call.env, body["url"], body["types"], body.get("description", ""), call.who.name)
    except UrlNotTaken as error:
        raise _url_not_taken(error) from error
    return _once(made, 201)


def put_webhook(call: Call) -> Answer:
    """What is given changes, the rest stays."""
    try:
        return Answer(call.service.webhooks.change(call.env, call.given["id"], call.body, call.who.name))
    except UrlNotTaken as error:
        raise _url_not_taken(error) from error


def delete_webhook(call: Call) -> Answer:
    """With everything that it was told."""
    call.service.webhooks.remove(call.env, call.given["id"], call.who.name)
    return Answer(b"", 204)


def rotate_webhook(call: Call) -> Answer:
    """The only answer with the new secret."""
    grace_seconds = (call.body or {}).get("grace_seconds", GRACE_SECONDS)
    return _once(call.service.webhooks.rotate(call.env, call.given["id"], grace_seconds, call.who.name), 200)


def test_webhook(call: Call) -> Answer:
    """It is sent as any other."""
    return Answer(call.service.webhooks.test(call.env, call.given["id"]), 202)


def list_deliveries(call: Call) -> Answer:
    """Newest first."""
    given = call.given
    return call.page(
        call.service.webhooks.deliveries(call.env, given["id"], given.get("state"), given["limit"], given.get("cursor"))
    )  # fmt: skip


def redeliver(call: Call) -> Answer:
    """The same thing under the same id."""
    return Answer(call.service.webhooks.redeliver(call.env, call.given["id"], call.given["delivery"]), 202)


def _url_not_taken(error: UrlNotTaken) -> Exception:
    return invalid([Fault(str(error), pointer="/url")])


def _once(made: dict[str, Any], status: int) -> Answer:
    """A secret is shown once: what an Idempotency-Key remembers has none."""
    return Answer(made, status, remembered={**made, "secret": None})


_ID = in_path("id", "of the webhook")
_ONCE = "The secret is in this answer alone; repeated with the same Idempotency-Key, `secret` is null."
OPERATIONS = (
    Operation(
        id="listWebhooks",
        method="GET",
        path="/v1/webhooks",
        summary="Webhooks",
        tag="webhooks",
        handle=list_webhooks,
        parameters=(LIMIT, CURSOR),
        answers={200: Shape("One page", listed("Webhook"))},
    ),
    Operation(
        id="postWebhook",
        method="POST",
        path="/v1/webhooks",
        summary="Be told what happens",
        description=f"Posts as Standard Webhooks 1.0.0 has them, from now on. At most {MOST} in an environment. {_ONCE}",
        tag="webhooks",
        handle=post_webhook,
        body=Body({JSON_TYPE: ref("WebhookRequest")}),
        answers={201: Shape("The webhook with its secret", ref("WebhookSecret"))},
        codes=("conflict",),
    ),
    Operation(
        id="getWebhook",
        method="GET",
        path="/v1/webhooks/{id}",
        summary="A webhook",
        tag="webhooks",
        handle=get_webhook,
        parameters=(_ID,),
        answers={200: Shape("The webhook", ref("Webhook"))},
        codes=("not_found",),
    ),
    Operation(
        id="putWebhook",
        method="PUT",
        path="/v1/webhooks/{id}",
        summary="Change a webhook",
        description="What is not given stays. Enabled again, what has waited goes out; what happened meanwhile was not kept for it.",
        tag="webhooks",
        handle=put_webhook,
        parameters=(_ID,),
        body=Body({JSON_TYPE: ref("WebhookChange")}),
        answers={200: Shape("The webhook", ref("Webhook"))},
        codes=("not_found",),
    ),
    Operation(
        id="deleteWebhook",
        method="DELETE",
        path="/v1/webhooks/{id}",
        summary="Delete a webhook and its deliveries",
        tag="webhooks",
        handle=delete_webhook,
        parameters=(_ID,),
        answers={204: Shape("Deleted")},
        codes=("not_found",),
    ),
    Operation(
        id="rotateWebhook",
        method="POST",
        path="/v1/webhooks/{id}/rotate",
        summary="A new secret",
        description=f"The one before signs as well for `grace_seconds` ({GRACE_SECONDS}); 0 where it is known to others. {_ONCE}",
        tag="webhooks",
        handle=rotate_webhook,
        parameters=(_ID,),
        body=Body({JSON_TYPE: ref("Rotation")}, required=False),
        answers={200: Shape("The webhook with its new secret", ref("WebhookSecret"))},
        codes=("not_found",),
    ),
    Operation(
        id="testWebhook",
        method="POST",
        path="/v1/webhooks/{id}/test",
        summary="Send a sample",
        description="Of type `webhook.test`, whatever the webhook wants to hear. How it went is among its deliveries.",
        tag="webhooks",
        handle=test_webhook,
        parameters=(_ID,),
        answers={202: Shape("Its delivery", ref("Delivery"))},
        codes=("not_found", "conflict"),
    ),
    Operation(
        id="listDeliveries",
        method="GET",
        path="/v1/webhooks/{id}/deliveries",
        summary="What a webhook was and will be told",
        tag="webhooks",
        handle=list_deliveries,
        parameters=(_ID, in_query("state", "in which they are", {"enum": list(DELIVERY_STATES)}), LIMIT, CURSOR),
        answers={200: Shape("One page", listed("Delivery"))},
        codes=("not_found",),
    ),
    Operation(
        id="redeliver",
        method="POST",
        path="/v1/webhooks/{id}/deliveries/{delivery}/redeliver",
        summary="Send a delivery again",
        description="Under the same `webhook-id`, at once and then as often as a new one.",
        tag="webhooks",
        handle=redeliver,
        parameters=(_ID, in_path("delivery", "id of the delivery")),
        answers={202: Shape("The delivery", ref("Delivery"))},
        codes=("not_found", "conflict"),
    ),
)
