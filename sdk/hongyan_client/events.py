"""Events: one at a time, or in batches of any size."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timezone
from typing import Any, Union
from uuid import uuid4

from hongyan_client.connection import Connection
from hongyan_client.errors import ApiError, BatchInterrupted, HongyanError, Problem
from hongyan_client.results import BatchItem, Reader, Tracked
from hongyan_client.values import encode, instant_text, present

Person = Union[str, Mapping[str, Any], None]

BATCH_EVENTS = 1_000
BATCH_BYTES = 5_000_000


def _now() -> datetime:
    return datetime.now(timezone.utc)


@dataclass(frozen=True)
class Event:
    """Something that happened. Its identity and time are settled when it is made, so sending it twice counts once.

    Args:
        user: an id; or `{"id", "phone", ...}`, which also updates the user; or only `{"phone"}`; None for a broadcast.
        id: best one that your business knows ("paid-A1"), so that a repetition after a crash is known as one.
        time: when it happened, with a zone.
    """

    type: str
    user: Person = field(default=None, repr=False)
    data: Mapping[str, Any] = field(default_factory=dict, repr=False)
    id: str = field(default_factory=lambda: str(uuid4()))
    time: datetime = field(default_factory=_now)
    source: str | None = None

    def __post_init__(self) -> None:
        instant_text(self.time)  # refuses a naive one where it was made

    def to_json(self) -> dict[str, Any]:
        """The event as an input line."""
        line = present(user=self.user, source=self.source)
        return {"id": self.id, "type": self.type, "time": instant_text(self.time), **line, "data": dict(self.data)}


@dataclass(frozen=True)
class _Piece:
    """Part of a batch that becomes one request: bodies of events, of which the first is the `first`-th of all."""

    first: int
    bodies: Sequence[bytes]

    @property
    def content(self) -> bytes:
        return b"[" + b",".join(self.bodies) + b"]"

    def halves(self) -> tuple[_Piece, _Piece]:
        middle = len(self.bodies) // 2
        return _Piece(self.first, self.bodies[:middle]), _Piece(self.first + middle, self.bodies[middle:])


class Events:
    """`client.events`"""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def track(
        self,
        type: str,
        user: Person = None,
        data: Mapping[str, Any] | None = None,
        id: str | None = None,
        time: datetime | None = None,
        wait: bool = False,
        source: str | None = None,
    ) -> Tracked:
        """Hands over one event. With `wait`, the answer comes after the decision and holds its verdicts and messages.

        Without an `id` each call is a new event (its own repetitions are not). Give one if you may call again for the same happening.
        `time` is now if None.
        """
        when = self._connection.policy.clock() if time is None else time
        event = Event(type, user, data or {}, str(uuid4()) if id is None else id, when, source)
        params = {"wait": "verdicts"} if wait else None
        return Tracked.from_json(self._connection.call("POST", "/v1/events", event.to_json(), params=params, identified=True))

    def batch(self, events: Iterable[Event | Mapping[str, Any]]) -> tuple[BatchItem, ...]:
        """Hands over any number of events, at most 1,000 and 5 MB a request, and says what became of each, in order.

        Refused events do not keep the others back: look for `status == "refused"`. A mapping is an event as in JSON (CloudEvents too); a
        missing `id` or `time` is filled in.

        Raises:
            ValueError, TypeError: an event that cannot be JSON. Nothing was sent.
            BatchInterrupted: a request failed for good. It knows each event's state, and what to send again.
        """
        lines = [self._line(event) for event in events]
        results: list[BatchItem | None] = [None] * len(lines)
        waiting = deque(_pieces(_encoded(lines), results, lines))
        while waiting:
            piece = waiting.popleft()
            try:
                items = self._send(piece)
            except HongyanError as error:
                if isinstance(error, ApiError) and error.status == 413 and not error.in_doubt:  # a proxy with a smaller limit
                    if len(piece.bodies) > 1:
                        waiting.extendleft(reversed(piece.halves()))
                    else:
                        results[piece.first] = _refused(piece.first, lines, error.problem)
                    continue
                raise _interrupted(lines, results, piece, error) from error
            results[piece.first : piece.first + len(items)] = items
        return tuple(item for item in results if item is not None)

    def _line(self, event: Event | Mapping[str, Any]) -> Mapping[str, Any]:
        if isinstance(event, Event):
            return event.to_json()
        if not isinstance(event, Mapping):
            raise TypeError(f"an event is an Event or a mapping, not {type(event).__name__}")
        line = dict(event)
        line.setdefault("id", str(uuid4()))
        line.setdefault("time", instant_text(self._connection.policy.clock()))
        return line

    def _send(self, piece: _Piece) -> list[BatchItem]:
        answer = Reader("batch", self._connection.send("POST", "/v1/events/batch", piece.content, identified=True))
        items = [BatchItem.from_json(item, piece.first) for item in answer.needed_items("results")]
        if [item.index for item in items] != list(range(piece.first, piece.first + len(piece.bodies))):
            raise answer.unexpected("results should have one item for each event, in order")
        return items


def _encoded(lines: Sequence[Mapping[str, Any]]) -> list[bytes]:
    """All of them, before the first is sent: a fault in the last keeps nothing half done."""
    bodies = []
    for index, line in enumerate(lines):
        try:
            bodies.append(encode(line))
        except (TypeError, ValueError) as fault:
            kind = TypeError if isinstance(fault, TypeError) else ValueError
            raise kind(f"event {index}: {fault}") from None
    return bodies


def _pieces(bodies: Sequence[bytes], results: list[BatchItem | None], lines: Sequence[Mapping[str, Any]]) -> Iterator[_Piece]:
    """Runs of neighbours that fit a request. One event that alone does not fit is refused here; it would only break the connection."""
    first, size = 0, 2
    for index, body in enumerate(bodies):
        alone = len(body) + 2
        if index > first and (alone > BATCH_BYTES or index - first == BATCH_EVENTS or size + len(body) > BATCH_BYTES):
            yield _Piece(first, bodies[first:index])
            first, size = index, 2
        if alone > BATCH_BYTES:
            problem = Problem(413, "event_too_large", "Event too large", f"{len(body)} bytes; a request holds {BATCH_BYTES}")
            results[index] = _refused(index, lines, problem)
            first, size = index + 1, 2
        else:
            size += len(body) + 1
    if first < len(bodies):
        yield _Piece(first, bodies[first:])


def _refused(index: int, lines: Sequence[Mapping[str, Any]], problem: Problem) -> BatchItem:
    return BatchItem(index, lines[index]["id"], "refused", problem)


def _interrupted(
    lines: Sequence[Mapping[str, Any]], results: Sequence[BatchItem | None], failed: _Piece, error: HongyanError
) -> BatchInterrupted:
    """The state of all, when `failed` could not be delivered."""
    in_doubt = range(failed.first, failed.first + len(failed.bodies)) if error.in_doubt else range(0)
    states = [
        item or BatchItem(index, lines[index]["id"], "unknown" if index in in_doubt else "not_sent") for index, item in enumerate(results)
    ]
    unfinished = [lines[item.index] for item in states if item.status in ("unknown", "not_sent")]
    interrupted = BatchInterrupted(states, unfinished, str(error))
    interrupted.attempts, interrupted.in_doubt = error.attempts, error.in_doubt
    return interrupted
