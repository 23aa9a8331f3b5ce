"""How a scenario is written down, turned into input files, run and compared. Knows the specification only, not the engine.

A case: `id`, `fact` (the sentence it proves), `book` (YAML text, beside scenarios/common/book.yaml), `users`, `events`, `receipts`,
`from`, `until`, and one of `lines` (verdicts and messages), `messages`, `verdicts`: exactly these lines in this order, compared in the
fields given.

Short forms: an instant may be an offset from T0 (Monday 2026-06-01 10:00 in Shanghai); an event has id e1, e2, ..., user u1 and key `k: k1`
unless it says otherwise (`user: null`: none); a user may be just a phone; without `users` there is u1, +8613800138001.
"""

import json
import re
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any

import yaml

HERE = Path(__file__).resolve().parent / "scenarios"
T0 = datetime(2026, 6, 1, 2, 0, tzinfo=UTC)
UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400}
KEYED = {"made", "paid", "shut", "cast"}


class CoreLoader(yaml.SafeLoader):
    """YAML 1.2 core schema: `on` and `21:00` and dates are strings, as in a rulebook."""

    yaml_implicit_resolvers: dict = {}  # noqa: RUF012 - the shape PyYAML wants


for tag, pattern, first in (
    ("null", r"^(?:~|null|)$", ["~", "n", ""]),
    ("bool", r"^(?:true|false)$", list("tf")),
    ("int", r"^[-+]?[0-9]+$", list("-+0123456789")),
    ("float", r"^[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?$", list("-+.0123456789")),
):
    CoreLoader.add_implicit_resolver(f"tag:yaml.org,2002:{tag}", re.compile(pattern), first)


def read_yaml(text: str) -> Any:
    """Parse by the rules that a rulebook is read with."""
    return yaml.load(text, Loader=CoreLoader)


def instant(text: str) -> datetime:
    """An offset from T0 (`+1d2h`, `-5m`) or an instant with its offset."""
    if text[0] in "+-":
        seconds = sum(int(n) * UNITS[u] for n, u in re.findall(r"(\d+)([smhd])", text))
        return T0 + timedelta(seconds=seconds if text[0] == "+" else -seconds)
    moment = datetime.fromisoformat(text)
    assert moment.tzinfo, f"{text} has no offset"
    return moment.astimezone(UTC)


def z(moment: datetime) -> str:
    """An instant as the interfaces write it."""
    return moment.astimezone(UTC).isoformat().replace("+00:00", "Z")


def event_lines(events: Iterable[Mapping[str, Any]]) -> list[dict]:
    """Events in the input format, with the short forms written out."""
    lines = []
    for number, short in enumerate(events, 1):
        line = {"id": f"e{number}", "user": "u1", **short}
        line["time"] = z(instant(line.pop("at")))
        if "received" in line:
            line["received"] = z(instant(line["received"]))
        if line["user"] is None:
            del line["user"]
        line["data"] = dict(line.get("data") or {})
        if line["type"] in KEYED:
            line["data"].setdefault("k", "k1")
        lines.append(line)
    return lines


def user_lines(users: Mapping[str, Any] | None) -> list[dict]:
    """Users in the input format."""
    if users is None:
        users = {"u1": "+8613800138001"}
    return [{"id": name, **({"phone": user} if isinstance(user, str) else user or {})} for name, user in users.items()]


def receipt_lines(receipts: Iterable[Mapping[str, Any]]) -> list[dict]:
    """Receipts in the input format."""
    return [{"user": "u1", **r, "at": z(instant(r["at"]))} for r in receipts]


def write_lines(path: Path, lines: Iterable[Mapping[str, Any]]) -> Path:
    """One JSON object a line."""
    path.write_text("".join(json.dumps(line, ensure_ascii=False) + "\n" for line in lines), encoding="utf-8")
    return path


@cache
def common_sections() -> dict[str, Any]:
    """The sections that every case has."""
    return read_yaml((HERE / "common" / "book.yaml").read_text(encoding="utf-8"))


def write_book(folder: Path, text: str) -> Path:
    """The case's file beside the common one; where both state `book` or `message_types`, the case's stands."""
    folder.mkdir(parents=True, exist_ok=True)
    own = read_yaml(text) or {}
    shared = {name: section for name, section in common_sections().items() if name not in ("book", "message_types") or name not in own}
    (folder / "common.yaml").write_text(json.dumps(shared, ensure_ascii=False, indent=1), encoding="utf-8")
    (folder / "case.yaml").write_text(text, encoding="utf-8")
    return folder


def arguments(case: Mapping[str, Any], folder: Path) -> list[object]:
    """The command line that runs a case."""
    args: list[object] = ["simulate", write_book(folder / "book", case.get("book", "")), "--format", "jsonl"]
    args += ["--events", write_lines(folder / "events.jsonl", event_lines(case.get("events", ())))]
    args += ["--users", write_lines(folder / "users.jsonl", user_lines(case.get("users")))]
    if case.get("receipts"):
        args += ["--receipts", write_lines(folder / "receipts.jsonl", receipt_lines(case["receipts"]))]
    for name in ("from", "until"):
        if name in case:
            args += [f"--{name}", z(instant(case[name]))]
    if "messages" not in case:
        args.append("--verdicts")
    return args


def parse(stdout: str) -> list[dict]:
    """The output lines."""
    return [json.loads(line) for line in stdout.splitlines()]


def brief(line: Mapping[str, Any]) -> str:
    """A line in one breath, for a failure to be read."""
    what = f"{line.get('outcome')}/{line.get('reason')}" if line["kind"] == "verdict" else f"{line.get('channel')} {line.get('text')!r}"
    return f"{line['kind']:7} {line['at']} {line.get('user')} {line['rule']} {what} {json.dumps(line.get('detail'), ensure_ascii=False)}"


def unlike(want: Mapping[str, Any], got: Mapping[str, Any]) -> list[str]:
    """In which of the fields given a line differs."""
    wrong = []
    for name, value in want.items():
        if name == "verdict":
            seen: Any = f"{got.get('outcome')}/{got.get('reason')}" if got["kind"] == "verdict" else got["kind"]
        elif name == "message":
            seen = got.get("channel") if got["kind"] == "message" else got["kind"]
        elif name == "at":
            value, seen = instant(value), instant(got["at"])
        elif name in ("text_has", "text_lacks", "detail_has"):
            whole = got.get("text") if name.startswith("text") else json.dumps(got.get("detail"), ensure_ascii=False)
            bad = [part for part in value if (part in (whole or "")) == (name == "text_lacks")]
            if bad:
                wrong.append(f"{name} {bad}: {whole!r}")
            continue
        else:
            seen = got.get(name, "<absent>")
        if seen != value:
            wrong.append(f"{name}: expected {value!r}, got {seen!r}")
    return wrong


def compare(case: Mapping[str, Any], stdout: str) -> None:
    """Fail, with both sides shown, unless the output is exactly the expected lines."""
    got = parse(stdout)
    if "verdicts" in case:
        got = [line for line in got if line["kind"] == "verdict"]
        want = case["verdicts"]
    else:
        want = case["messages"] if "messages" in case else case["lines"]
    problems = [f"line {i}: {'; '.join(w)}" for i, (a, b) in enumerate(zip(want, got, strict=False), 1) if (w := unlike(a, b))]
    if len(want) != len(got):
        problems.append(f"{len(want)} lines expected, {len(got)} got")
    if problems:
        expected = "\n".join(json.dumps(w, ensure_ascii=False) for w in want)
        raise AssertionError(
            f"{case['id']}: {case['fact']}\n" + "\n".join(problems) + f"\n-- expected\n{expected}\n-- got\n" + "\n".join(map(brief, got))
        )


def load_cases(name: str) -> list[dict]:
    """The cases of one file of scenarios."""
    return read_yaml((HERE / name).read_text(encoding="utf-8"))
