"""One good request of every operation: a table that must be complete."""

from typing import Any

from tests.webapp.fake import AT, PHONE

EVENT = {"id": "e1", "type": "order.created", "time": AT, "user": "u1", "data": {"order_id": "A1", "phone": PHONE}}
BOOK = {
    "book.yaml": """\
book: {id: small, timezone: Asia/Shanghai, locale: zh_CN, signature: 秒信通}
events:
  order.created: {key: order_id, data: {order_id: string}}
message_types:
  notification: {}
templates:
  order_created: {sms: "订单{{ event.order_id }}已收到。"}
rules:
  order-created: {on: {event: order.created}, send: {type: notification, template: order_created}}
"""
}
CHECK = {"code": "123456"}
GOOD: dict[str, tuple[str, Any]] = {
    "postEvent": ("/v1/events", EVENT),
    "postEvents": ("/v1/events/batch", [EVENT]),
    "getEvent": ("/v1/events/api/e1", None),
    "putUser": ("/v1/users/u1", {"phone": PHONE, "attributes": {"city": "上海"}}),
    "postUsers": ("/v1/users/batch", [{"id": "u1", "phone": PHONE}]),
    "getUser": ("/v1/users/u1", None),
    "deleteUser": ("/v1/users/u1", None),
    "startVerification": ("/v1/verifications", {"phone": PHONE, "purpose": "login"}),
    "checkVerification": ("/v1/verifications/ver0/check", CHECK),
    "checkVerificationByPhone": ("/v1/verifications/check", {**CHECK, "phone": PHONE, "purpose": "login"}),
    "listMessages": ("/v1/messages?user=u1", None),
    "getMessage": ("/v1/messages/m1", None),
    "listVerdicts": ("/v1/verdicts?rule=order-created", None),
    "listSwitches": ("/v1/switches", None),
    "postSwitch": ("/v1/switches", {"kind": "rule", "name": "order-created", "stopped": True, "reason": "wrong text"}),
    "postSample": ("/v1/samples", {"template": "order_created", "values": {"event.order_id": "A1"}, "to": PHONE}),
    "postCancellation": ("/v1/cancellations", {"rule": "order-created", "key": "A1"}),
    "postSimulation": ("/v1/simulations", {"files": BOOK, "events": [EVENT], "users": [{"id": "u1", "phone": PHONE}], "verdicts": True}),
    "postComparison": ("/v1/comparisons", {"old": BOOK, "new": BOOK, "events": [EVENT]}),
    "checkRulebook": ("/v1/rulebooks/check", {"files": BOOK}),
    "publishRulebook": ("/v1/rulebooks", {"files": BOOK, "note": "first"}),
    "listRulebooks": ("/v1/rulebooks", None),
    "activateRulebook": ("/v1/rulebooks/1/activate", None),
    "listCampaigns": ("/v1/campaigns", None),
    "pauseCampaign": ("/v1/campaigns/c1/pause", {"reason": "too fast"}),
    "resumeCampaign": ("/v1/campaigns/c1/resume", None),
    "stopCampaign": ("/v1/campaigns/c1/stop", {}),
    "listSuppressions": ("/v1/suppressions", None),
    "postSuppression": ("/v1/suppressions", {"phone": PHONE, "scopes": ["marketing"], "reason": "asked by phone"}),
    "deleteSuppression": ("/v1/suppressions", {"phone": PHONE, "scopes": ["all"]}),
    "listWebhooks": ("/v1/webhooks", None),
    "postWebhook": ("/v1/webhooks", {"url": "https://hooks.example/", "types": ["message.*", "campaign.finished"]}),
    "getWebhook": ("/v1/webhooks/wh1", None),
    "putWebhook": ("/v1/webhooks/wh1", {"enabled": False}),
    "deleteWebhook": ("/v1/webhooks/wh1", None),
    "rotateWebhook": ("/v1/webhooks/wh1/rotate", {"grace_seconds": 0}),
    "testWebhook": ("/v1/webhooks/wh1/test", None),
    "listDeliveries": ("/v1/webhooks/wh1/deliveries?state=failed", None),
    "redeliver": ("/v1/webhooks/wh1/deliveries/evt1/redeliver", None),
    "postClock": ("/v1/clock", {"advance": "1h"}),
    "getRuleReport": ("/v1/reports/rules?since=2026-06-01T00:00:00%2B08:00", None),
    "receiveReceipts": ("/v1/receipts/smsc", {"id": "1", "stat": "DELIVRD"}),
    "receiveInbound": ("/v1/inbound/smsc", {"from": PHONE, "text": "R"}),
    "healthz": ("/healthz", None),
    "readyz": ("/readyz", None),
    "metrics": ("/metrics", None),
    "getOpenapi": ("/v1/openapi.json", None),
}
# What must have happened before; in order.
BEFORE: dict[str, tuple[str, ...]] = {
    "getEvent": ("postEvent",),
    "getUser": ("putUser",),
    "deleteUser": ("putUser",),
    "checkVerification": ("startVerification",),
    "checkVerificationByPhone": ("startVerification",),
    "listRulebooks": ("publishRulebook",),
    "activateRulebook": ("publishRulebook",),
    "listSwitches": ("postSwitch",),
    "listSuppressions": ("postSuppression",),
}
