"""The shapes of the API as JSON Schema 2020-12: `components/schemas` of the OpenAPI document, which requests are also checked against."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from engine.core.outcomes import REASONS
from engine.store.deliveries import wishes
from rules.model import CHANNELS, MESSAGE_TYPES
from webapp.problems import CODES

Schema = Mapping[str, Any]

MESSAGE_STATES = (
    "queued", "waiting", "submitting", "accepted", "delivered", "undelivered", "rejected", "expired", "cancelled", "unknown",
)  # fmt: skip
VERIFICATION_STATES = ("pending", "approved", "failed", "expired", "cancelled")
CAMPAIGN_ACTIONS = ("pause", "resume", "stop")
DELIVERY_STATES = ("pending", "delivered", "failed")
SWITCH_KINDS = ("rule", "type", "channel", "provider")


def ref(name: str) -> Schema:
    """A reference to one of COMPONENTS."""
    return {"$ref": f"#/components/schemas/{name}"}


def closed(properties: Mapping[str, Any], required: tuple[str, ...] = (), **more: Any) -> dict[str, Any]:
    """An object of requests: a name that nobody knows is an error, not a wish that is silently dropped."""
    return {"type": "object", "properties": properties, "required": list(required), "additionalProperties": False, **more}


def shape(properties: Mapping[str, Any], optional: tuple[str, ...] = (), **more: Any) -> dict[str, Any]:
    """An object of answers: these are there, more may come with later versions."""
    return {"type": "object", "properties": properties, "required": [name for name in properties if name not in optional], **more}


def listed(name: str) -> Schema:
    """One page of a list."""
    return shape({"items": {"type": "array", "items": ref(name)}, "next": {"type": ["string", "null"]}})


TEXT: Schema = {"type": "string"}
NAME: Schema = {"type": "string", "minLength": 1, "maxLength": 200, "pattern": r"^[^\u0000-\u001f\u007f]*$"}
PHONE: Schema = {"type": "string", "minLength": 3, "maxLength": 40, "pattern": r"^[+＋]?[0-9０-９\s\-‐-―－()（）./]{3,40}$"}
INSTANT: Schema = {"type": "string", "description": "ISO 8601 in UTC", "examples": ["2026-06-01T02:00:00Z"]}
SCOPES: Schema = {
    "type": "array",
    "items": {"enum": [*MESSAGE_TYPES, "all", "blocked"]},
    "minItems": 1,
    "maxItems": 5,
    "description": "message types, all, or blocked (a block list)",
}
NETWORK: Schema = {
    "type": "string",
    "minLength": 2,
    "maxLength": 60,
    "pattern": r"^[0-9A-Fa-f:.]+(/[0-9]{1,3})?$",
    "description": "an address or a network: from it nobody is sent a verification code; at least /8, for IPv6 /16",
    "examples": ["203.0.113.0/24", "2001:db8::/48"],
}
_PHONE_OR_NETWORK = [
    {"required": ["phone", "scopes"], "not": {"required": ["network"]}},
    {"required": ["network"], "not": {"anyOf": [{"required": ["phone"]}, {"required": ["scopes"]}]}},
]
REASON_TEXT: Schema = {"type": "string", "maxLength": 500, "pattern": r"^[^\u0000]*$"}
VERSION: Schema = {"type": "integer", "minimum": 1, "maximum": 2**31 - 1, "description": "the number of a published version"}
FILES: Schema = {
    "type": "object",
    "minProperties": 1,
    "maxProperties": 200,
    "propertyNames": {"pattern": r"^[^\u0000-\u001f\u007f\\/][^\u0000-\u001f\u007f\\]*\.ya?ml$", "maxLength": 200},
    "additionalProperties": {"type": "string", "maxLength": 2_000_000},
    "description": "the files of a book by their name, as the folder has them",
}
TRACE: Schema = {"type": "string", "description": "the id that the log's lines share, from the event to the receipts"}
COUNT: Schema = {"type": "integer", "minimum": 0}
COST: Schema = {"type": ["number", "null"]}
NULLABLE: Schema = {"type": ["string", "null"]}
ANY_OBJECT: Schema = {"type": "object"}

_URL: Schema = {
    "type": "string",
    "minLength": 10,
    "maxLength": 2000,
    "pattern": r"^https?://[^\s\u0000-\u001f\u007f]+$",
    "description": "https, and no address of a private network, unless the settings say otherwise",
    "examples": ["https://shop.example.com/hongyan"],
}
_WISHES: Schema = {
    "type": "array",
    "items": {"enum": wishes()},
    "minItems": 1,
    "maxItems": len(wishes()),
    "uniqueItems": True,
    "description": "types of what happens; `message.*` for all of messages, `*` for everything",
    "examples": [["message.delivered", "message.undelivered"]],
}
_WEBHOOK_FIELDS: dict[str, Any] = {
    "id": TEXT,
    "url": TEXT,
    "types": {"type": "array", "items": TEXT},
    "description": TEXT,
    "enabled": {"type": "boolean"},
    "reason": {
        "enum": [None, "requested", "gone", "failing"],
        "description": "why it is not enabled: 410, or nothing taken for three days",
    },
    "failing_since": {"type": ["string", "null"], "description": "when attempts began to fail, of which none has gone well since"},
    "old_secret_until": {"type": ["string", "null"], "description": "until when the secret before signs, too"},
    "created": INSTANT,
    "by": TEXT,
}
_FINDING = shape(
    {
        "code": TEXT,
        "severity": {"enum": ["error", "warning", "info"]},
        "file": TEXT,
        "line": {"type": "integer"},
        "column": {"type": "integer"},
        "end_line": {"type": "integer"},
        "end_column": {"type": "integer"},
        "path": TEXT,
        "message": TEXT,
        "hint": TEXT,
    }
)
_VERDICT_FIELDS: dict[str, Any] = {
    "kind": {"const": "verdict"},
    "at": INSTANT,
    "rule": TEXT,
    "user": NULLABLE,
    "outcome": {"enum": list(REASONS)},
    "reason": {"enum": sorted({reason for reasons in REASONS.values() for reason in reasons})},
    "detail": {"type": "object", "description": "the facts behind the reason"},
    "occurrence": TEXT,
}
_MESSAGE_FIELDS: dict[str, Any] = {
    "kind": {"const": "message"},
    "at": INSTANT,
    "rule": TEXT,
    "user": NULLABLE,
    "type": {"enum": list(MESSAGE_TYPES)},
    "channel": {"enum": list(CHANNELS)},
    "to": {"type": "string", "description": "masked unless the key may see it"},
    "text": {"type": ["string", "null"], "description": "null on other channels than sms; a code shows as ******"},
    "parts": {"type": "integer", "minimum": 0},
    "cost": COST,
    "template": TEXT,
    "variant": NULLABLE,
    "occurrence": TEXT,
}
_ATTEMPT = shape({"provider": TEXT, "at": INSTANT, "outcome": NULLABLE, "code": NULLABLE, "raw": {}}, optional=("raw",))
_VERDICT_LINE = shape({**_VERDICT_FIELDS, "trace": ANY_OBJECT}, optional=("trace",))

_EVENT_FIELDS: dict[str, Any] = {
    "id": {"type": "string", "minLength": 1},
    "type": {"type": "string", "minLength": 1},
    "time": {"type": "string", "description": "ISO 8601 with an offset", "examples": ["2026-06-01T10:00:00+08:00"]},
}
_PERSON: dict[str, Any] = {
    "phone": {"type": ["string", "null"], "minLength": 1},
    "timezone": {"type": ["string", "null"], "minLength": 1, "examples": ["Asia/Shanghai"]},
    "locale": {"type": ["string", "null"], "minLength": 1, "examples": ["zh_CN"]},
    "attributes": {"type": ["object", "null"]},
}
_SUPPRESSED = {"type": ["array", "null"], "items": {"enum": [*MESSAGE_TYPES, "all"]}}
_SIMULATED: dict[str, Any] = {
    "events": {"type": "array", "items": ANY_OBJECT, "maxItems": 10_000},
    "users": {"type": "array", "items": ANY_OBJECT, "maxItems": 10_000},
}
_BOOK: Schema = {
    "anyOf": [FILES, closed({"version": VERSION}, ("version",))],
    "description": "a book inline, or a published version; without it the active one",
}
_REFUSED_LINE = shape({"input": {"enum": ["events", "users", "receipts"]}, "index": COUNT, "reason": TEXT, "pointer": NULLABLE})

COMPONENTS: Mapping[str, Schema] = {
    "Problem": shape(
        {
            "type": TEXT,
            "title": TEXT,
            "status": {"type": "integer"},
            "code": {"enum": list(CODES)},
            "detail": TEXT,
            "errors": {
                "type": "array",
                "items": shape(
                    {
                        "message": TEXT,
                        "pointer": {"type": "string", "description": "JSON pointer into the body"},
                        "parameter": {"type": "string", "description": "of the path or the query"},
                    },
                    optional=("pointer", "parameter"),
                ),
            },
            "findings": {"type": "array", "items": ref("Finding")},
            "failed_tests": {"type": "array", "items": ANY_OBJECT},
        },
        optional=("detail", "errors", "findings", "failed_tests"),
    ),
    "Finding": _FINDING,
    "Health": shape({"status": {"const": "ok"}}),
    "Readiness": shape(
        {"status": {"enum": ["ready", "not ready"]}, "checks": {"type": "object", "description": 'true or "ok", else what is wrong'}}
    ),
    # ---- events
    "Event": {
        "type": "object",
        "properties": {
            **_EVENT_FIELDS,
            "source": {"type": "string", "minLength": 1, "default": "api"},
            "received": {"type": ["string", "null"], "description": "default: time"},
            "user": {
                "description": "an id, or an object with an id or a phone; none for a broadcast",
                "anyOf": [{"type": "string", "minLength": 1}, {"type": "object", "properties": {"id": TEXT, **_PERSON}}, {"type": "null"}],
            },
            "data": {"type": ["object", "null"], "description": "as the book declares for the type"},
        },
        "required": list(_EVENT_FIELDS),
    },
    "CloudEvent": {
        "type": "object",
        "description": "CloudEvents 1.0 in JSON; subject is the user",
        "properties": {
            **_EVENT_FIELDS,
            "specversion": {"const": "1.0"},
            "source": {"type": "string", "minLength": 1},
            "subject": {"type": "string"},
            "datacontenttype": {"type": ["string", "null"]},
            "data": {"type": ["object", "null"]},
        },
        "required": ["specversion", "source", *_EVENT_FIELDS],
    },
    "AcceptedEvent": shape(
        {
            "id": TEXT,
            "source": TEXT,
            "status": {"enum": ["accepted", "duplicate"]},
            "trace": {"type": "string", "description": "where its verdicts and messages can be read", "format": "uri-reference"},
            "verdicts": {"type": "array", "items": ref("Verdict"), "description": "with ?wait=verdicts, once it was decided"},
            "messages": {"type": "array", "items": ref("Message")},
        },
        optional=("verdicts", "messages"),
    ),
    "Result": shape(
        {
            "index": COUNT,
            "id": NULLABLE,
            "source": NULLABLE,
            "status": {"enum": ["accepted", "duplicate", "refused"]},
            "problem": ref("Problem"),
        },
        optional=("source", "problem"),
    ),
    "Results": shape({"results": {"type": "array", "items": ref("Result")}}),
    "EventTrace": shape(
        {
            "trace": TRACE,
            "event": ANY_OBJECT,
            "status": {"enum": ["accepted", "decided"]},
            "verdicts": {"type": "array", "items": ref("Verdict")},
            "messages": {"type": "array", "items": ref("Message")},
        }
    ),
    # ---- users
    "Profile": closed({"id": NAME, **_PERSON, "suppressed": _SUPPRESSED}),
    "UserLine": {
        "type": "object",
        "properties": {"id": {"type": "string", "minLength": 1}, **_PERSON, "suppressed": _SUPPRESSED},
        "required": ["id"],
    },
    "User": shape({"id": TEXT, "phone": NULLABLE, "timezone": NULLABLE, "locale": NULLABLE, "attributes": ANY_OBJECT}),
    # ---- decisions
    "Verdict": shape({**_VERDICT_FIELDS, "id": TEXT}),
    "Message": shape(
        {
            **_MESSAGE_FIELDS,
            "id": TEXT,
            "trace": TRACE,
            "state": {"enum": list(MESSAGE_STATES)},
            "channel_chain": {"type": "array", "items": {"enum": list(CHANNELS)}},
            "attempts": {"type": "array", "items": _ATTEMPT},
            "receipts": {"type": "array", "items": ANY_OBJECT},
        }
    ),
    # ---- verification codes
    "VerificationStart": closed({"phone": PHONE, "purpose": NAME, "user": NAME, "ip": NAME, "device_id": NAME}, ("phone", "purpose")),
    "Verification": shape(
        {
            "id": TEXT,
            "status": {"enum": list(VERIFICATION_STATES)},
            "expires_at": {"type": ["string", "null"]},
            "retry_after_seconds": {"type": ["integer", "null"], "description": "when another code may be asked for"},
            "checks_left": COUNT,
        }
    ),
    "Check": closed({"code": {"type": "string", "pattern": "^[0-9]{4,10}$"}}, ("code",)),
    "CheckByPhone": closed(
        {"code": {"type": "string", "pattern": "^[0-9]{4,10}$"}, "phone": PHONE, "user": NAME, "purpose": NAME},
        ("code", "purpose"),
        oneOf=[{"required": ["phone"]}, {"required": ["user"]}],
    ),
    "Checked": shape(
        {
            "id": NULLABLE,
            "status": {"enum": list(VERIFICATION_STATES)},
            "expires_at": {"type": ["string", "null"]},
            "retry_after_seconds": {"type": ["integer", "null"]},
            "checks_left": COUNT,
        },
        optional=("expires_at", "retry_after_seconds"),
    ),
    # ---- operating
    "SwitchChange": closed(
        {"kind": {"enum": list(SWITCH_KINDS)}, "name": NAME, "stopped": {"type": "boolean"}, "reason": {**REASON_TEXT, "minLength": 1}},
        ("kind", "name", "stopped", "reason"),
    ),
    "Switch": shape(
        {"kind": {"enum": list(SWITCH_KINDS)}, "name": TEXT, "stopped": {"type": "boolean"}, "reason": NULLABLE, "by": NULLABLE}
    ),
    "SampleRequest": closed({"template": NAME, "locale": NAME, "values": ANY_OBJECT, "to": PHONE}, ("template", "to")),
    "Sample": ANY_OBJECT,
    "CancellationRequest": closed({"rule": NAME, "key": NAME}, ("rule", "key")),
    "Cancellation": shape({"timers": COUNT, "messages": COUNT}),
    "Campaign": shape({"id": TEXT}),
    "Steered": shape({"id": TEXT, "action": {"enum": list(CAMPAIGN_ACTIONS)}}),
    "Steering": closed({"reason": REASON_TEXT}),
    "SuppressionChange": closed({"phone": PHONE, "scopes": SCOPES, "network": NETWORK, "reason": REASON_TEXT}, oneOf=_PHONE_OR_NETWORK),
    "SuppressionRelease": closed({"phone": PHONE, "scopes": SCOPES, "network": NETWORK}, oneOf=_PHONE_OR_NETWORK),
    "SuppressionScopes": shape({"phone": TEXT, "network": TEXT, "scopes": SCOPES}, optional=("phone", "network")),
    "Suppression": shape({"phone": TEXT, "network": TEXT, "scope": TEXT, "reason": TEXT, "at": INSTANT}, optional=("phone", "network")),
    "ClockChange": {
        "oneOf": [
            closed({"set": {"type": "string", "description": "an instant with an offset"}}, ("set",)),
            closed({"advance": {"type": "string", "pattern": "^[0-9]{1,9}[smhdw]$"}}, ("advance",)),
        ]
    },
    "Clock": shape({"now": INSTANT}),
    "RuleReport": shape({"rule": TEXT}),
    # ---- webhooks
    "WebhookRequest": closed({"url": _URL, "types": _WISHES, "description": REASON_TEXT}, ("url", "types")),
    "WebhookChange": closed({"url": _URL, "types": _WISHES, "description": REASON_TEXT, "enabled": {"type": "boolean"}}, minProperties=1),
    "Webhook": shape(_WEBHOOK_FIELDS),
    "WebhookSecret": shape({**_WEBHOOK_FIELDS, "secret": {"type": ["string", "null"], "description": "`whsec_...`, shown once"}}),
    "Rotation": closed({"grace_seconds": {"type": "integer", "minimum": 0, "maximum": 30 * 86_400}}),
    "Delivery": shape(
        {
            "id": {"type": "string", "description": "the header `webhook-id`, the same in every attempt"},
            "type": TEXT,
            "at": INSTANT,
            "state": {"enum": list(DELIVERY_STATES)},
            "next_try": {"type": ["string", "null"]},
            "attempts": {
                "type": "array",
                "items": shape({"at": INSTANT, "milliseconds": COUNT, "outcome": {"enum": ["delivered", "failed"]}, "code": NULLABLE}),
            },
            "payload": {"type": ["object", "null"], "description": "what is posted; null where what it is about is gone"},
        }
    ),
    # ---- books
    "Files": closed({"files": FILES}, ("files",)),
    "Checks": shape({"book": TEXT, "errors": COUNT, "warnings": COUNT, "findings": {"type": "array", "items": ref("Finding")}}),
    "Publication": closed(
        {
            "files": FILES,
            "note": {**REASON_TEXT, "minLength": 1},
            "expect_version": {"type": ["integer", "null"], "minimum": 0, "maximum": 2**31 - 1},
        },
        ("files", "note"),
    ),
    "Published": shape({"version": {"type": "integer"}, "findings": {"type": "array", "items": ref("Finding")}}),
    "Version": shape({"version": {"type": "integer"}}),
    # ---- trying out
    "Simulation": closed(
        {
            "files": {**FILES, "description": "a book inline; without it and without `version` the active one"},
            "version": VERSION,
            **_SIMULATED,
            "receipts": {"type": "array", "items": ANY_OBJECT, "maxItems": 10_000},
            "from": {"type": "string", "description": "as --from of the command: an instant, or a local time or date in the book's zone"},
            "until": {"type": "string"},
            "verdicts": {"type": "boolean", "default": False},
            "trace": {"type": "boolean", "default": False, "description": "implies verdicts"},
        },
        ("events",),
    ),
    "Simulated": shape(
        {
            "book": TEXT,
            "lines": {"type": "array", "items": {"anyOf": [shape(_MESSAGE_FIELDS), _VERDICT_LINE]}},
            "pending": {**COUNT, "description": "timers and waiting messages that are left at the end"},
            "refused": {"type": "array", "items": _REFUSED_LINE},
            "duplicates": COUNT,
        }
    ),
    "ComparisonRequest": closed({"old": _BOOK, "new": _BOOK, **_SIMULATED}, ("events",)),
    "Comparison": shape(
        {
            "events": COUNT,
            "old": TEXT,
            "new": TEXT,
            "messages": shape({"old": COUNT, "new": COUNT}),
            "cost": {"anyOf": [shape({"old": COST, "new": COST}), {"type": "null"}]},
            "rules": {"type": "array", "items": ANY_OBJECT},
            "unchanged_rules": COUNT,
            "verdicts": {"type": "array", "items": shape({"rule": TEXT, "from": TEXT, "to": TEXT, "count": COUNT})},
            "refused": {"type": "array", "items": _REFUSED_LINE},
        }
    ),
}
