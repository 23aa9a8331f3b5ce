"""What the store holds as people and programs read it: JSON-ready, in the shapes of interfaces.md. Who shows numbers masks them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from engine.core.case import occurrence_of
from engine.core.conditions import jsonable
from engine.core.facts import Cell, Scope, UserCell
from engine.core.operators import kind_of
from engine.core.outcomes import Verdict
from engine.core.plan import BookPlan
from engine.core.zones import format_instant
from engine.refusals import Refusal
from engine.simulate.output import Prices, message_line, verdict_line
from engine.store import attempts, decisions, messages
from engine.store.events import Received
from engine.store.messages import Stored
from engine.store.store import Tx
from engine.traces import origin_of, trace_number, trace_of

_VERDICTS_OF_AN_EVENT = 1_000  # of its person's newest that are looked through for those of its timers


def pointer(refusal: Refusal) -> str:
    """Where in the line the first problem is."""
    return refusal.problems[0].pointer


def verdict_view(id: str, verdict: Verdict) -> dict[str, Any]:
    """A verdict of the record."""
    return {"id": id, **verdict_line(verdict)}


def message_views(tx: Tx, stored: Sequence[Stored], prices: Prices) -> list[dict[str, Any]]:
    """Messages with all that providers said of them."""
    tries = attempts.of_messages(tx, [one.seq for one in stored])
    receipts = attempts.receipts_of(tx, [one.seq for one in stored])
    return [_message_view(one, tries.get(one.seq, ()), receipts.get(one.seq, ()), prices) for one in stored]


def _message_view(
    stored: Stored, tries: Iterable[attempts.Attempt], receipts: Iterable[attempts.Receipt], prices: Prices
) -> dict[str, Any]:
    message = stored.message
    return {
        "id": message.id,
        "trace": trace_of(stored.env, message.occurrence),
        **message_line(message, prices),
        "state": stored.state.value,
        "state_reason": stored.reason,
        "channel_chain": [message.channel, *message.rest],
        "attempts": [_told(one, "provider", "at", "outcome", "code", "raw") for one in tries],
        "receipts": [_told(one, "provider", "at", "status", "effect", "code", "raw") for one in receipts],
    }


def _told(row: Any, *names: str) -> dict[str, Any]:
    return {name: getattr(row, name) for name in names} | {"at": format_instant(row.at)}


def event_view(tx: Tx, env: str, received: Received, prices: Prices) -> dict[str, Any]:
    """An event with everything that came of it so far, its timers included."""
    event = received.event
    occurrence = occurrence_of(event)
    sent = messages.of_trace(tx, env, trace_number(env, occurrence))
    return {
        "trace": trace_of(env, occurrence),
        "event": {
            "id": event.id,
            "source": event.source,
            "type": event.type,
            "time": format_instant(event.time),
            "received": format_instant(event.received),
            "user": event.user if event.user is not None or event.phone is None else {"phone": event.phone},
            "data": event.data,
        },
        "status": "decided" if received.done else "accepted",
        "verdicts": [verdict_view(id, verdict) for id, verdict in verdicts_of(tx, env, received, occurrence)],
        "messages": message_views(tx, sent, prices),
    }


def verdicts_of(tx: Tx, env: str, received: Received, occurrence: str) -> list[tuple[str, Verdict]]:
    """(id, verdict) of an event and its timers, in the recorded order."""
    event = received.event
    found = {
        f"{row.seq}.{at}": verdict for row in decisions.of_cause(tx, env, event.id, event.source) for at, verdict in enumerate(row.verdicts)
    }
    if event.user is not None or event.phone is not None:
        # What its timers came to stands with the person.
        phone = event.phone if event.user is None else None
        theirs = decisions.newest_verdicts(tx, env, user=event.user, phone=phone, limit=_VERDICTS_OF_AN_EVENT)
        found |= {id: verdict for id, verdict in theirs.items if origin_of(verdict.occurrence) == occurrence}
    return sorted(found.items(), key=lambda pair: tuple(int(part) for part in pair[0].split(".")))


def user_view(cell: UserCell, phone: Cell | None, plan: BookPlan, now: int) -> dict[str, Any]:
    """A person's record, the traits that the engine keeps, the segments that are watched."""
    return {
        "id": cell.id,
        "phone": cell.phone,
        "timezone": cell.timezone,
        "locale": cell.locale,
        "attributes": dict(cell.attributes),
        "traits": trait_values(plan, cell, now),
        "segments": sorted(cell.memberships),
        "suppressed": sorted(phone.suppressed) if phone is not None else [],
    }


def trait_values(plan: BookPlan, cell: UserCell, now: int) -> Mapping[str, Any]:
    """Every trait of the book that has a value, JSON-ready."""
    scope = Scope(now, cell.zone, None, cell)
    found = {}
    for name, field in plan.user_fields.items():
        if name.removeprefix("user.") in plan.book.traits:
            value = field.read(scope)
            if value is not None:
                found[name.removeprefix("user.")] = jsonable(value, kind_of(field))
    return found


def report(
    verdicts: Mapping[tuple[str, str, str], int], states: Mapping[tuple[str, str], int], goals: Mapping[tuple[str, str], int]
) -> list[dict[str, Any]]:
    """A row per rule. Both delivery rates have their counts beside them: delivered / accepted, and delivered / final receipts."""
    rows: dict[str, dict[str, Any]] = {}

    def row(rule: str) -> dict[str, Any]:
        return rows.setdefault(rule, {"rule": rule, "judged": 0, "sent": 0, "reasons": {}, "states": {}, "goals": {}})

    for (rule, outcome, reason), number in sorted(verdicts.items()):
        one = row(rule)
        one["judged"] += number
        one["sent"] += number if outcome == "send" else 0
        one["reasons"][f"{outcome} {reason}"] = number
    for (rule, state), number in sorted(states.items()):
        row(rule)["states"][state] = number
    for (rule, group), number in sorted(goals.items()):
        row(rule)["goals"][group] = number
    for one in rows.values():
        counts = one["states"]
        final = sum(counts.get(state, 0) for state in ("delivered", "undelivered"))
        one["final"] = final
        one["accepted"] = final + counts.get("accepted", 0)
        one["delivered"] = counts.get("delivered", 0)
    return [rows[rule] for rule in sorted(rows)]
