"""Trying books out: the lines that `hongyan simulate` and `hongyan compare` would print."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from rules.model import Rulebook
from webapp.operations import JSON_TYPE, Answer, Body, Call, Operation, Shape
from webapp.problems import Fault, Problem, invalid
from webapp.schemas import ref
from webapp.trying import MAX_LINES, MAX_SECONDS, book_of, compare, simulate

# One at a time: a simulation keeps one core busy, and this process has events to take.
_ROOM = threading.BoundedSemaphore(1)
WAIT_SECONDS = 2.0


def post_simulation(call: Call) -> Answer:
    """With the numbers in full: the caller sent them."""
    with _room():
        given = call.body
        if "files" in given and "version" in given:
            raise invalid([Fault("stands beside files: give one of the two", pointer="/version")])
        files = _published(call, given["version"], "/version") if "version" in given else given.get("files")
        return Answer(simulate(_book(call, files, "/files"), given, call.rooms.prices))


def post_comparison(call: Call) -> Answer:
    """Old against new, each inline, a published version, or the active book."""
    with _room():
        old, new = _side(call, "old"), _side(call, "new")
        return Answer(compare(old, new, call.body, call.rooms.prices))


def _side(call: Call, name: str) -> Rulebook:
    given = call.body.get(name)
    # The name of a file ends in .yaml, so `version` is none.
    if given is not None and "version" in given:
        given = _published(call, given["version"], f"/{name}/version")
    return _book(call, given, f"/{name}")


def _published(call: Call, version: int, pointer: str) -> Mapping[str, str]:
    files = call.service.version_files(version)
    if files is None:
        raise Problem("not_found", f"there is no version {version}", (Fault("is no published version", pointer=pointer),))
    return files


def _book(call: Call, files: Mapping[str, str] | None, pointer: str) -> Rulebook:
    if files is None:
        files = call.service.active_files(call.env)
    if files is None:
        raise Problem("no_rulebook", "send one with the request, or publish one")
    return book_of(files, pointer)


@contextmanager
def _room() -> Iterator[None]:
    if not _ROOM.acquire(timeout=WAIT_SECONDS):
        raise Problem("busy", "another simulation is running", headers={"Retry-After": str(int(MAX_SECONDS))})
    try:
        yield
    finally:
        _ROOM.release()


_LIMITS = f"At most 10,000 lines of each input, {MAX_SECONDS:.0f} s, {MAX_LINES:,} lines of output; one at a time."
_CODES = ("not_found", "no_rulebook", "rulebook_refused", "simulation_too_long", "busy")
OPERATIONS = (
    Operation(
        id="postSimulation",
        method="POST",
        path="/v1/simulations",
        summary="Simulate a book over events",
        description=_LIMITS,
        tag="simulations",
        handle=post_simulation,
        body=Body({JSON_TYPE: ref("Simulation")}),
        answers={200: Shape("The lines of the command", ref("Simulated"))},
        codes=_CODES,
    ),
    Operation(
        id="postComparison",
        method="POST",
        path="/v1/comparisons",
        summary="What a changed book would do differently",
        description=_LIMITS,
        tag="simulations",
        handle=post_comparison,
        body=Body({JSON_TYPE: ref("ComparisonRequest")}),
        answers={200: Shape("The table of the command as JSON", ref("Comparison"))},
        codes=_CODES,
    ),
)
