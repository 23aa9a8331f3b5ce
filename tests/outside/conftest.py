"""The command `hongyan` as a fixture, in this process (fast) or in one of its own."""

import contextlib
import io
import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
if str(ROOT) not in sys.path:
    sys.path.insert(0, str(ROOT))


@dataclass(frozen=True)
class Result:
    """What one run of the command left behind."""

    returncode: int
    stdout: str
    stderr: str


Hongyan = Callable[..., Result]


def run_here(*args: object, stdin: str | bytes | None = None) -> Result:
    """Run the command in this process: the same entry point, without the start of an interpreter."""
    from cli.main import main

    given = (stdin or "").encode() if not isinstance(stdin, bytes) else stdin
    out, err = (io.TextIOWrapper(io.BytesIO(), encoding="utf-8", newline="\n", write_through=True) for _ in range(2))
    before = sys.stdin
    sys.stdin = io.TextIOWrapper(io.BytesIO(given), encoding="utf-8")
    try:
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
            try:
                code = main([str(a) for a in args])
            except SystemExit as stop:
                code = stop.code if isinstance(stop.code, int) else (0 if stop.code is None else 2)
    finally:
        sys.stdin = before
    texts = []
    for stream in (out, err):
        stream.flush()
        texts.append(stream.buffer.getvalue().decode("utf-8"))
    return Result(code or 0, *texts)


def run_alone(*args: object, stdin: str | bytes | None = None, timeout: float = 300) -> Result:
    """Run the command as people do: a process of its own."""
    given = stdin.encode() if isinstance(stdin, str) else stdin
    done = subprocess.run(
        [sys.executable, "-m", "cli.main", *map(str, args)],
        cwd=ROOT,
        input=given,
        capture_output=True,
        timeout=timeout,
        env={**os.environ, "PYTHONPATH": str(ROOT), "PYTHONIOENCODING": "utf-8"},
        check=False,
    )
    return Result(done.returncode, done.stdout.decode("utf-8"), done.stderr.decode("utf-8", "replace"))


@pytest.fixture(scope="session")
def hongyan() -> Hongyan:
    """The command, run in this process."""
    return run_here


@pytest.fixture(scope="session")
def hongyan_alone() -> Hongyan:
    """The command, run in a process of its own."""
    return run_alone
