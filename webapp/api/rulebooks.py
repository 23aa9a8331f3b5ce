"""Books: checked, published behind the check and the tests, listed, activated."""

from __future__ import annotations

from rules.checking import check
from rules.findings import Severity
from webapp.api.common import CURSOR, LIMIT, in_path
from webapp.operations import JSON_TYPE, Answer, Body, Call, Operation, Shape
from webapp.problems import Fault, invalid
from webapp.schemas import listed, ref


def check_rulebook(call: Call) -> Answer:
    """What `hongyan check --format json` says."""
    checked = check(call.body["files"])
    return Answer(
        {
            "book": checked.book.id if checked.book is not None else "",
            "errors": len(checked.errors),
            "warnings": len(checked.of_severity(Severity.WARNING)),
            "findings": [finding.as_dict() for finding in checked.findings],
        }
    )


def publish(call: Call) -> Answer:
    """A new version, active at once; or 422 with findings and failed tests."""
    given = call.body
    return Answer(call.service.publish(given["files"], given["note"], call.who.name, given.get("expect_version")), 201)


def versions(call: Call) -> Answer:
    """As the service orders them; the cursor is the version that was shown last."""
    every = list(call.service.versions())
    cursor = call.given.get("cursor")
    start = 0
    if cursor is not None:
        start = next((at + 1 for at, version in enumerate(every) if str(version["version"]) == cursor), -1)
        if start < 0:
            raise invalid([Fault("is no cursor of this list", parameter="cursor")])
    page = every[start : start + call.given["limit"]]
    more = start + len(page) < len(every)
    return Answer({"items": page, "next": str(page[-1]["version"]) if more else None})


def activate(call: Call) -> Answer:
    """An older version, or a newer one again."""
    version = call.given["version"]
    call.service.activate(version, call.who.name)
    return Answer({"version": version})


OPERATIONS = (
    Operation(
        id="checkRulebook",
        method="POST",
        path="/v1/rulebooks/check",
        summary="All findings of a book",
        tag="rulebooks",
        handle=check_rulebook,
        body=Body({JSON_TYPE: ref("Files")}),
        answers={200: Shape("The findings", ref("Checks"))},
    ),
    Operation(
        id="publishRulebook",
        method="POST",
        path="/v1/rulebooks",
        summary="Publish a book",
        description="`expect_version`: 409 when another version is active by now.",
        tag="rulebooks",
        handle=publish,
        body=Body({JSON_TYPE: ref("Publication")}),
        answers={201: Shape("Published and active", ref("Published"))},
        codes=("test_key", "conflict", "rulebook_refused"),
    ),
    Operation(
        id="listRulebooks",
        method="GET",
        path="/v1/rulebooks",
        summary="Published versions",
        tag="rulebooks",
        handle=versions,
        parameters=(LIMIT, CURSOR),
        answers={200: Shape("One page", listed("Version"))},
    ),
    Operation(
        id="activateRulebook",
        method="POST",
        path="/v1/rulebooks/{version}/activate",
        summary="Make a version the active one",
        tag="rulebooks",
        handle=activate,
        parameters=(in_path("version", "its number", {"type": "integer", "minimum": 1, "maximum": 2**31 - 1}),),
        answers={200: Shape("Active", ref("Version"))},
        codes=("test_key", "not_found", "conflict"),
    ),
)
