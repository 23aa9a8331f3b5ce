"""Verification codes: asked for, and checked. No code ever stands in an answer."""

from __future__ import annotations

from webapp.api.common import in_path, phone_of
from webapp.operations import JSON_TYPE, Answer, Body, Call, Operation, Shape
from webapp.schemas import ref

# What a check answers where nothing was started: the same as for a wrong code, so that numbers cannot be probed.
_NOTHING = {"id": None, "status": "failed", "checks_left": 0}


def start(call: Call) -> Answer:
    """A code by the rules of the book, or 429 with the time."""
    optional = {name: call.body.get(name) for name in ("user", "ip", "device_id")}
    return Answer(call.service.start_verification(call.env, phone=phone_of(call), purpose=call.body["purpose"], **optional), 201)


def check(call: Call) -> Answer:
    """Right, wrong, or too late."""
    return Answer(call.found(call.service.check_verification(call.env, id=call.given["id"], code=call.body["code"]), "verification"))


def check_by_phone(call: Call) -> Answer:
    """The same for a code that an event started."""
    found = call.service.check_verification(
        call.env,
        phone=phone_of(call) if "phone" in call.body else None,
        user=call.body.get("user"),
        purpose=call.body["purpose"],
        code=call.body["code"],
    )
    return Answer(_NOTHING if found is None else found)


OPERATIONS = (
    Operation(
        id="startVerification",
        needs=("start_verification",),
        method="POST",
        path="/v1/verifications",
        summary="Send a code",
        description="Becomes the event `verification.requested`, which the book's rules judge.",
        tag="verifications",
        handle=start,
        body=Body({JSON_TYPE: ref("VerificationStart")}),
        answers={201: Shape("Started", ref("Verification"))},
        codes=("throttled", "no_rulebook"),
    ),
    Operation(
        id="checkVerification",
        needs=("check_verification",),
        method="POST",
        path="/v1/verifications/{id}/check",
        summary="Check a code",
        tag="verifications",
        handle=check,
        parameters=(in_path("id", "of the verification"),),
        body=Body({JSON_TYPE: ref("Check")}),
        answers={200: Shape("`approved`, or how it stands", ref("Checked"))},
        codes=("not_found", "throttled", "no_rulebook"),
    ),
    Operation(
        id="checkVerificationByPhone",
        needs=("check_verification",),
        method="POST",
        path="/v1/verifications/check",
        summary="Check a code by phone or user, and purpose",
        tag="verifications",
        handle=check_by_phone,
        body=Body({JSON_TYPE: ref("CheckByPhone")}),
        answers={200: Shape("`approved`, or how it stands; `failed` too where nothing was started", ref("Checked"))},
        codes=("throttled", "no_rulebook"),
    ),
)
