"""`hongyan test`: results for people, for CI, and what the tests reach."""

from dataclasses import dataclass, field
from pathlib import Path
from xml.etree import ElementTree

from cli.junit import junit_xml
from cli.test import coverage_report
from engine.simulate.testing import covered_percent
from tests.cli.conftest import TESTS, Hongyan


@dataclass
class Made:
    """A result."""

    name: str
    passed: bool
    message: str = ""
    seconds: float = 0.5


@dataclass
class Reached:
    """One kind of coverage."""

    name: str
    covered: int
    total: int
    missing: list[str] = field(default_factory=list)


def test_passing_tests_exit_0(hongyan: Hongyan, book: Path) -> None:
    """One line a test, the count on standard error."""
    outcome = hongyan("test", book)

    assert outcome.code == 0
    assert outcome.out.splitlines() == ["ok    sends", "ok    stays-silent"]
    assert outcome.err.startswith("2 tests, 0 failed")


def test_failing_tests_exit_1_and_say_why(hongyan: Hongyan, book: Path, tmp_path: Path) -> None:
    """Also in the report for CI."""
    (book / "tests.yaml").write_text(TESTS.replace("amount: 0", "amount: 1"), encoding="utf-8")
    report = tmp_path / "report.xml"
    outcome = hongyan("test", book, "--junit", report)
    suite = ElementTree.parse(report).getroot()[0]

    assert outcome.code == 1
    assert "FAIL  stays-silent\n      " in outcome.out
    assert (suite.get("tests"), suite.get("failures")) == ("2", "1")


def test_a_name_chooses_tests(hongyan: Hongyan, book: Path) -> None:
    """Any part of the name."""
    assert hongyan("test", book, "-k", "silent").out.splitlines() == ["ok    stays-silent"]


def test_low_coverage_fails(hongyan: Hongyan, book: Path) -> None:
    """Every percent that is asked for must be there."""
    outcome = hongyan("test", book, "--min-coverage", "100", "-k", "sends")

    assert "total" in outcome.out
    assert (outcome.code == 1) == ("less than 100 %" in outcome.err)
    assert hongyan("test", book, "--min-coverage", "0", "-k", "sends").code == 0


def test_coverage_counts_everything_alike() -> None:
    """Rules, branches and reasons are one total; what is missing is named, up to a number."""
    measures = [Reached("rules", 1, 2, ["rule b: never asked"]), Reached("branches", 22, 50, [f"branch {n}" for n in range(28)])]
    report = list(coverage_report(measures))

    assert covered_percent(measures) == 100 * 23 / 52
    assert covered_percent([]) == 100
    assert report[:2] == ["rules         1 of     2   50.0 %", "  not reached: rule b: never asked"]
    assert report[-2:] == ["  and 8 more", "total                      44.2 %"]


def test_junit_survives_what_xml_cannot_hold() -> None:
    """Control characters from a failing text are replaced; counts and times add up."""
    xml = junit_xml("o2o", [Made("good <1>", True), Made("bad", False, "expected 订单\nbut got \x1b\ud800\n")])
    suite = ElementTree.fromstring(xml)[0]
    failure = suite[1][0]

    assert (suite.get("tests"), suite.get("failures"), suite.get("time")) == ("2", "1", "1.000")
    assert suite[0].get("name") == "good <1>"
    assert (failure.get("message"), failure.text) == ("expected 订单", "expected 订单\nbut got ��\n")
