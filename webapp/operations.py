"""An operation of the API as data: its address, what it takes, what it answers, and the function behind it.

From these alone come the routes, the validation of requests and the OpenAPI document.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from engine.simulate.output import Prices
from webapp.auth import environment
from webapp.idempotency import Answers
from webapp.limits import MAX_BODY_BYTES
from webapp.masking import masked, sees_personal
from webapp.problems import Problem
from webapp.service import Item, Json, Key, Page, Service

Schema = Mapping[str, Any]
JSON_TYPE = "application/json"


@dataclass(frozen=True, slots=True)
class Parameter:
    """One parameter of the path or the query. Its text is turned into what the schema's `type` says, then checked."""

    name: str
    place: Literal["path", "query"]
    schema: Schema
    description: str
    required: bool = False


@dataclass(frozen=True, slots=True)
class Body:
    """What a request carries. `read_json` False: the operation reads the bytes itself (lines, a provider's own form)."""

    schemas: Mapping[str, Schema]  # by media type
    required: bool = True
    max_bytes: int = MAX_BODY_BYTES
    read_json: bool = True
    checked: bool = True  # False: the engine checks it, by the same schema and the book's


@dataclass(frozen=True, slots=True)
class Shape:
    """One kind of answer."""

    description: str
    schema: Schema | None = None
    media_type: str = JSON_TYPE


@dataclass(frozen=True, slots=True)
class Answer:
    """What a handler gives back. `content` is JSON-ready, or bytes as they are. `remembered`: what an Idempotency-Key keeps instead."""

    content: Any
    status: int = 200
    media_type: str = JSON_TYPE
    headers: Mapping[str, str] = field(default_factory=dict)
    remembered: Any = None


@dataclass(frozen=True, slots=True)
class Rooms:
    """What all handlers share."""

    service: Service
    prices: Prices
    answers: Answers


@dataclass(frozen=True, slots=True)
class Call:
    """One request, authenticated and checked. `given` holds the parameters that came, with defaults."""

    rooms: Rooms
    key: Key | None
    given: Mapping[str, Any]
    body: Json = None
    raw: bytes = b""
    media_type: str = ""
    headers: Mapping[str, str] = field(default_factory=dict)

    @property
    def service(self) -> Service:
        """The engine."""
        return self.rooms.service

    @property
    def who(self) -> Key:
        """The key; only where the operation needs one."""
        assert self.key is not None
        return self.key

    @property
    def env(self) -> str:
        """`live` or `test`."""
        return environment(self.who)

    def shown(self, value: Any) -> Any:
        """The value as this key may see it."""
        return value if sees_personal(self.who) else masked(value)

    def page(self, page: Page) -> Answer:
        """A list as it is answered."""
        return Answer({"items": self.shown(list(page.items)), "next": page.next})

    def found(self, item: Item | None, what: str) -> Item:
        """The item, or the problem that there is none."""
        if item is None:
            raise Problem("not_found", f"no such {what}")
        return item


@dataclass(frozen=True, slots=True, kw_only=True)
class Operation:
    """One method of one address."""

    id: str
    method: Literal["GET", "POST", "PUT", "DELETE"]
    path: str  # as OpenAPI writes it: /v1/users/{id}
    summary: str
    tag: str
    handle: Callable[[Call], Answer]
    answers: Mapping[int, Shape]
    parameters: Sequence[Parameter] = ()
    body: Body | None = None
    codes: Sequence[str] = ()  # problems of its own, beside those that follow from the above
    needs: Sequence[str] = ()  # of the service: an operation that it cannot do yet is not offered
    idempotent: bool = True  # of a POST: takes an Idempotency-Key
    description: str = ""

    @property
    def takes_idempotency_key(self) -> bool:
        """Whether the header is read."""
        return self.method == "POST" and self.idempotent
