"""Every finding code has a file, a page and a test, and what the pages show is true."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from rules.checking import check
from rules.checks import CHECKS
from tests.rules.test_checks import ROWS

ROOT = Path(__file__).resolve().parents[2]
PAGES = {page.stem: page.read_text(encoding="utf-8") for page in sorted((ROOT / "docs" / "checks").glob("*.md"))}
EXAMPLE = re.compile(r"^```yaml (bad|good)\n(.*?)^```$", re.DOTALL | re.MULTILINE)
EXAMPLES = [
    pytest.param(code, text, kind, id=f"{code} {kind} {number}")
    for code, page in PAGES.items()
    for number, (kind, text) in enumerate(EXAMPLE.findall(page), 1)
]
CODES = [module.CODE for module in CHECKS]


def test_every_check_has_a_file_a_page_and_rows() -> None:
    """The four lists agree: CHECKS, files, pages, tests."""
    files = {file.stem.replace("_", "-") for file in (ROOT / "rules" / "checks").glob("*.py") if not file.stem.startswith("_")}

    assert len(set(CODES)) == len(CODES)
    assert set(CODES) == files == set(PAGES) == set(ROWS)


@pytest.mark.parametrize("code", CODES)
def test_rows_fire_and_stay_silent(code: str) -> None:
    """Each check has at least one row of either kind."""
    assert {"¶" in row for row in ROWS[code].values()} == {True, False}


@pytest.mark.parametrize("code", PAGES)
def test_a_page_says_what_fixes_and_what_silences(code: str) -> None:
    """Every page is built alike."""
    page = PAGES[code]

    assert page.startswith(f"# {code}\n")
    assert {kind for kind, _ in EXAMPLE.findall(page)} == {"bad", "good"}
    assert "**Fix.**" in page
    assert "**Silence.**" in page


@pytest.mark.parametrize(("code", "text", "kind"), EXAMPLES)
def test_an_example_is_what_it_says(code: str, text: str, kind: str) -> None:
    """A bad example has this finding alone, at the line marked so; a good one has none."""
    findings = [f for f in check({"book.yaml": text}).findings if f.severity != "info" or f.code == code]
    marked = [number for number, line in enumerate(text.splitlines(), 1) if "# ← here" in line]

    assert len(marked) == (1 if kind == "bad" else 0)
    assert [(f.code, f.span.line) for f in findings] == [(code, line) for line in marked], [f.message for f in findings]


@pytest.mark.parametrize("code", CODES)
def test_a_bad_example_is_silenced_on_its_line(code: str) -> None:
    """Or it cannot: either way the page says so."""
    bad = next(text for kind, text in EXAMPLE.findall(PAGES[code]) if kind == "bad")
    silenced = bad.replace("# ← here", f"# check: disable={code}")
    is_error = any(finding.code == code and finding.severity == "error" for finding in check({"book.yaml": bad}).findings)

    assert (code in {finding.code for finding in check({"book.yaml": silenced}).findings}) == is_error
    assert ("**Silence.** Not possible" in PAGES[code]) == is_error
