"""Samples: a template of the active book, rendered with made-up values by the same code as every message, and sent to one's own number.

A sample belongs to no rule: it takes no cap, waits for no chain, and is no verdict. It is a message like others from there on, so that
suppressions, switches, routes and receipts hold for it.
"""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from dataclasses import replace
from datetime import tzinfo
from typing import Any

from engine.core.compile import compile_book
from engine.core.facts import Event, Json, Scope, UserCell
from engine.core.outcomes import Item, Message
from engine.core.phones import mask
from engine.core.plan import BookPlan, Look, RulePlan
from engine.core.render import TemplateError
from engine.core.texts import cut
from engine.core.zones import zone as zone_of
from engine.nearest import did_you_mean
from engine.runtime.errors import NotFound, ServiceError
from engine.runtime.views import message_views
from engine.simulate.output import Prices
from engine.store import audit, followups, messages
from engine.store.messages import NewMessage
from engine.store.states import State
from engine.store.store import Tx
from rules.model import EVENT_BUILTINS, HOUR, USER_BUILTINS, EventTrigger, JoinTrigger, Rule, Send, Trait

SAMPLE = "(a sample)"  # stands where others have their rule; a name of the book has no blank
TYPE = "notification"
PRIORITY = 1
VALID = HOUR  # somebody is waiting for it; a day later it would only puzzle


class CannotBeMade(ServiceError):
    """The template cannot be rendered with these values; the text says which one is missing or unfit."""


def send(
    tx: Tx, env: str, book: BookPlan, template: str, locale: str | None, values: Mapping[str, Json], to: str, *, by: str, now: int,
    prices: Prices,
) -> dict[str, Any]:  # fmt: skip
    """Put a sample into the outbox; it, with its text, parts and cost. Raises NotFound and CannotBeMade."""
    rule, look = place_of(book, template)
    message = _message(book, rule, look, scope_of(book, rule, locale, values, to, now), to, now)
    scopes = followups.suppressed(tx, env, [to]).get(to, set())
    # The number has said no to what the template is for, not to notifications.
    held = bool(scopes & {rule.type.id, TYPE, "all", "blocked"})
    state, reason = (State.CANCELLED, "blocked" if "blocked" in scopes else "suppressed") if held else (State.QUEUED, None)
    messages.add(tx, env, [NewMessage(message, PRIORITY, state=state, reason=reason)])
    audit.add(tx, env, audit.Entry(now, by, "sample.send", {"template": template, "to": mask(to), "message": message.occurrence}))
    return message_views(tx, [messages.get(tx, env, [message.id])[message.id]], prices)[0] | {"content": message.content}


def _message(book: BookPlan, rule: RulePlan, look: Look, scope: Scope, to: str, now: int) -> Message:
    channel = look.channels[0]
    try:
        made = cut(channel, rule, scope, to, book)
    except TemplateError as error:
        raise CannotBeMade(f"{error}: give it in values") from None
    occurrence = f"sample-{secrets.token_hex(8)}"
    item = Item(SAMPLE, occurrence, now, phone=to)
    return Message(
        f"{SAMPLE}|{occurrence}|{to}", now, item, None, to, to, TYPE, channel.name, look.template, look.name, made.text, made.content,
        made.parts, now + VALID, None, (), (),
    )  # fmt: skip


# ---- where the template stands ----------------------------------------------------------------------------------------------------------


def place_of(book: BookPlan, template: str) -> tuple[RulePlan, Look]:
    """The first rule that sends it, which says what it may read, its channels and its ending; else a rule made up for it."""
    if template not in book.book.templates:
        raise NotFound(f'there is no template "{template}"{did_you_mean(template, book.book.templates)}')
    for rule in book.rules.values():
        look = next((look for look in rule.looks if look.template == template and look.channels), None)
        if look is not None:
            return rule, look
    made = Rule((), SAMPLE, EventTrigger((), tuple(book.book.events)), Send((), TYPE, template))
    rule = compile_book(replace(book.book, rules={SAMPLE: made})).rules[SAMPLE]
    return rule, rule.looks[0]


# ---- what it reads ----------------------------------------------------------------------------------------------------------------------


def scope_of(book: BookPlan, rule: RulePlan, locale: str | None, values: Mapping[str, Json], to: str, now: int) -> Scope:
    """Values by the names that the template has for them: `event.order_id` (or `order_id`), `user.city`, `a.amount` of a sequence."""
    person = UserCell("sample", book.zone)
    person.phone, person.locale = to, locale
    data: dict[str, dict[str, Json]] = {"event": {}, "user": {}}
    for given, value in values.items():
        name = given if "." in given else f"event.{given}"
        if name not in rule.fields:
            raise CannotBeMade(f'"{given}" is nothing that the template may read{did_you_mean(name, rule.fields.by_name)}')
        root, _, key = name.partition(".")
        _put(data.setdefault(root, {}), key, value)
    _fill(person, data.pop("user"), book, now)
    events = {root: _event(rule, root, values, now) for root, values in data.items()}
    aliases = (
        {step.alias: _event(rule, step.alias, {}, now) for step in rule.rule.on.steps} if isinstance(rule.rule.on, JoinTrigger) else {}
    )
    return Scope(now, person.zone, events["event"], person, aliases | events, person.locale or book.book.locale)


def _put(data: dict[str, Json], key: str, value: Json) -> None:
    """`address.city` is the city of an object."""
    first, _, rest = key.partition(".")
    if not rest:
        data[first] = value
        return
    inner = data.setdefault(first, {})
    if isinstance(inner, dict):
        _put(inner, rest, value)


def _event(rule: RulePlan, root: str, data: dict[str, Json], now: int) -> Event:
    on = rule.rule.on
    types = [step.event for step in on.steps if step.alias == root] if isinstance(on, JoinTrigger) else list(getattr(on, "events", ()))
    named = {name: value for name in EVENT_BUILTINS if isinstance(value := data.get(name), str)}
    data = {name: value for name, value in data.items() if name not in EVENT_BUILTINS}
    event = Event(named.get("id", "sample"), types[0] if types else "", now, data, user=named.get("user"), key=named.get("key"))
    event.type = named.get("type", event.type)
    return event


def _fill(person: UserCell, given: dict[str, Json], book: BookPlan, now: int) -> None:
    """Built-ins, attributes and traits of the one who reads it."""
    person.zone = _zone(given.get("timezone"), person.zone)
    for name in USER_BUILTINS:
        if isinstance(value := given.pop(name, None), str) and value:
            setattr(person, name, value)
    traits = {name: given.pop(name) for name in list(given) if name in book.book.traits}
    person.attributes = given
    person.traits = {name: _state(book.book.traits[name], value, now) for name, value in traits.items() if value is not None}


def _zone(name: Json, otherwise: tzinfo) -> tzinfo:
    try:
        return zone_of(name) if isinstance(name, str) and name else otherwise
    except (KeyError, ValueError):
        raise CannotBeMade(f'"{name}" is no time zone') from None


def _state(trait: Trait, value: Json, now: int) -> Any:
    """The state of a trait that has this value now (engine.core.traits)."""
    members = value if isinstance(value, list) else [value]
    if trait.take == "distinct":
        return tuple([(now, member) for member in members]) if trait.within is not None else tuple(members)
    if trait.within is None:
        return (now, value) if trait.take in ("latest", "first") else value
    if trait.take == "count":
        return tuple([(now, True)] * min(value, 1_000)) if type(value) is int and value >= 0 else ()
    return ((now, value),)
