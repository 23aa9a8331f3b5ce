"""What a simulation did, for people: one row per message (and verdict), and a summary at the end."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from typing import Any, TextIO

import orjson

from cli.console import padded, painter, plural, width
from engine.core.phones import mask
from engine.core.zones import local, parse_instant, zone
from engine.words import CHANNELS, OUTCOMES, REASONS, SHAPES
from rules.model import Rulebook

Line = Mapping[str, Any]  # a line of `simulate --format jsonl`

STYLES = {"send": "green", "schedule": "cyan", "defer": "yellow", "skip": "dim", "cancel": "magenta"}
WEEKDAYS = {"zh": ["周一", "周二", "周三", "周四", "周五", "周六", "周日"], "en": ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"]}
_INSTANT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{6})?Z").fullmatch
MAX_NAME = 32  # columns of a rule's name


class Timeline:
    """Rows in local time under a heading per day. Keeps nothing of what it has shown but the widths of its columns."""

    def __init__(self, book: Rulebook, stream: TextIO) -> None:
        self._book = book
        self._zone = zone(book.timezone)
        self._locale = book.locale
        self._paint = painter(stream)
        self._day = ""
        self._person_columns = 16
        self._word_columns = 2 + max(width(word.for_locale(book.locale)) for word in OUTCOMES.values())
        self._rule_columns = min(MAX_NAME, max((width(_rule_name(book, rule)) for rule in book.rules), default=0))

    def rows(self, lines: Iterable[Line]) -> Iterator[str]:
        """Headings and rows, as the lines come. A verdict that sent is not shown beside its message."""
        for line in lines:
            if line["kind"] == "message":
                yield from self._row(line, "send", _content(line, self._locale))
            elif line["outcome"] != "send":
                yield from self._row(line, line["outcome"], self._why(line))

    def _row(self, line: Line, outcome: str, text: str) -> Iterator[str]:
        at = local(parse_instant(line["at"], None), self._zone)
        day = self._heading(at)
        if day != self._day:
            self._day = day
            yield self._paint(day, "bold")
        person = " ".join(filter(None, (line["user"], mask(line["to"]) if line.get("to") else ""))) or "—"
        self._person_columns = max(self._person_columns, width(person))
        word = self._paint(padded(f"{SHAPES[outcome]} {OUTCOMES[outcome].for_locale(self._locale)}", self._word_columns), STYLES[outcome])
        name = padded(_rule_name(self._book, line["rule"]), self._rule_columns)
        yield f"  {at:%H:%M:%S}  {padded(person, self._person_columns)}  {word}  {name}  {text}".rstrip()

    def _heading(self, at: datetime) -> str:
        weekdays = WEEKDAYS["zh" if self._locale.startswith("zh") else "en"]
        return f"{at:%Y-%m-%d} {weekdays[at.weekday()]} {self._book.timezone}"

    def _why(self, line: Line) -> str:
        reason = line["reason"]
        word = f"{REASONS[reason].for_locale(self._locale)} {self._paint(reason, 'dim')}"
        facts = ", ".join(f"{name} {self._fact(value)}" for name, value in (line["detail"] or {}).items())
        return f"{word}  {self._paint(facts, 'dim')}" if facts else word

    def _fact(self, value: Any) -> str:
        if not isinstance(value, str):
            return orjson.dumps(value, default=str).decode()
        # Instants in the facts are those of the column at the left: local ones.
        return f"{local(parse_instant(value, None), self._zone):%Y-%m-%d %H:%M:%S}" if _INSTANT(value) else value


def _rule_name(book: Rulebook, rule: str) -> str:
    found = book.rules.get(rule)
    return found.name if found is not None and found.name else rule


def _content(line: Line, locale: str) -> str:
    if line["text"] is not None:
        return str(line["text"]).replace("\n", " ")
    return f"[{CHANNELS[line['channel']].for_locale(locale)} {line['template'] or ''}]".replace(" ]", "]")


class Tally:
    """Counts lines as they pass."""

    def __init__(self) -> None:
        self.messages: Counter[str] = Counter()
        self.parts = 0
        self.cost = 0.0
        self.unpriced = 0

    def count(self, lines: Iterable[Line]) -> Iterator[Line]:
        """The same lines, counted."""
        for line in lines:
            if line["kind"] == "message":
                self.messages[line["rule"]] += 1
                self.parts += line["parts"]
                if line["cost"] is None:
                    self.unpriced += 1
                else:
                    self.cost += line["cost"]
            yield line

    def summary(self, book: Rulebook, events: int, refused: int, duplicates: int, pending: int) -> Iterator[str]:
        """Totals, then messages per rule, the busiest first."""
        seen = f", {duplicates:,} seen before" if duplicates else ""
        unusable = f", {plural(refused, 'line')} refused" if refused else ""
        total = sum(self.messages.values())
        yield f"{plural(events, 'event')}{seen}{unusable}; {plural(total, 'message')} in {plural(self.parts, 'part')}{self._cost(total)}"
        columns = len(f"{max(self.messages.values(), default=0):,}")
        for rule, count in sorted(self.messages.items(), key=lambda entry: (-entry[1], entry[0])):
            name = _rule_name(book, rule)
            yield f"  {count:>{columns},}  {rule}" + (f" {name}" if name != rule else "")
        if pending:
            yield f"{plural(pending, 'timer')} still pending at the end"

    def _cost(self, total: int) -> str:
        if self.unpriced == total:
            return ""
        left_out = f", without {plural(self.unpriced, 'message')} that no price table knows" if self.unpriced else ""
        return f"; cost {self.cost:.2f}{left_out}"
