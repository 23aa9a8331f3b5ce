"""Events and messages as lists with filters, one message, suppressed numbers, every campaign."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from flask import abort, request
from werkzeug.wrappers import Response

from engine.core.case import occurrence_of
from engine.core.phones import normalise
from engine.store import looking
from engine.store.states import State
from engine.traces import trace_of
from rules.model import CHANNELS, MESSAGE_TYPES
from webapp.console import frame
from webapp.console.live import room, telling
from webapp.console.live.room import blueprint

# What people call a group of states.
STATES: dict[str, tuple[State, ...]] = {state.value: (state,) for state in State}


@blueprint.get("/events")
def events() -> Response:
    """Events, newest first."""
    book = room.plan()
    kind = request.args.get("type") or None
    asked = _of_person(looking.Asked(type=kind))
    values = _listed(asked)
    found, outcomes = room.watch().events(room.env(), values["asked"], values["cursor"]) if values["known"] else (None, {})
    top = values["upto"] or (found.items[0].seq if found is not None and found.items else 0)
    newer = room.watch().newer_events(room.env(), replace(values["asked"], upto=None, after=top)) if values["upto"] else 0
    types = sorted(book.book.events, key=room.event_name) if book is not None else []
    traces = {one.seq: trace_of(room.env(), occurrence_of(one.event)) for one in (found.items if found is not None else ())}
    return _list(
        "live/events", values | {"page": found, "outcomes": outcomes, "top": top, "newer": newer, "types": types, "traces": traces}
    )


@blueprint.get("/messages")
def messages() -> Response:
    """Messages, newest first."""
    book, given = room.plan(), request.args
    asked = _of_person(
        looking.Asked(
            rule=given.get("rule") or None,
            states=STATES.get(given.get("state", ""), ()),
            type=given.get("type") or None,
            channel=given.get("channel") or None,
            provider=given.get("provider") or None,
            campaign=given.get("campaign") or None,
        )
    )
    values = _listed(asked)
    found = room.watch().messages(room.env(), values["asked"], values["cursor"]) if values["known"] else None
    top = values["upto"] or (found.items[0].stored.seq if found is not None and found.items else 0)
    newer = room.watch().newer_messages(room.env(), replace(values["asked"], upto=None, after=top)) if values["upto"] else 0
    choices = {
        "rules": sorted(book.rules, key=room.rule_name) if book is not None else [],
        "states": list(STATES),
        "types": MESSAGE_TYPES,
        "channels": CHANNELS,
        "providers": room.watch().providers,
    }
    return _list("live/messages", values | choices | {"page": found, "top": top, "newer": newer})


def _of_person(asked: looking.Asked) -> looking.Asked | None:
    """Narrowed to whom `who` means, if it says somebody; None: nobody is known by that."""
    who = request.args.get("who", "").strip()[:200]
    if not who:
        return asked
    found = room.watch().find(room.env(), who)
    if not found:
        return None
    return replace(asked, user=found[0].user) if found[0].user is not None else replace(asked, phone=found[0].phone)


def _listed(asked: looking.Asked | None) -> dict[str, Any]:
    """What every list has. Filters stand in the address; a page of older rows stays as it is."""
    upto = room.whole(request.args.get("upto"))
    cursor = room.checked_cursor(request.args.get("cursor"), int)
    given = {name: value for name, value in request.args.items() if value and name not in ("cursor", "upto")}
    asked_now = replace(asked, upto=upto) if asked is not None else looking.Asked()
    return {"asked": asked_now, "known": asked is not None, "upto": upto, "cursor": cursor, "given": given}


def _list(template: str, values: dict[str, Any]) -> Response:
    values |= {"room": room, "told": telling}
    if frame.is_htmx():
        return frame.partial(f"{template}_rows.html", **values)
    return frame.page(f"{template}.html", **values)


@blueprint.get("/messages/<int:seq>")
def message(seq: int) -> Response:
    """One message with its attempts and receipts."""
    found = room.watch().message(room.env(), seq) if seq < 1 << 62 else None
    if found is None:
        abort(404)
    trace = trace_of(room.env(), found.stored.message.occurrence)
    return frame.page("live/message.html", one=found, trace=trace, room=room, told=telling)


@blueprint.get("/campaigns")
def campaigns() -> Response:
    """Every campaign, newest first."""
    cursor = room.checked_cursor(request.args.get("cursor"), int, str)
    return frame.page("live/campaigns.html", page=room.watch().every_campaign(room.env(), cursor), quiet={}, room=room, told=telling)


@blueprint.get("/suppressions")
def suppressions() -> Response:
    """Suppressed numbers, and a way to add one."""
    return suppressions_page()


def suppressions_page(status: int = 200, error: str | None = None) -> Response:
    """The list; of one number where it is asked for."""
    asked = request.args.get("phone", "").strip()
    phone = (normalise(asked) or asked) if asked else None
    cursor = room.checked_cursor(request.args.get("cursor"), str, str)
    page = room.watch().suppressions(room.env(), phone, cursor)
    return frame.page(
        "live/suppressions.html", status, page=page, asked=asked, error=error, types=MESSAGE_TYPES, room=room, told=telling
    )  # fmt: skip
