"""What providers tell us: receipts and replies.

There is no key: the provider's own proof (a signature, a secret path and address) is the service's to check.
"""

from __future__ import annotations

from functools import partial

from webapp.api.common import in_path
from webapp.operations import Answer, Body, Call, Operation, Shape


def receive(kind: str, call: Call) -> Answer:
    """Answered in the provider's own form: JSON, or a text."""
    body, status = call.service.receive(call.given["provider"], kind, call.headers, call.raw)
    if isinstance(body, (str, bytes)):
        return Answer(body.encode() if isinstance(body, str) else body, status, "text/plain; charset=utf-8")
    return Answer(body, status)


OPERATIONS = tuple(
    Operation(
        id=f"receive{kind.capitalize()}",
        needs=("receive",),
        method="POST",
        path=f"/v1/{kind}/{{provider}}",
        summary=summary,
        tag="providers",
        handle=partial(receive, kind),
        parameters=(in_path("provider", "its name in the settings"),),
        body=Body({"*/*": {}}, required=False, max_bytes=1024 * 1024, read_json=False),
        answers={200: Shape("Taken, in the form that the provider wants")},
        codes=("not_found", "invalid"),
        idempotent=False,
    )
    for kind, summary in (("receipts", "Receipts of a provider"), ("inbound", "Replies of recipients"))
)
