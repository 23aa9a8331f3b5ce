"""The search of the top bar: what the book names, people, events."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from urllib.parse import urlencode

from flask import url_for
from flask_babel import gettext

from engine.core.phones import normalise
from rules.model import Rulebook
from webapp.console import frame

MOST = 12


@dataclass(frozen=True, slots=True)
class Hit:
    """Something found: what it is, how it is called, its code, where it is."""

    kind: str
    name: str
    code: str
    address: str


def find(asked: str) -> list[Hit]:
    """At most a dozen; nothing for an empty question."""
    return list(islice(_all(asked), MOST)) if asked else []


def _all(asked: str) -> Iterator[Hit]:
    number = normalise(asked) if asked.lstrip("+").isdigit() else None
    service, env = frame.house().service, frame.visitor().env
    if number is not None or service.user(env, asked) is not None:
        yield Hit(gettext("用户"), asked if number is None else gettext("这个号码的时间线"), asked, f"/live?{urlencode({'who': asked})}")
    if service.event(env, "api", asked) is not None:
        yield Hit(gettext("事件"), gettext("从事件到回执"), asked, f"/live/trace?{urlencode({'id': asked})}")
    active = service.book()
    if active is not None:
        yield from _in_book(active.plan.book, asked.casefold())


def _in_book(book: Rulebook, asked: str) -> Iterator[Hit]:
    """Names that begin so come before names that hold it."""
    every = [
        *((gettext("规则"), rule.name, id) for id, rule in book.rules.items()),
        *((gettext("人群"), segment.name, id) for id, segment in book.segments.items()),
        *((gettext("事件类型"), event.name, id) for id, event in book.events.items()),
        *((gettext("模板"), "", id) for id in book.templates),
    ]
    fitting = [one for one in every if asked in one[1].casefold() or asked in one[2].casefold()]
    for kind, name, id in sorted(fitting, key=lambda one: not (one[1].casefold().startswith(asked) or one[2].casefold().startswith(asked))):
        yield Hit(kind, name or id, id, f"{url_for('editor.show')}?{urlencode({'find': id})}")
