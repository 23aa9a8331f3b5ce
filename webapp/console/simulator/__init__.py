"""The simulator page: a story of people and events on a clock, run with the draft or any version, and why each verdict came."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from flask import Blueprint, Response, request, url_for
from flask.blueprints import BlueprintSetupState
from werkzeug.wrappers import Response as AnyResponse

from engine.core.zones import format_instant
from engine.events import EventReader
from engine.people import UserReader
from engine.refusals import Refusal
from engine.runtime.drafts import DraftConflict
from engine.runtime.errors import NotFound, ServiceError
from webapp.console import frame, words
from webapp.console.simulator import contrast, forms, looking, recorded, sources, testcase
from webapp.console.simulator import story as stories
from webapp.console.simulator.book import Rules
from webapp.console.simulator.looking import Address, Broken, Look, NoRules
from webapp.console.simulator.masked import masked
from webapp.console.simulator.naming import _
from webapp.console.simulator.story import BadStory, Story

BOTH = "both"  # of the draft and the live book, where one is asked for
blueprint = Blueprint("simulator", __name__, url_prefix="/simulator")


@blueprint.record_once
def add_filters(state: BlueprintSetupState) -> None:
    """What only these templates say."""
    state.app.jinja_env.filters.update(
        at_text=format_instant,
        outcome_word=lambda name: _("失败") if name == "failed" else words.word(_CODES[name], "outcome"),
        pretty=lambda value: json.dumps(value, ensure_ascii=False, indent=1),
    )


_CODES = {"sent": "send", "scheduled": "schedule", "deferred": "defer", "skipped": "skip", "cancelled": "cancel"}


@blueprint.get("")
def show() -> Response:
    """The page; for a browser with scripts, what of it changes."""
    return _shown(_address())


@blueprint.get("/export")
def export() -> Response:
    """The story as JSONL, as `hongyan simulate` reads it."""
    story = _with_story(_address())[1]
    headers = {"Content-Disposition": 'attachment; filename="story.jsonl"'}
    return Response(stories.export(story), content_type="application/jsonl; charset=utf-8", headers=headers)


# ---- changing the story -----------------------------------------------------------------------------------------------------------------


@blueprint.post("/event")
def change_event() -> AnyResponse:
    """Add an event, put another one in its place, or take it away."""
    address = _address()

    def change(look: Look) -> tuple[Story, dict[str, str]]:
        at = _index(look.story.events)
        if "remove" in request.form and at is not None:
            return look.story.without_event(at), {}
        known = look.story.events[at] if at is not None else None
        line = forms.event_line(look.run.plan.book, look.story, request.form, look.zone, known)
        read = EventReader(look.run.plan.book).read(dict(line))
        if isinstance(read, Refusal):
            raise BadStory(read.reason)
        return look.story.with_event(line, at), {"at": "" if read.received > look.run.now else address.at}

    return _changed(address, change)


@blueprint.post("/user")
def change_user() -> AnyResponse:
    """Add a person, put another one in their place, or take them away."""
    address = _address()

    def change(look: Look) -> tuple[Story, dict[str, str]]:
        at = _index(look.story.users)
        if "remove" in request.form and at is not None:
            return look.story.without_user(at), {}
        line = forms.user_line(look.run.plan.book, request.form, request.form.getlist("suppressed"), look.zone)
        read = UserReader(look.run.plan.book).read(dict(line))
        if isinstance(read, Refusal):
            raise BadStory(read.reason)
        return look.story.with_user(line, at), {}

    return _changed(address, change)


@blueprint.post("/new")
def new() -> AnyResponse:
    """A story from what was pasted, from a recorded order, or an empty one."""
    address = _address()
    kind = request.form.get("kind", "")
    try:
        _choice, rules = _rules(address)
        assert rules.plan is not None
        if kind == "order":
            story = recorded.of_order(_service(), frame.visitor().env, rules.plan.book, request.form.get("order", ""))
        elif kind == "paste":
            story = stories.read(request.form.get("text", ""))
        else:
            story = Story(_("新故事"))
        kept = _keep(story, address)
    except BadStory as error:
        return _shown(replace(address, edit=kind), _("读不懂：%(reason)s", reason=error), 422)
    except NotFound:
        return _shown(replace(address, edit="order"), _("没有找到这个订单号或事件编号。只在最近 20 万个事件里找。"), 422)
    return frame.back_to(url_for("simulator.show", **address.query(story=kept, at="", verdict="", edit="", day="", only="")))


def _changed(address: Address, change: Callable[[Look], tuple[Story, dict[str, str]]]) -> AnyResponse:
    try:
        look, _story = _with_story(address, begun=True)
        changed, moves = change(look)
        kept = _keep(changed, address)
    except BadStory as error:
        return _shown(address, str(error), 422)
    return frame.back_to(url_for("simulator.show", **address.query(story=kept, edit="", type="", **moves)))


def _index(lines: tuple[Any, ...]) -> int | None:
    text = request.form.get("index", "")
    return int(text) if text.isascii() and text.isdigit() and int(text) < len(lines) else None


def _keep(story: Story, address: Address) -> str:
    """Keep a story for its link, with nothing personal in it."""
    _choice, rules = _rules(address)
    assert rules.plan is not None
    safe = masked(stories.from_body(story.body()), rules.plan.book)
    _service().stories.link(safe.id, safe.body())
    return safe.id


# ---- keeping it -------------------------------------------------------------------------------------------------------------------------


@blueprint.post("/case")
def save_case() -> AnyResponse:
    """Keep the story under a name."""
    address = _address()
    name = request.form.get("name", "").strip()
    try:
        look, story = _with_story(address, begun=True)
        safe = masked(replace(story, name=name), look.run.plan.book)
        kept = _service().stories.save(name, safe.body(), shared="shared" in request.form, by=frame.visitor().name)
    except ServiceError as error:
        return _shown(replace(address, edit="save"), str(error), 422)
    return frame.back_to(url_for("simulator.show", **address.query(story=kept, edit="")))


@blueprint.post("/case/remove")
def remove_case() -> AnyResponse:
    """Forget one's own case."""
    _service().stories.remove(request.form.get("id", ""), frame.visitor().name)
    return frame.back_to(url_for("simulator.show", book=_address().book))


@blueprint.post("/test")
def save_test() -> AnyResponse:
    """Write the story into the draft as a rule test."""
    address = _address()
    look, story = _with_story(address)
    name = request.form.get("name", "").strip()
    if not testcase.is_name(name):
        return _shown(replace(address, edit="test"), _("名称里不能有空格、点、逗号、冒号、引号和括号，最多 100 个字。"), 422)
    scope: testcase.Scope = "verdict" if request.form.get("scope") == "verdict" and look.chosen is not None else "messages"
    safe = looking.look(look.choice, look.rules, masked(story, look.run.plan.book), address, frame.house())
    chosen = safe.run.by_id.get(address.verdict)
    try:
        text = testcase.entry(name, safe.given, safe.run, scope, chosen)
        saved = testcase.save(_service().drafts, name, text, frame.visitor().name)
    except DraftConflict as error:
        return _shown(replace(address, edit="test"), _("%(who)s 刚刚改了这个文件，请再试一次。", who=error.who), 409)
    except BadStory as error:
        return _shown(replace(address, edit="test"), _("没有存下来：%(reason)s", reason=error), 422)
    done = f"{saved.file}:{saved.line}:{saved.name}"
    return frame.back_to(url_for("simulator.show", **address.query(edit=""), saved=done))


# ---- showing ----------------------------------------------------------------------------------------------------------------------------


def _shown(address: Address, problem: str = "", status: int = 200) -> Response:
    """The page at an address, in whichever state it is. `problem`: what a form was refused for; it keeps what was written."""
    values: dict[str, Any] = {"address": address, "problem": problem, "given": request.form if problem else None}
    try:
        values |= _whole(address)
    except NoRules:
        values |= {"state": "no_rules", "samples": {}, "tests": (), "cases": ()}
    except Broken as broken:
        values |= {"state": "broken", "broken": broken, "samples": {}, "tests": (), "cases": _cases()}
    except BadStory as error:
        values |= {"state": "bad_story", "why_bad": str(error)}
        values |= _sources(looking.rules_of(_service(), frame.visitor().env, address)[1])
    values["bare"] = frame.is_htmx() and "HX-History-Restore-Request" not in request.headers
    response = frame.page("simulator/page.html", status, **values)
    if values["bare"] and request.method == "GET":
        response.headers["HX-Push-Url"] = request.full_path.rstrip("?")
    return response


def _whole(address: Address) -> dict[str, Any]:
    choice, rules = _rules(address)
    values = _sources(rules) | {"choice": choice, "live": _live_version()}
    if not address.story:
        return values | {"state": "empty"}
    story = looking.story_of(_service(), rules, address.story, frame.visitor().name)
    look = looking.look(choice, rules, story, address, frame.house())
    values |= {"state": "story", "look": look, "form": _form(look, address), "saved": _saved(), "case": _case(address.story)}
    return values | (_contrast(look, address) if address.book == BOTH else {})


def _contrast(look: Look, address: Address) -> dict[str, Any]:
    """The same story with the live book, and what it decides otherwise."""
    try:
        choice, rules = _rules(replace(address, book="live"))
    except (NoRules, Broken):
        return {"other": None}
    other = looking.look(choice, rules, look.story, replace(address, book="live", at=format_instant(look.run.now)), frame.house())
    found = contrast.differences(other.run, look.run)
    return {"other": other, "differences": found, "difference": next((one for one in found if one.new is look.chosen), None)}


def _form(look: Look, address: Address) -> dict[str, Any] | None:
    """What is being filled in, beside what the address says."""
    kind, _dash, number = address.edit.partition("-")
    index = int(number) if number.isascii() and number.isdigit() else None
    book, story = look.run.plan.book, look.story
    given = request.form if request.method == "POST" else None
    if kind == "event":
        known: Mapping[str, Any] = story.events[index] if index is not None and index < len(story.events) else {}
        declared = book.events.get(address.type or str(known.get("type", "")))
        fields = [] if declared is None else forms.inputs(declared.data, known.get("data") or {}, look.zone, given)
        time = str(known.get("time") or format_instant(look.next_time))
        return {
            "kind": kind, "index": index if known else None, "declared": declared, "fields": fields,
            "time": given.get("time", "") if given else forms.local_time(time, look.zone),
            "received": known.get("received") and forms.local_time(str(known["received"]), look.zone),
            "user": given.get("user", "") if given else forms.user_text(known.get("user", story.users[0]["id"] if story.users else "")),
        }  # fmt: skip
    if kind == "user":
        known = story.users[index] if index is not None and index < len(story.users) else {}
        fresh = {"id": f"u{len(story.users) + 1}", "phone": f"+86138000000{len(story.users) + 1:02d}"}
        return {
            "kind": kind, "index": index if known else None, "known": dict(given) if given else known or fresh, "scopes": forms.SCOPES,
            "fields": forms.inputs(book.attributes, known.get("attributes") or {}, look.zone, given),
        }  # fmt: skip
    if kind == "test":
        wanted = f"{look.chosen.verdict.rule}-{look.chosen.verdict.reason}" if look.chosen is not None else story.name
        return {"kind": kind, "name": testcase.free_name(wanted or "story", book.tests)}
    return {"kind": kind} if kind in ("save", "paste", "order") else None


def _sources(rules: Rules) -> dict[str, Any]:
    assert rules.plan is not None
    book = rules.plan.book
    return {"samples": sources.samples(book), "tests": sources.tests(book), "cases": _cases()}


def _cases() -> Any:
    return _service().stories.cases(frame.visitor().name)


def _case(id: str) -> Any:
    return next((one for one in _cases() if one.id == id), None)


def _saved() -> tuple[str, int, str] | None:
    """Where a test was just written: (file, line, name)."""
    file, _colon, rest = request.args.get("saved", "").partition(":")
    line, _colon, name = rest.partition(":")
    return (file, int(line), name) if line.isascii() and line.isdigit() and len(line) < 9 else None


def _live_version() -> int | None:
    return next((one["version"] for one in _service().versions() if one["active"]), None)


def _service() -> Any:
    return frame.house().service


def _rules(address: Address) -> tuple[Any, Any]:
    return looking.rules_of(_service(), frame.visitor().env, address)


def _with_story(address: Address, *, begun: bool = False) -> tuple[Look, Story]:
    """The look at the address's story; `begun`: without one, at an empty one. Raises NotFound."""
    choice, rules = _rules(address)
    if address.story or not begun:
        story = looking.story_of(_service(), rules, address.story, frame.visitor().name)
    else:
        story = Story(_("新故事"))
    return looking.look(choice, rules, story, address, frame.house()), story


def _address() -> Address:
    """The look that the request is about; forms carry it in their address too."""
    given = {name: request.args.get(name, "")[:200] for name in Address.__slots__}
    return Address(**{**given, "book": given["book"] or "draft"})
