"""A finished comparison as the page shows it: totals, rules by size of change, examples."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from random import Random
from typing import Any, Literal

from engine.runtime.comparing import Job
from rules.checking import Checked
from rules.model import Rulebook

KINDS = ("removed", "added", "changed")
EXAMPLES = 5
Tag = Literal["edited", "text", "affected", "new", "gone"]


@dataclass(frozen=True, slots=True)
class Chosen:
    """Which examples: of a kind ("": the one with the most), of one rule or all, drawn by a seed."""

    kind: str
    rule: str | None
    random: Random
    seed: str


@dataclass(frozen=True, slots=True)
class Row:
    """A rule whose messages differ. `why`: the most frequent shift of verdicts, (before, after, times), each "outcome reason"."""

    rule: str
    name: str
    tag: Tag
    old: int
    new: int
    cost: float | None
    why: tuple[str, str, int] | None
    lengths: tuple[int, int] | None  # characters of a text that changed, before and after

    @property
    def difference(self) -> int:
        """More or fewer messages."""
        return self.new - self.old


@dataclass(frozen=True, slots=True)
class Figures:
    """All of it. `most`: the scale of the bars."""

    events: int
    seconds: float
    messages: tuple[int, int]
    cost: tuple[float, float] | None
    totals: Mapping[str, int]
    people: Mapping[str, int]
    rows: tuple[Row, ...]
    most: int
    unchanged: int
    capped: tuple[tuple[str, int], ...]  # rule, times that only the new book found a cap full
    kind: str
    rule: str | None
    seed: str
    examples: tuple[dict[str, Any], ...]
    refused: tuple[dict[str, str], ...]


def of(job: Job, old: Checked, new: Checked, chosen: Chosen) -> Figures:
    """The figures of a job that is done. Both books are without errors."""
    result = job.result
    assert result is not None
    assert old.book is not None
    assert new.book is not None
    shifts = _shifts(result["verdicts"])
    rows = tuple(_row(rule, old.book, new.book, shifts.get(rule["rule"])) for rule in result["rules"])
    totals = {kind: sum(rule[kind] for rule in result["rules"]) for kind in KINDS}
    kind = chosen.kind or max(KINDS, key=lambda one: totals[one])
    cost = result["cost"]
    return Figures(
        result["events"],
        result["seconds"],
        (result["messages"]["old"], result["messages"]["new"]),
        (cost["old"], cost["new"]) if cost is not None else None,
        totals,
        result["people"],
        tuple(sorted(rows, key=lambda row: (-abs(row.difference), row.rule))),
        max((max(row.old, row.new) for row in rows), default=1) or 1,
        result["unchanged_rules"],
        _capped(result["verdicts"]),
        kind,
        chosen.rule,
        chosen.seed,
        _drawn(result["rules"], kind, chosen),
        tuple(result["refused"]),
    )


def _row(rule: Mapping[str, Any], old: Rulebook, new: Rulebook, why: tuple[str, str, int] | None) -> Row:
    id = rule["rule"]
    named = new.rules.get(id) or old.rules.get(id)
    cost = rule["cost_new"] - rule["cost_old"] if rule["cost_new"] is not None and rule["cost_old"] is not None else None
    changed = next((one for one in rule["examples"] if one["kind"] == "changed" and one["old"]["text"] != one["new"]["text"]), None)
    lengths = (len(changed["old"]["text"] or ""), len(changed["new"]["text"] or "")) if changed is not None else None
    return Row(id, named.name if named is not None else "", _tag(id, old, new), rule["old"], rule["new"], cost, why, lengths)


def _tag(id: str, old: Rulebook, new: Rulebook) -> Tag:
    """What was done to the rule itself."""
    before, after = old.rules.get(id), new.rules.get(id)
    if before is None or after is None:
        return "new" if before is None else "gone"
    if before != after:
        return "edited"
    template = after.send.template
    return "text" if isinstance(template, str) and old.templates.get(template) != new.templates.get(template) else "affected"


def _shifts(verdicts: list[dict[str, Any]]) -> dict[str, tuple[str, str, int]]:
    """The most frequent one of each rule; they come in order of how often."""
    found: dict[str, tuple[str, str, int]] = {}
    for shift in verdicts:
        found.setdefault(shift["rule"], (shift["from"], shift["to"], shift["count"]))
    return found


def _capped(verdicts: list[dict[str, Any]]) -> tuple[tuple[str, int], ...]:
    times: dict[str, int] = {}
    for shift in verdicts:
        if shift["to"] == "skip capped":
            times[shift["rule"]] = times.get(shift["rule"], 0) + shift["count"]
    return tuple(sorted(times.items(), key=lambda one: (-one[1], one[0])))


def _drawn(rules: list[dict[str, Any]], kind: str, chosen: Chosen) -> tuple[dict[str, Any], ...]:
    every = list(_examples(rules, kind, chosen.rule))
    drawn = every if len(every) <= EXAMPLES else chosen.random.sample(every, EXAMPLES)
    return tuple(sorted(drawn, key=lambda one: str((one["old"] or one["new"])["at"]), reverse=True))


def _examples(rules: list[dict[str, Any]], kind: str, rule: str | None) -> Iterator[dict[str, Any]]:
    for row in rules:
        if rule in (None, row["rule"]):
            yield from (one for one in row["examples"] if one["kind"] == kind)
