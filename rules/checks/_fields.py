"""What a place may read: the declared fields of its events, its aliases and the user, with what is known of their values."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from rules.model import EVENT_BUILTINS, USER_BUILTINS, EventType, FieldDef, Scalar, Trait

if TYPE_CHECKING:
    from rules.draft import Draft

# Types whose values are compared with one another: `phone` and `link` are text, an integer is a number.
KINDS = {"string": "text", "phone": "text", "link": "text", "integer": "number", "number": "number"}
# Of the built-ins these may be missing: a broadcast has no user, a type without key has none either, a person may be only a phone.
SOMETIMES_MISSING = {"event.user", "event.key", "user.timezone", "user.locale", "user.phone", "user.id"}
# Take words whose trait has a value before any event.
NEVER_MISSING = ("count", "sum", "distinct")


@dataclass(frozen=True, slots=True)
class Known:
    """What the declarations say of a field's value. Several events may declare it differently: then all of it holds for some of them."""

    name: str
    types: frozenset[str]
    enum: frozenset[Scalar] | None = None
    minimum: float | None = None
    maximum: float | None = None
    items: Known | None = None  # of a list; None: anything
    given: bool = False  # never missing

    @property
    def kinds(self) -> frozenset[str]:
        """The types as far as comparing goes."""
        return frozenset(KINDS.get(type_, type_) for type_ in self.types)


@dataclass(frozen=True, slots=True)
class Reach:
    """What one place may read.

    `events`: the types that `event.*` may be, () where there is no event. `unsure` holds the roots whose declaration is unknown or
    broken, so that nothing can be said about a name below them.
    """

    events: tuple[EventType, ...] = ()
    user: bool = False
    aliases: Mapping[str, EventType] = field(default_factory=dict)
    unsure: frozenset[str] = frozenset()

    def has_root(self, root: str) -> bool:
        """Whether names below `root` may be read here at all."""
        return (root == "user" and self.user) or (root == "event" and bool(self.events)) or root in self.aliases or root in self.unsure


class FieldBook:
    """The declared fields of a draft, by place."""

    def __init__(self, draft: Draft) -> None:
        self.draft = draft
        self._user = dict(_user_fields(draft))
        self._found: dict[tuple[str, tuple[str, ...]], Known | None] = {}
        self.user_names = frozenset(self._user) | {f"user.{name}" for name in _user_names(draft)}

    def reach(self, events: Iterable[str] = (), *, user: bool = False, aliases: Mapping[str, str] | None = None) -> Reach:
        """What may be read where `event` is one of these types, and each alias the type it names."""
        types, unsure = self._types(events)
        known = {alias: self._types((event,)) for alias, event in (aliases or {}).items()}
        broken = {alias for alias, (_, unknown) in known.items() if unknown}
        return Reach(
            types,
            user,
            {alias: found[0] for alias, (found, _) in known.items() if found},
            frozenset(broken | ({"event"} if unsure else set())),
        )

    def everything(self) -> Reach:
        """Every event and the user: what a text or a cap that any rule may use can name."""
        return self.reach(self.draft.names["events"], user=True)

    def find(self, name: str, reach: Reach) -> Known | None:
        """What is known of a field here. None: not declared. A field of an unknown event is of unknown type."""
        root = name.partition(".")[0]
        if root in reach.unsure:
            return Known(name, frozenset({"any"}))
        if root == "user" and reach.user:
            return self._user.get(name) or (Known(name, frozenset({"any"})) if name in self.user_names else None)
        if root == "event":
            return self._event_field(reach.events, name)
        alias = reach.aliases.get(root)
        return event_field((alias,), name) if alias else None

    def _event_field(self, events: tuple[EventType, ...], name: str) -> Known | None:
        key = (name, tuple([event.type for event in events]))
        if key not in self._found:
            self._found[key] = event_field(events, name)
        return self._found[key]

    def supplies(self, name: str, reach: Reach) -> bool:
        """Whether the field is declared here by every event that may be meant."""
        if name.startswith("event.") and "event" not in reach.unsure:
            return bool(reach.events) and all(event_field((event,), name) for event in reach.events)
        return self.find(name, reach) is not None

    def names(self, reach: Reach) -> set[str]:
        """All names that may be read here, for `did you mean`."""
        found = set(self.user_names) if reach.user else set()
        for event in reach.events:
            found |= set(event_names("event", event))
        for alias, event in reach.aliases.items():
            found |= set(event_names(alias, event))
        return found

    def _types(self, names: Iterable[str]) -> tuple[tuple[EventType, ...], bool]:
        names = tuple(names)
        events = self.draft.book.events
        return tuple(events[name] for name in names if name in events), not all(name in events for name in names)


def event_field(events: Iterable[EventType], name: str) -> Known | None:
    """A field of the events that declare it; `given` only if all of them do and require it."""
    events = tuple(events)
    found = [known for event in events if (known := _of_event(event, name)) is not None]
    if not found:
        return None
    merged = _merge(found)
    return replace(merged, given=merged.given and len(found) == len(events))


def event_names(root: str, event: EventType) -> Iterator[str]:
    """`event.amount`, `event.id` and all others of one type, `root` standing for `event`."""
    yield from (f"{root}.{name}" for name in EVENT_BUILTINS)
    for name, definition in event.data.items():
        yield from (known.name for known in _nested(f"{root}.{name}", definition, given=True))


def _of_event(event: EventType, name: str) -> Known | None:
    root, _, rest = name.partition(".")
    if rest in event.data or "." in rest:
        definition = event.data.get(rest) or event.data.get(rest.partition(".")[0])
        every = _nested(f"{root}.{definition.name}", definition, given=True) if definition else ()
        return next((known for known in every if known.name == name), None)
    return _event_builtin(event, name, rest)


def _event_builtin(event: EventType, name: str, rest: str) -> Known | None:
    if rest not in EVENT_BUILTINS:
        return None
    kind = EVENT_BUILTINS[rest]
    if rest == "key" and event.key is not None and event.key in event.data:
        return Known(name, frozenset({kind}), given=not event.data[event.key].optional)
    return Known(name, frozenset({kind}), given=f"event.{rest}" not in SOMETIMES_MISSING)


def _nested(name: str, definition: FieldDef, *, given: bool) -> Iterator[Known]:
    known = declared(name, definition, given=given)
    yield known
    for inner, inner_definition in (definition.properties or {}).items():
        yield from _nested(f"{name}.{inner}", inner_definition, given=known.given)


def declared(name: str, definition: FieldDef, *, given: bool) -> Known:
    """A field as its declaration says it; `given` is whether what holds it is never missing."""
    schema = definition.schema
    return Known(
        name,
        frozenset({definition.type}),
        frozenset(definition.enum) if definition.enum is not None else None,
        _number(schema.get("minimum")),
        _number(schema.get("maximum")),
        declared(name, definition.items, given=False) if definition.items else None,
        given and not definition.optional,
    )


def _number(value: Scalar) -> float | None:
    return value if isinstance(value, int | float) and not isinstance(value, bool) else None


def _user_fields(draft: Draft) -> Iterator[tuple[str, Known]]:
    for name, kind in USER_BUILTINS.items():
        yield f"user.{name}", Known(f"user.{name}", frozenset({kind}))
    for name, definition in draft.book.attributes.items():
        yield from ((known.name, known) for known in _nested(f"user.{name}", definition, given=False))
    for name, trait in draft.book.traits.items():
        yield f"user.{name}", _trait(draft, f"user.{name}", trait)


def _user_names(draft: Draft) -> frozenset[str]:
    return draft.names["attributes"] | draft.names["traits"]


def _trait(draft: Draft, name: str, trait: Trait) -> Known:
    given = trait.take in NEVER_MISSING
    if trait.take == "count":
        return Known(name, frozenset({"integer"}), minimum=0, given=given)
    source = trait_source(draft, trait) or Known(name, frozenset({"any"}))
    if trait.take == "sum":
        return Known(name, frozenset({"number"}), given=given)
    if trait.take == "distinct":
        return Known(name, frozenset({"list"}), items=source, given=given)
    return replace(source, name=name, given=given)


def trait_source(draft: Draft, trait: Trait) -> Known | None:
    """The field that a trait is taken from; None without one, or where it is not declared."""
    events = [draft.book.events[event] for event in trait.events if event in draft.book.events]
    return event_field(events, trait.of) if trait.of else None


def _merge(found: list[Known]) -> Known:
    first = found[0]
    if len(found) == 1:
        return first
    enums = [known.enum for known in found if known.enum is not None]
    lows = [known.minimum for known in found if known.minimum is not None]
    highs = [known.maximum for known in found if known.maximum is not None]
    return Known(
        first.name,
        frozenset[str]().union(*(known.types for known in found)),
        frozenset[Scalar]().union(*enums) if len(enums) == len(found) else None,
        min(lows) if len(lows) == len(found) else None,
        max(highs) if len(highs) == len(found) else None,
        first.items if all(known.items == first.items for known in found) else None,
        all(known.given for known in found),
    )
