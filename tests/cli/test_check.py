"""`hongyan check`: one finding in four forms."""

import json
from pathlib import Path

import pytest

from cli.findings import as_github, as_sarif, as_text, underlined
from rules.findings import Finding, Severity, Span
from tests.cli.conftest import O2O, Hongyan


def test_the_book_that_ships_has_no_errors(hongyan: Hongyan) -> None:
    """Nothing on standard output but findings, the count on standard error."""
    outcome = hongyan("check", O2O)

    assert outcome.code == 0
    assert ": 0 errors" in outcome.err


def test_text_shows_place_line_and_caret(hongyan: Hongyan, bad_book: Path) -> None:
    """The caret stands under the exact text."""
    outcome = hongyan("check", bad_book)
    lines = outcome.out.splitlines()
    at = next(number for number, line in enumerate(lines) if "error unknown-name" in line)

    assert outcome.code == 1
    assert lines[at].startswith(f"{bad_book.as_posix()}/book.yaml:13:")
    assert lines[at + 1] == "    send: {type: notification, template: order_creatd, channel: sms}"
    assert lines[at + 2] == " " * lines[at + 1].index("order_creatd") + "^" * len("order_creatd")


def test_json_has_the_promised_shape(hongyan: Hongyan, bad_book: Path) -> None:
    """interfaces.md promises these names to other programs."""
    outcome = hongyan("check", bad_book, "--format", "json")
    report = json.loads(outcome.out)
    finding = next(one for one in report["findings"] if one["severity"] == "error")

    assert outcome.code == 1
    assert list(report) == ["book", "errors", "warnings", "findings"]
    assert report["errors"] == 1
    assert set(finding) == {"code", "severity", "file", "line", "column", "end_line", "end_column", "path", "message", "hint"}
    assert (finding["file"], finding["path"]) == ("book.yaml", "rules.order-created.send.template")


def test_a_book_in_the_working_directory_has_short_paths(hongyan: Hongyan, bad_book: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As editors and CI want them, also when the book was named by its whole path."""
    monkeypatch.chdir(bad_book.parent)

    assert "::error file=book/book.yaml,line=13," in hongyan("check", "book", "--format", "github").out
    assert "::error file=book/book.yaml,line=13," in hongyan("check", bad_book, "--format", "github").out


def test_commands_that_need_a_good_book_say_why_not(hongyan: Hongyan, bad_book: Path, events: Path) -> None:
    """Findings on standard error, standard output empty, exit 1."""
    for outcome in (
        hongyan("simulate", bad_book, "--events", events, "--format", "jsonl"),
        hongyan("test", bad_book),
        hongyan("explain", bad_book, "--rule", "x", "--events", events),
        hongyan("compare", O2O, bad_book, "--events", events),
    ):
        assert (outcome.code, outcome.out) == (1, "")
        assert "error unknown-name" in outcome.err
        assert "cannot be used, it has 1 error\n" in outcome.err


# ---- the forms ------------------------------------------------------------------------------------------------------------------


def finding(line: int, column: int, end_column: int, *, message: str = "wrong", end_line: int = 0, hint: str = "") -> Finding:
    """A finding in a.yaml."""
    span = Span("a.yaml", line, column, end_line or line, end_column)
    return Finding("unknown-name", Severity.ERROR, span, ("rules", "x", "when", "any", 1), message, hint)


@pytest.mark.parametrize(
    ("line", "columns", "expected"),
    [
        ("  on: order.creatd", (7, 19), ("on: order.creatd", "    ^^^^^^^^^^^^")),
        ("名字: 下单, on: x", (13, 14), ("名字: 下单, on: x", "                ^")),  # two columns for each Chinese character
        ("sms: 您的订单", (6, 10), ("sms: 您的订单", "     ^^^^^^^^")),
        ("a:\tb", (4, 5), ("a:    b", "      ^")),
        ("    x", (1, 1), ("    x", "^")),
        ("x", (2, 2), ("x", " ^")),
        ("a: \x1b[31mred", (4, 13), ("a: �[31mred", "   ^^^^^^^^")),  # nothing of a book moves the cursor
        ("e\u0301: x", (5, 6), ("e\u0301: x", "   ^")),  # an accent takes no column
    ],
)
def test_the_caret_stands_under_the_text(line: str, columns: tuple[int, int], expected: tuple[str, str]) -> None:
    """Columns of the finding count characters, columns of the terminal do not."""
    shown, carets = underlined(line, Span("a.yaml", 1, columns[0], 1, columns[1]))

    assert (shown, carets) == expected


def test_long_lines_are_cut_around_the_text() -> None:
    """Both ends of a long line go, the marked text stays."""
    shown, carets = underlined("长" * 500 + "HERE" + "x" * 500, Span("a.yaml", 1, 501, 1, 505))

    assert len(shown) < 200
    assert "HERE" in shown
    assert carets.endswith("^^^^")


def test_a_finding_over_several_lines_marks_the_first(capsys: pytest.CaptureFixture[str]) -> None:
    """Up to the end of that line, or just the place where the file is not at hand."""
    import sys

    several = finding(1, 3, 2, end_line=3)

    assert list(as_text([several], "b", {"a.yaml": "a: [\n1,\n2]"}, sys.stdout)) == [
        "b: error unknown-name: wrong".replace("b:", "b:1:3:", 1) + "\n    a: [\n      ^^"
    ]
    assert list(as_text([several], "b", {}, sys.stdout)) == ["b:1:3: error unknown-name: wrong"]


def test_github_annotations_are_escaped() -> None:
    """Percent, line ends, and in properties colon and comma."""
    (text,) = as_github([finding(2, 3, 9, message="50%\nof: a, b", hint="ask")], "b:ook")

    assert text == "::error file=b%3Aook,line=2,endLine=2,col=3,endColumn=9,title=unknown-name::50%25%0Aof: a, b (ask)"


def test_github_gets_no_columns_over_several_lines() -> None:
    """It takes them within one line only."""
    (text,) = as_github([finding(2, 3, 9, end_line=4)], "b")

    assert "line=2,endLine=4,title" in text


def test_sarif_names_rule_level_and_region(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What code hosts need to show a result beside its line; addresses are escaped."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "my book").mkdir()
    tree = as_sarif([finding(2, 3, 9)], "my book", "1.0")
    (run,) = tree["runs"]
    (result,) = run["results"]
    location = result["locations"][0]

    assert tree["version"] == "2.1.0"
    assert run["columnKind"] == "unicodeCodePoints"
    assert (result["ruleId"], result["level"], run["tool"]["driver"]["rules"][result["ruleIndex"]]["id"]) == (
        "unknown-name",
        "error",
        "unknown-name",
    )
    assert location["physicalLocation"]["artifactLocation"]["uri"] == "my%20book/a.yaml"
    assert location["physicalLocation"]["region"] == {"startLine": 2, "startColumn": 3, "endLine": 2, "endColumn": 9}
    assert location["logicalLocations"] == [{"fullyQualifiedName": "rules.x.when.any[1]"}]
