"""The immutable rulebook: what the YAML says, parsed but not resolved.

References between entries stay names (strings) here, so a book with unknown names can still be built and checked; `engine.core.compile`
resolves them for a book without errors. Every entry keeps its `path`, the place in the YAML tree that positions and traces speak of.
Instants are integers: microseconds since 1970-01-01T00:00Z. Times of day are minutes since midnight.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

Path = tuple[str | int, ...]
Scalar = str | int | float | bool | None

SECOND = 1_000_000
MINUTE = 60 * SECOND
HOUR = 60 * MINUTE
DAY = 24 * HOUR

MESSAGE_TYPES = ("verification", "notification", "marketing")
CHANNELS = ("sms", "video_sms", "caller_card", "email", "push", "webhook")
FIELD_TYPES = ("string", "integer", "number", "boolean", "date", "datetime", "phone", "link", "list", "object")
OPERATORS = (
    "is", "is_not", "in", "not_in", "at_least", "at_most", "above", "below", "between", "exists", "contains", "starts_with",
    "ends_with", "matches", "older_than", "newer_than", "within_next", "on_date", "same_day_as",
)  # fmt: skip
TAKES = ("latest", "first", "count", "sum", "min", "max", "distinct")
FILTERS = ("money", "date", "time", "datetime", "duration", "mask", "upper", "lower", "default", "truncate", "label")
# Fields that are there without being declared, with their types.
EVENT_BUILTINS = {"id": "string", "type": "string", "time": "datetime", "received": "datetime", "user": "string", "key": "string"}
USER_BUILTINS = {"id": "string", "phone": "phone", "timezone": "string", "locale": "string"}


def path_text(path: Path) -> str:
    """`("rules", "x", "when", "any", 1, "event.amount")` as people read it: `rules.x.when.any[1].event.amount`."""
    text = ""
    for part in path:
        text += f"[{part}]" if isinstance(part, int) else f".{part}" if text else part
    return text


@dataclass(frozen=True, slots=True)
class Duration:
    """A length as written: `30s 10m 24h` are exact, `3d` and `2w` are calendar days in offsets and ages, 24-hour days in windows."""

    amount: int
    unit: Literal["s", "m", "h", "d", "w"]

    @property
    def is_calendar(self) -> bool:
        """Whether an offset by it moves by calendar days."""
        return self.unit in ("d", "w")

    @property
    def days(self) -> int:
        """Calendar days; only meaningful when `is_calendar`."""
        return self.amount * (7 if self.unit == "w" else 1)

    @property
    def micros(self) -> int:
        """Exact length in microseconds, a day being 24 hours (windows and lifetimes)."""
        return self.amount * {"s": SECOND, "m": MINUTE, "h": HOUR, "d": DAY, "w": 7 * DAY}[self.unit]

    def __str__(self) -> str:
        return f"{self.amount}{self.unit}"


# ---- conditions -----------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Ref:
    """`{ref: user.city}`: the value of another field."""

    field: str


Operand = Scalar | Ref | Duration | tuple[Scalar | Ref, ...]


@dataclass(frozen=True, slots=True)
class Leaf:
    """One operator on one field. A field with two operators is an `All` of two Leafs with the same path.

    `path` is that of the field's key (`rules.x.when.any[1].event.amount`). A scalar shorthand is `op="is"`, a list shorthand `op="in"`.
    Operand by op: is/is_not/contains/starts_with/ends_with/at_*/above/below/same_day_as: scalar or Ref; in/not_in: tuple, or a Ref to a
    list; between: a tuple of two; exists: bool; matches: str (RE2); older_than/newer_than/within_next: Duration; on_date: "today", a
    date or a Ref. Dates and datetimes stay strings here (core reads them by the field's declared type, in the book's zone).
    """

    path: Path
    field: str
    op: str
    operand: Operand


@dataclass(frozen=True, slots=True)
class All:
    """Every item holds. A mapping, or `all: [...]`."""

    path: Path
    items: tuple[Condition, ...]


@dataclass(frozen=True, slots=True)
class AnyOf:
    """At least one item holds."""

    path: Path
    items: tuple[Condition, ...]


@dataclass(frozen=True, slots=True)
class NoneOf:
    """No item holds."""

    path: Path
    items: tuple[Condition, ...]


@dataclass(frozen=True, slots=True)
class Not:
    """The item does not hold."""

    path: Path
    item: Condition


@dataclass(frozen=True, slots=True)
class InSegment:
    """`segment: vip`: the user satisfies the named segment."""

    path: Path
    segment: str


Condition = Leaf | All | AnyOf | NoneOf | Not | InSegment


# ---- what is known of events and users ------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class FieldDef:
    """A declared field. `schema` holds the JSON Schema words that may be added (minimum, maximum, minLength, maxLength, pattern ...)."""

    path: Path
    name: str
    type: str
    optional: bool = False
    secret: bool = False
    personal: bool = False
    enum: Mapping[str | int | float | bool, str] | None = None  # value -> label for people (the value itself when none was given)
    schema: Mapping[str, Scalar] = field(default_factory=dict)
    items: FieldDef | None = None
    properties: Mapping[str, FieldDef] | None = None
    description: str = ""


@dataclass(frozen=True, slots=True)
class EventType:
    """A kind of event. `key` names the data field of the business object; None: the user is the key."""

    path: Path
    type: str
    data: Mapping[str, FieldDef]
    key: str | None = None
    broadcast: bool = False
    name: str = ""


@dataclass(frozen=True, slots=True)
class Trait:
    """A fact about a user that the engine keeps from events. `of` is a full field (`event.amount`), None only for count."""

    path: Path
    name: str
    events: tuple[str, ...]
    take: str
    of: str | None = None
    when: Condition | None = None
    within: Duration | None = None


@dataclass(frozen=True, slots=True)
class Segment:
    """A named predicate over a user."""

    path: Path
    id: str
    when: Condition
    name: str = ""


# ---- message types, templates -----------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Window:
    """Over what a cap counts. sliding: `(now - micros, now]`; aligned: the running minute, hour, day, week or month; ever."""

    kind: Literal["sliding", "aligned", "ever"]
    micros: int = 0
    unit: str = ""  # minute | hour | day | week | month, for aligned
    text: str = ""  # as written


@dataclass(frozen=True, slots=True)
class Cap:
    """At most `max` messages per window, counted by some fields: `user`, `phone`, `phone_prefix`, `ip_network`, `all`, or `event.x`..."""

    path: Path
    max: int
    per: Window
    by: tuple[str, ...] = ("user",)


@dataclass(frozen=True, slots=True)
class QuietHours:
    """`[start, end)` in minutes since midnight in the recipient's zone; may cross midnight (start > end)."""

    path: Path
    start: int
    end: int
    then: Literal["defer", "drop"] = "defer"


@dataclass(frozen=True, slots=True)
class CodeSpec:
    """How a verification code is made. None: not stated here (the rule falls back to the type, the type to 6, 10m and 5)."""

    digits: int | None = None
    valid_for: Duration | None = None
    checks: int | None = None


@dataclass(frozen=True, slots=True)
class MessageType:
    """The purpose of a message, which sets the policy. What it does not state, it does not have."""

    path: Path
    id: str  # verification | notification | marketing
    caps: tuple[Cap, ...] = ()
    code: CodeSpec | None = None
    valid_for: Duration | None = None
    needs_consent: str | None = None  # a user field that must be true
    quiet_hours: QuietHours | None = None
    ending: str = ""


Tree = Scalar | tuple["Tree", ...] | Mapping[str, "Tree"]


@dataclass(frozen=True, slots=True)
class Content:
    """The content for one channel.

    sms: `texts` maps a locale (or "" for a text without locale) to Jinja2 source, `data` is None. Other channels: `data` is the tree as
    written, each string leaf a Jinja2 source, and `texts` is empty.
    """

    path: Path
    channel: str
    texts: Mapping[str, str] = field(default_factory=dict)
    data: Tree = None


@dataclass(frozen=True, slots=True)
class Template:
    """The content of a message, one entry per channel. `id` is "" for content written in place in `send`."""

    path: Path
    id: str
    contents: Mapping[str, Content]


# ---- triggers -----------------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Unless:
    """One canceller: an event of `event`, same key value, or same user with `by: user`, whose time is not before the trigger's."""

    path: Path
    event: str
    when: Condition | None = None
    by_user: bool = False


@dataclass(frozen=True, slots=True)
class EventTrigger:
    """`on: {event: ...}`. Offset: at most one of after/before/at, but `after` (whole days) may stand beside `at`."""

    path: Path
    events: tuple[str, ...]
    after: Duration | None = None
    before: tuple[Duration, ...] = ()
    of: str | None = None  # the event field that `before` counts from
    at: int | None = None  # minutes since midnight
    unless: tuple[Unless, ...] = ()
    late: Literal["skip", "send"] | None = None  # None: the default of the offset
    late_by: Duration = Duration(5, "m")

    @property
    def has_offset(self) -> bool:
        """Whether the rule waits: it sets a timer instead of being judged at the event."""
        return self.after is not None or bool(self.before) or self.at is not None


@dataclass(frozen=True, slots=True)
class Step:
    """One event of a sequence or of a together. `when` may read `alias.*`, and `{ref: other_alias.*}`."""

    path: Path
    event: str
    alias: str
    when: Condition | None = None


@dataclass(frozen=True, slots=True)
class JoinTrigger:
    """`sequence` (ordered) or `together` (any order) of several events within a window, for one `by` (user or an event field)."""

    path: Path
    steps: tuple[Step, ...]
    within: Duration
    ordered: bool
    by: str = "user"


@dataclass(frozen=True, slots=True)
class CountTrigger:
    """`count`: fires when `at_least` events of the type lie in the window, and again only after it has emptied below that."""

    path: Path
    event: str
    at_least: int
    within: Duration
    by: str = "user"
    when: Condition | None = None


@dataclass(frozen=True, slots=True)
class CronSchedule:
    """crontab(5) in the book's zone."""

    path: Path
    cron: str


@dataclass(frozen=True, slots=True)
class OnceSchedule:
    """One instant."""

    path: Path
    at: int


@dataclass(frozen=True, slots=True)
class FestivalSchedule:
    """Festivals and public holidays by name, `before` calendar days earlier, at a time of day in the book's zone."""

    path: Path
    festivals: tuple[str, ...]
    before: tuple[Duration, ...] = (Duration(0, "d"),)
    at: int = 0


@dataclass(frozen=True, slots=True)
class DateSchedule:
    """A date of each user, in the user's zone. `yearly`: its anniversary; 29 February is 28 February in other years."""

    path: Path
    date: str  # user.birthday
    before: tuple[Duration, ...] = (Duration(0, "d"),)
    at: int = 0
    yearly: bool = False


Schedule = CronSchedule | OnceSchedule | FestivalSchedule | DateSchedule


@dataclass(frozen=True, slots=True)
class Crossing:
    """`enter` or `leave`: the user starts or stops to satisfy the segment."""

    path: Path
    segment: str
    enters: bool


Trigger = EventTrigger | JoinTrigger | CountTrigger | CronSchedule | OnceSchedule | FestivalSchedule | DateSchedule | Crossing


# ---- rules --------------------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Everybody:
    """`audience: all`."""

    path: Path


@dataclass(frozen=True, slots=True)
class To:
    """`send.to`: whose user id, or which phone. Exactly one is set; both are fields (`event.sender_id`, `p.user`)."""

    path: Path
    user: str | None = None
    phone: str | None = None


@dataclass(frozen=True, slots=True)
class Send:
    """What goes out. `template` is a name, or a Template with id "" written in place. `channels` is () when left out."""

    path: Path
    type: str
    template: str | Template | None
    channels: tuple[str, ...] = ()
    to: To | None = None
    valid_for: Duration | None = None
    fallback_after: Duration = Duration(2, "m")
    purpose: str | Ref | None = None
    quiet_hours: QuietHours | None = None
    code: CodeSpec | None = None


@dataclass(frozen=True, slots=True)
class Variant:
    """One arm of a stable split."""

    path: Path
    name: str
    weight: float
    template: str | None = None  # None: the rule's own


@dataclass(frozen=True, slots=True)
class Goal:
    """Conversion: this event within so long of the message."""

    path: Path
    event: str
    within: Duration
    when: Condition | None = None


@dataclass(frozen=True, slots=True)
class Rule:
    """Trigger (`on`), conditions (`when`, `audience`), message (`send`)."""

    path: Path
    id: str
    on: Trigger
    send: Send
    name: str = ""
    description: str = ""
    tags: tuple[str, ...] = ()
    enabled: bool = True
    active_from: int | None = None
    active_until: int | None = None
    when: Condition | None = None
    audience: Condition | Everybody | None = None
    caps: tuple[Cap, ...] = ()
    priority: int = 0
    holdout: float = 0.0  # a share, 0 to 1
    variants: tuple[Variant, ...] = ()  # in order of name
    goal: Goal | None = None


# ---- rule tests ---------------------------------------------------------------------------------------------------------------------

At = int | Duration  # an instant, or an offset from the test's first event


@dataclass(frozen=True, slots=True)
class StoryEvent:
    """An event of a rule test. `user`: an id, None, or the mapping of an event line. `received` None: at its time."""

    path: Path
    at: At
    type: str
    user: str | Mapping[str, Tree] | None
    data: Mapping[str, Tree]
    id: str | None = None
    source: str = "api"
    received: At | None = None


@dataclass(frozen=True, slots=True)
class StoryReceipt:
    """What a provider says later: delivered, undelivered, rejected, or none for silence. `user` None: any; `at` None: any time."""

    path: Path
    rule: str
    status: str
    at: At | None = None
    user: str | None = None


@dataclass(frozen=True, slots=True)
class Expectation:
    """Some fields that a message or a verdict must have; what is not named may be anything.

    `fields` maps a field of the output line (rule, user, channel, outcome, reason ...) to its value, or for texts to a mapping of
    string operators (`{contains: "7788"}`).
    """

    path: Path
    fields: Mapping[str, Tree]
    at: At | None = None


@dataclass(frozen=True, slots=True)
class RuleTest:
    """A story with what must come of it. `expect` None: not looked at; () : no message may be sent."""

    path: Path
    id: str
    users: Mapping[str, Mapping[str, Tree]]  # id -> {phone, timezone, locale, attributes, suppressed}
    events: tuple[StoryEvent, ...]
    until: At | None = None
    expect: tuple[Expectation, ...] | None = None
    verdicts: tuple[Expectation, ...] = ()
    receipts: tuple[StoryReceipt, ...] = ()


# ---- the book -----------------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Rulebook:
    """All sections of all files, merged. Mappings are in order of name, so the order of files and entries never changes a result."""

    id: str = "book"
    name: str = ""
    timezone: str = "UTC"
    locale: str = "zh_CN"
    signature: str = ""
    refuse_unknown_events: bool = True
    disorder: Duration = Duration(1, "h")
    caps: tuple[Cap, ...] = ()
    events: Mapping[str, EventType] = field(default_factory=dict)
    attributes: Mapping[str, FieldDef] = field(default_factory=dict)
    traits: Mapping[str, Trait] = field(default_factory=dict)
    segments: Mapping[str, Segment] = field(default_factory=dict)
    message_types: Mapping[str, MessageType] = field(default_factory=dict)
    templates: Mapping[str, Template] = field(default_factory=dict)
    rules: Mapping[str, Rule] = field(default_factory=dict)
    tests: Mapping[str, RuleTest] = field(default_factory=dict)
