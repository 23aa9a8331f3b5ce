"""`hongyan import users FILE`: users from CSV or JSON lines, read as a stream."""

from __future__ import annotations

import csv
import re
from argparse import ArgumentParser, Namespace
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import closing
from itertools import islice
from typing import Any

import orjson

from cli.console import Refusals, UsageError, plural, progress, say
from cli.parts import opened
from engine.refusals import Refusal, parse_json
from engine.runtime.service import Service
from engine.simulate.lines import LineFile
from rules.checking import check
from rules.model import FieldDef

TOGETHER = 500  # users of one transaction
COLUMNS = ("id", "phone", "timezone", "locale", "suppressed")
_SCOPES = re.compile(r"[;,|\s]+")

Numbered = tuple[int, Any]  # line number, the user as a JSON object
Refuse = Callable[[int, str], None]


def arguments(parser: ArgumentParser) -> None:
    """Declare the options."""
    parser.add_argument("what", choices=("users",), help="what the file holds")
    parser.add_argument("file", metavar="FILE", help="CSV or JSON lines, plain or .gz; - is standard input")
    parser.add_argument("--format", choices=("csv", "jsonl"), help="default: what the name says, else JSON lines")
    parser.add_argument("--test", action="store_true", help="into the environment of test keys")


def run(args: Namespace) -> int:
    """1 when lines were refused; the others are kept."""
    form = args.format or ("csv" if re.search(r"\.csv(\.gz)?$", args.file, re.IGNORECASE) else "jsonl")
    env = "test" if args.test else "live"
    refusals = Refusals(args.file)
    kept = 0
    with opened() as service, progress() as report, closing(LineFile(args.file, report)) as file:
        lines = file.lines(refusals)
        users = _from_csv(lines, _attributes(service, env), refusals) if form == "csv" else _from_json(lines, refusals)
        while page := list(islice(users, TOGETHER)):
            for one in service.put_users(env, [line for _, line in page]):
                if one.status == "refused":
                    refusals(page[one.index][0], str(one.reason))
                else:
                    kept += 1
    say(f"{plural(kept, 'user')} imported, {plural(refusals.count, 'line')} refused")
    return 1 if refusals.count else 0


def _attributes(service: Service, env: str) -> Mapping[str, FieldDef]:
    files = service.active_files(env)
    book = check(dict(files)).book if files is not None else None
    return book.attributes if book is not None else {}


def _from_json(lines: Iterable[tuple[int, bytes]], refuse: Refuse) -> Iterator[Numbered]:
    for number, text in lines:
        line = parse_json(text)
        if isinstance(line, Refusal):
            refuse(number, line.reason)
        else:
            yield number, line


# ---- CSV --------------------------------------------------------------------------------------------------------------------------------


def _from_csv(lines: Iterable[tuple[int, bytes]], attributes: Mapping[str, FieldDef], refuse: Refuse) -> Iterator[Numbered]:
    """A line names the columns: those of a user, and attributes. An empty cell says nothing."""
    place = [0]

    def texts() -> Iterator[str]:
        for number, line in lines:
            place[0] = number
            try:
                yield line.decode()
            except UnicodeDecodeError:
                raise UsageError("the file is not UTF-8; in Excel, save it as “CSV UTF-8”") from None

    rows = csv.reader(texts(), strict=True)
    try:
        heading = [name.strip() for name in next(rows, [])]
        if "id" not in heading or len(set(heading)) < len(heading):
            raise UsageError(f"the first line must name the columns, each once and `id` among them: {','.join(COLUMNS)}, and attributes")
        for row in rows:
            if len(row) > len(heading):
                refuse(place[0], f"has {len(row)} cells, more than the {len(heading)} columns of the first line")
            else:
                yield place[0], _user(dict(zip(heading, row, strict=False)), attributes)
    except csv.Error as error:
        raise UsageError(f"line {place[0]}: {error}") from error


def _user(cells: Mapping[str, str], attributes: Mapping[str, FieldDef]) -> dict[str, Any]:
    user: dict[str, Any] = {name: cells[name].strip() for name in COLUMNS[:4] if cells.get(name, "").strip()}
    if scopes := cells.get("suppressed", "").strip():
        user["suppressed"] = _SCOPES.split(scopes)
    given = {name: value for name, value in cells.items() if name not in COLUMNS and value.strip()}
    if given:
        user["attributes"] = {name: _typed(value, attributes.get(name)) for name, value in given.items()}
    return user


def _typed(text: str, field: FieldDef | None) -> Any:
    """A cell as the book's type of the attribute; what cannot be read so stays a text, and is refused with the rest of the line."""
    if field is None or field.type in ("string", "phone", "datetime", "date"):
        return text
    if field.type == "boolean":
        return {"true": True, "1": True, "yes": True, "false": False, "0": False, "no": False}.get(text.strip().lower(), text)
    try:
        return orjson.loads(text)
    except orjson.JSONDecodeError:
        return text
