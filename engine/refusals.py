"""Why an input cannot be used: problems as data, so that the command, the API and a log line say the same."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass

import orjson

from engine.core.facts import Json
from rules.model import Path, path_text

Fault = tuple[Path, str]  # where below the value that was looked at, and what is wrong there


class InputError(Exception):
    """A file that cannot be read, or is not in order where order was demanded."""


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing wrong with an input, at `path` (`("data", "amount")`)."""

    path: Path
    message: str

    @property
    def pointer(self) -> str:
        """The same place as a JSON pointer (RFC 6901), for the API."""
        return "".join("/" + str(part).replace("~", "~0").replace("/", "~1") for part in self.path)

    def __str__(self) -> str:
        return f"{path_text(self.path)}: {self.message}" if self.path else self.message


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why an input cannot be used: all its problems. `what` is the event type where it is known."""

    problems: tuple[Problem, ...]
    what: str = ""

    @property
    def reason(self) -> str:
        """One line: `order.created: data.amount: must be a number, got "12"`."""
        text = "; ".join(str(problem) for problem in self.problems)
        return f"{self.what}: {text}" if self.what else text


def refusal(message: str, *path: str | int) -> Refusal:
    """A refusal for one reason."""
    return Refusal((Problem(path, message),))


def refuse(faults: Sequence[Fault], what: str = "") -> Refusal:
    """A refusal for all these reasons."""
    return Refusal(tuple(Problem(path, message) for path, message in faults), what)


def bad_name(value: Json) -> str:
    """What is wrong with a value that should be a text with something in it."""
    return "is missing" if value is None else "must not be empty" if value == "" else f"must be a text, got {shown_value(value)}"


def parse_json(text: bytes) -> Json | Refusal:
    """The JSON value in `text`, or the refusal that names its fault. Numbers beyond the range of a double are not JSON here."""
    try:
        return orjson.loads(text)
    except orjson.JSONDecodeError as error:
        try:
            text.decode()
        except UnicodeDecodeError as wrong:
            return refusal(f"is not UTF-8: byte 0x{text[wrong.start]:02x} at position {wrong.start + 1}")
        return refusal(f"is not JSON: {error.msg} at position {error.pos + 1}")


def kind(value: Json) -> str:
    """What a value is, without the value: for secret and personal fields."""
    if value is None:
        return "null"
    kinds = {bool: "true or false", int: "a number", float: "a number", str: "a text", list: "a list", dict: "an object"}
    return kinds.get(type(value), f"a {type(value).__name__}")


def shown_value(value: Json) -> str:
    """A value as JSON, cut to 60 characters."""
    text = json.dumps(value, ensure_ascii=False, default=repr)
    return text if len(text) <= 60 else text[:59] + "…"
