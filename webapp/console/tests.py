"""The tests page: a book's rule tests, run in the page, and what of its text they reach."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal
from zoneinfo import ZoneInfo

from flask import Blueprint, request
from flask_babel import gettext
from werkzeug.wrappers import Response

from engine.runtime.gates import TestsRun, TestsTooLong
from engine.simulate.explain import shown
from engine.simulate.story import Problem
from rules.checking import Checked
from rules.findings import Span
from rules.model import Path, path_text
from webapp.console import frame
from webapp.console.books import DRAFT, BookRef, book_ref
from webapp.console.live.telling import why
from webapp.console.words import word

blueprint = Blueprint("tests", __name__, url_prefix="/tests")

State = Literal["covered", "partly", "missing"]


@dataclass(frozen=True, slots=True)
class Reach:
    """What tests reach of a line. `what`: rule, or the path of a condition; `never`: the answers that no test met."""

    state: State
    what: str
    is_rule: bool
    never: tuple[bool, ...]
    tests: tuple[str, ...]


@blueprint.get("")
def show() -> Response:
    """The page. Results that are known stand in it; else they are loaded after it, or by `run`."""
    ref = book_ref(request.args.get("book", DRAFT))
    gates = frame.house().service.gates
    run = gates.tests_known(ref.files)
    if run is None and request.args.get("run"):
        return results()
    return frame.page("tests/page.html", **_shown(ref, gates.checked(ref.files), run))


@blueprint.get("/results")
def results() -> Response:
    """Run the tests, if they were not run for this very text; the page with what came of it."""
    ref = book_ref(request.args.get("book", DRAFT))
    gates = frame.house().service.gates
    try:
        run, too_long = gates.tests(ref.files), False
    except TestsTooLong:
        run, too_long = None, True
    template = "tests/results.html" if frame.is_htmx() else "tests/page.html"
    return frame.page(template, **_shown(ref, gates.checked(ref.files), run, too_long=too_long))


@blueprint.get("/told")
def told() -> Response:
    """What is known of the draft's tests, in a few words, for the editor's status bar. Runs none."""
    return frame.partial("tests/told.html", run=draft_tests())


def draft_tests() -> TestsRun | None:
    """The results of the draft's tests, if they were run for this very text."""
    service = frame.house().service
    return service.gates.tests_known(service.drafts.files())


def _shown(ref: BookRef, checked: Checked, run: TestsRun | None, too_long: bool = False) -> dict[str, Any]:
    asked, only = request.args.get("k", "").strip()[:100], request.args.get("only")
    found = [one for one in run.results if asked.casefold() in one.name.casefold()] if run is not None else []
    shown = [one for one in found if not (only == "failed" and one.passed)]
    reach = reach_of(checked, run) if run is not None else {}
    files = sorted(reach, key=lambda name: (-_gaps(reach[name]), name))
    file = request.args.get("file") or (files[0] if files else "")
    return {
        "ref": ref, "checked": checked, "run": run, "too_long": too_long, "asked": asked, "only": only,
        "tests": sorted(shown, key=lambda one: one.passed), "failed": sum(not one.passed for one in found),
        "places": _places(checked),
        "why": why, "wishes": wishes, "rules": checked.book.rules if checked.book is not None else {},
        "zone": ZoneInfo(checked.book.timezone) if checked.book is not None else None,
        "reach": reach, "files": files, "file": file, "lines": checked.sources.get(file, "").splitlines(), "gaps": _gaps,
    }  # fmt: skip


def _places(checked: Checked) -> dict[str, Span]:
    """Where each test stands."""
    named = [(name, ("tests", name)) for name in checked.draft.names["tests"]]
    return {name: checked.positions.key(path) for name, path in named if path in checked.positions}


def wishes(problem: Problem) -> list[str]:
    """What else was expected, besides the rule, its instant and its user; each in a few words."""
    told = []
    for name, wanted in problem.wanted.items():
        if name in ("rule", "at", "user"):
            continue
        if name == "text" and isinstance(wanted, Mapping):
            told += [f"{_TEXTS[op]()} {shown(value)}" if op in _TEXTS else f"text {op} {shown(value)}" for op, value in wanted.items()]
        elif name in ("outcome", "reason", "channel", "type") and not isinstance(wanted, Mapping):
            told.append(" / ".join(word(str(one), name) for one in (wanted if isinstance(wanted, list) else [wanted])))
        elif name == "parts" and isinstance(wanted, int):
            told.append(str(gettext("%(parts)s 条", parts=wanted)))
        else:
            told.append(f"{name} {shown(wanted)}")
    return told


_TEXTS: Mapping[str, Callable[[], str]] = {
    "is": lambda: str(gettext("文本是")),
    "is_not": lambda: str(gettext("文本不是")),
    "contains": lambda: str(gettext("文本里有")),
    "starts_with": lambda: str(gettext("文本开头是")),
    "ends_with": lambda: str(gettext("文本结尾是")),
    "not": lambda: str(gettext("文本不该")),
}


def reach_of(checked: Checked, run: TestsRun) -> dict[str, dict[int, Reach]]:
    """file -> line -> what tests reach there: rules at their names, conditions at their leaves."""
    found: dict[str, dict[int, Reach]] = {}
    assert checked.book is not None
    for rule in checked.book.rules.values():
        span = checked.positions.key(rule.path)
        state: State = "covered" if rule.id in run.sent else "missing"
        found.setdefault(span.file, {})[span.line] = Reach(state, rule.id, True, (), run.reached.get(rule.id, ()))
    paths: Mapping[str, Path] = {path_text(path): path for path, _, _ in checked.positions.items()}
    for text in sorted({path for path, _ in run.branches}):
        path = paths.get(text)
        if path is None:
            continue
        never = tuple(answer for answer in (True, False) if not run.branches.get((text, answer), True))
        span = checked.positions.key(path)
        here = found.setdefault(span.file, {})
        reach = Reach("partly" if len(never) == 1 else "missing" if never else "covered", text, False, never, ())
        before = here.get(span.line)
        if before is None or _badness(reach) > _badness(before):  # of several on a line, the worst is shown
            here[span.line] = reach
    return found


def _badness(reach: Reach) -> int:
    return ("covered", "partly", "missing").index(reach.state)


def _gaps(lines: Mapping[int, Reach]) -> int:
    return sum(reach.state != "covered" for reach in lines.values())
