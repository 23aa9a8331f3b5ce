"""The command itself: help, wrong usage, exit codes, pipes that close."""

import subprocess
import sys
from pathlib import Path

import pytest

from cli.main import COMMANDS
from tests.cli.conftest import O2O, Hongyan

ROOT = Path(__file__).parents[2]


def test_help_lists_every_command(hongyan: Hongyan) -> None:
    """On standard output, since it was asked for."""
    outcome = hongyan("--help")

    assert outcome.code == 0
    assert all(f"\n  {name} " in outcome.out for name in COMMANDS)


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_explains_itself(hongyan: Hongyan, name: str) -> None:
    """`hongyan COMMAND --help` names the command."""
    outcome = hongyan(name, "--help")

    assert outcome.code == 0
    assert outcome.out.startswith(f"usage: hongyan {name}")


def test_the_version_is_that_of_the_package(hongyan: Hongyan) -> None:
    """For bug reports."""
    assert hongyan("--version").out.startswith("hongyan ")


@pytest.mark.parametrize(
    ("args", "expected"),
    [
        ([], "usage: hongyan COMMAND"),
        (["chek"], 'there is no command "chek"; did you mean "check"?'),
        (["check"], "required: BOOK"),
        (["check", "nowhere"], "nowhere: "),
        (["check", O2O, "--form", "json"], "unrecognized arguments: --form json"),
        (["check", O2O, "--format", "xml"], "invalid choice: 'xml'"),
        (["simulate", O2O], "required: --events"),
        (["simulate", O2O, "--events", "nowhere.jsonl"], "nowhere.jsonl: No such file"),
        (["simulate", O2O, "--events", "-", "--users", "-"], "only one file can be standard input"),
        (["simulate", O2O, "--events", "-", "--from", "noon"], "--from noon: must be like"),
        (["simulate", O2O, "--events", "-", "--from", "2026-06-02", "--until", "2026-06-01"], "lies before --from"),
        (["explain", O2O, "--rule", "order-creatd", "--events", "-"], 'no rule "order-creatd" in the book; did you mean "order-created"?'),
        (["test", O2O, "-k", "no-such-test"], 'no test has "no-such-test" in its name'),
        (["test", O2O, "--min-coverage", "101"], "is not a percentage"),
        (["sample", "--orders", "0"], "is not a whole number of 1 or more"),
        (["sample", "--start", "June"], "is not a date"),
    ],
)
def test_wrong_usage_exits_2_and_says_so_on_standard_error(hongyan: Hongyan, args: list[object], expected: str) -> None:
    """Standard output stays empty: it is for data."""
    outcome = hongyan(*args)

    assert outcome.code == 2
    assert outcome.out == ""
    assert expected in outcome.err


def test_wrong_settings_exit_2(hongyan: Hongyan, monkeypatch: pytest.MonkeyPatch, book: Path, events: Path) -> None:
    """An unknown setting is refused before anything is judged."""
    monkeypatch.setenv("HONGYAN_DATABSE", "x")
    outcome = hongyan("simulate", book, "--events", events)

    assert (outcome.code, outcome.out) == (2, "")
    assert 'did you mean "database"?' in outcome.err


def test_a_reader_that_has_enough_is_no_error() -> None:
    """`hongyan sample | head -1` ends quietly."""
    with subprocess.Popen(
        [sys.executable, "-m", "cli.main", "sample", "--orders", "3000"], cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.readline()
        process.stdout.close()

        assert process.stderr.read() == b""
    assert process.returncode == 0


def test_output_is_utf8_whatever_the_locale_says() -> None:
    """A server with LANG=C writes the same bytes."""
    done = subprocess.run(
        [sys.executable, "-m", "cli.main", "sample", "--orders", "1"],
        cwd=ROOT,
        env={"LANG": "C", "PYTHONIOENCODING": "ascii", "PATH": ""},
        capture_output=True,
        check=True,
    )

    assert "夏日会员节" in done.stdout.decode("utf-8")


def test_help_loads_no_engine() -> None:
    """The command answers at once; what a subcommand needs is loaded by it."""
    code = "import sys, cli.main; cli.main.main(['--help']); print(sorted(m for m in sys.modules if m.startswith(('engine.', 'rules.'))))"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)

    assert "engine.core.compile" not in done.stdout
    assert "rules.checking" not in done.stdout
