"""Recipients: written by the business systems, read, erased."""

from __future__ import annotations

from webapp.api.common import LINES_BODY, batch, in_path, refusal
from webapp.limits import MAX_BATCH, MAX_EVENT_BYTES
from webapp.operations import JSON_TYPE, Answer, Body, Call, Operation, Shape
from webapp.problems import Fault, Problem, invalid
from webapp.schemas import ref


def put_user(call: Call) -> Answer:
    """Written, then read back."""
    user = call.given["id"]
    if call.body.get("id", user) != user:
        raise invalid([Fault("is not the id of the address", pointer="/id")])
    taken = call.service.put_users(call.env, [{**call.body, "id": user}])[0]
    if taken.status == "refused":
        raise refusal("user_refused", taken)
    return get_user(call)


def post_users(call: Call) -> Answer:
    """One result a line."""
    return batch(call, "user_refused", lambda lines: call.service.put_users(call.env, lines))


def get_user(call: Call) -> Answer:
    """Masked unless the key may see it."""
    return Answer(call.shown(call.found(call.service.user(call.env, call.given["id"]), "user")))


def delete_user(call: Call) -> Answer:
    """Erased everywhere, also from stored answers."""
    user = call.given["id"]
    found = call.service.user(call.env, user)
    if not call.service.erase_user(call.env, user):
        raise Problem("not_found", "no such user")
    call.rooms.answers.forget(user, (found or {}).get("phone") or "")
    return Answer(b"", 204)


_ID = in_path("id", "of the user")
_MANY = {"type": "array", "maxItems": MAX_BATCH, "items": ref("UserLine")}
OPERATIONS = (
    Operation(
        id="putUser",
        method="PUT",
        path="/v1/users/{id}",
        summary="Create or replace a user",
        tag="users",
        handle=put_user,
        parameters=(_ID,),
        body=Body({JSON_TYPE: ref("Profile")}, max_bytes=MAX_EVENT_BYTES),
        answers={200: Shape("The user as kept; attributes that the book does not declare are left out", ref("User"))},
        codes=("user_refused", "not_found", "no_rulebook"),
    ),
    Operation(
        id="postUsers",
        method="POST",
        path="/v1/users/batch",
        summary=f"Create or replace up to {MAX_BATCH:,} users",
        tag="users",
        handle=post_users,
        body=Body({JSON_TYPE: _MANY, **LINES_BODY}, read_json=False),
        answers={200: Shape("One result per user, in order", ref("Results"))},
        codes=("bad_json", "invalid", "no_rulebook"),
    ),
    Operation(
        id="getUser",
        method="GET",
        path="/v1/users/{id}",
        summary="A user",
        tag="users",
        handle=get_user,
        parameters=(_ID,),
        answers={200: Shape("The user; phone numbers masked unless the key may see them", ref("User"))},
        codes=("not_found", "no_rulebook"),
    ),
    Operation(
        id="deleteUser",
        needs=("erase_user",),
        method="DELETE",
        path="/v1/users/{id}",
        summary="Erase a user",
        description="What identifies the person is removed everywhere; an opt-out stays, as a keyed hash.",
        tag="users",
        handle=delete_user,
        parameters=(_ID,),
        answers={204: Shape("Erased")},
        codes=("not_found", "no_rulebook"),
    ),
)
