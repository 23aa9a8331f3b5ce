"""Everything about one occurrence by its trace id, in order of time: what the page "trace by one id" shows.

    {"trace": id, "event": as in GET /v1/events or None, "status": "accepted" | "decided" | None, "more": bool, "steps": [step, ...]}

A step is `{"kind", "at", ...}`, `at` being the instant at which it stood here:

| kind | besides |
|---|---|
| event | id, source, type, time |
| verdict | the fields of a verdict |
| message | the fields of a message, without attempts and receipts |
| attempt | message (its id), provider, outcome, code, raw |
| receipt | message (its id), provider, status, effect, code, raw, reported (the gateway's instant) |

`event` is None for what no event began (a schedule's tick, a crossing) and for an event that is no longer kept. `more`: a campaign has more
messages than are shown. Who shows it masks the numbers.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from operator import itemgetter
from typing import Any

from engine.core.case import occurrence_of
from engine.core.zones import format_instant
from engine.runtime import views
from engine.simulate.output import Prices
from engine.store import attempts, decisions, events, messages
from engine.store.messages import Stored
from engine.store.store import Tx
from engine.traces import number_of, trace_of

Step = tuple[int, int, dict[str, Any]]  # (instant, place among those of the instant, what is shown)
MOST = 500  # messages of one trace
_OF_MESSAGES = ("attempts", "receipts")


def trace(tx: Tx, env: str, id: str, prices: Prices) -> dict[str, Any] | None:
    """What happened under a trace id; None: nothing of it is known."""
    number = number_of(id)
    if number is None:
        return None
    received = events.of_trace(tx, env, number)
    sent = messages.of_trace(tx, env, number, MOST + 1)
    more, sent = len(sent) > MOST, sent[:MOST]
    if received is None and not sent:
        return None
    view = views.event_view(tx, env, received, prices) if received is not None else None
    steps: list[Step] = []
    if received is not None and view is not None:
        shown = {name: view["event"][name] for name in ("id", "source", "type", "time")}
        steps.append((received.event.received, 0, {"kind": "event", "at": format_instant(received.event.received), **shown}))
    found = dict(views.verdicts_of(tx, env, received, occurrence_of(received.event))) if received is not None else {}
    for row in decisions.by_seq(tx, env, sorted({one.decision for one in sent if one.decision is not None})):
        found |= {f"{row.seq}.{at}": one for at, one in enumerate(row.verdicts) if trace_of(env, one.occurrence) == id}
    steps += [(verdict.at, 1, views.verdict_view(name, verdict)) for name, verdict in found.items()]
    steps += _of_messages(tx, sent, prices)
    return {
        "trace": id,
        "event": view["event"] if view is not None else None,
        "status": view["status"] if view is not None else None,
        "more": more,
        "steps": [shown for _, _, shown in sorted(steps, key=itemgetter(0, 1))],
    }


def _of_messages(tx: Tx, sent: Sequence[Stored], prices: Prices) -> Iterator[Step]:
    seqs = [one.seq for one in sent]
    tries, receipts = attempts.of_messages(tx, seqs), attempts.receipts_of(tx, seqs)
    for stored, view in zip(sent, views.message_views(tx, sent, prices), strict=True):
        yield stored.message.at, 2, {name: value for name, value in view.items() if name not in _OF_MESSAGES}
        yield from _of_message(stored.message.id, tries.get(stored.seq, ()), receipts.get(stored.seq, ()))


def _of_message(id: str, tries: Iterable[attempts.Attempt], receipts: Iterable[attempts.Receipt]) -> Iterator[Step]:
    for attempt in tries:
        shown = {name: getattr(attempt, name) for name in ("provider", "outcome", "code", "raw")}
        yield attempt.at, 3, {"kind": "attempt", "at": format_instant(attempt.at), "message": id, **shown}
    for one in receipts:
        shown = {name: getattr(one, name) for name in ("provider", "status", "effect", "code", "raw")}
        reported = format_instant(one.at)
        yield one.received, 4, {"kind": "receipt", "at": format_instant(one.received), "message": id, "reported": reported, **shown}
