"""The documents say what is: commands, finding codes, settings, dependencies, words and links."""

import json
import re
import shlex
from configparser import ConfigParser
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path

import pytest

from cli.main import COMMANDS, main
from engine.core.outcomes import REASONS
from engine.settings import ENTRIES
from engine.words import CHANNELS, OUTCOMES, SHAPES
from engine.words import REASONS as REASON_WORDS
from rules import model
from rules.checks import CHECKS

ROOT = Path(__file__).parents[1]
DOCS = ROOT / "docs"
PAGES = [ROOT / "README.md", ROOT / "CHANGELOG.md", *sorted(DOCS.rglob("*.md"))]


def name(path: Path) -> str:
    """A page as pytest shows it."""
    return path.relative_to(ROOT).as_posix()


def requirements() -> dict[str, str]:
    """Library -> range, of all that setup.cfg names."""
    config = ConfigParser(interpolation=None)
    config.read(ROOT / "setup.cfg", encoding="utf-8")
    extras = config["options.extras_require"]
    text = "\n".join((config["options"]["install_requires"], extras["test"], extras["dev"]))
    lines = [line.strip() for line in text.splitlines() if line.strip() and not line.strip().startswith("%")]
    return {match[1]: match[2].strip() or "any" for line in lines if (match := re.match(r"([\w-]+)\s*(.*)", line))}


def table(page: Path) -> dict[str, list[str]]:
    """The rows of all tables of a page, by their first cell."""
    rows = [[cell.strip() for cell in line.strip("|\n ").split(" | ")] for line in page.read_text("utf-8").splitlines() if line[:2] == "| "]
    return {row[0].strip("`"): row[1:] for row in rows}


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_links_lead_somewhere(page: Path) -> None:
    """Every relative link of a page points to a file or folder that is there."""
    links = re.findall(r"\]\((?!https?:)([^)#]+)", page.read_text("utf-8"))

    assert [link for link in links if not (page.parent / link).exists()] == []


def test_the_five_minutes_of_the_readme_work(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """Each command is run as it stands, in a new folder; none finds a fault."""
    (tmp_path / "rules").symlink_to(ROOT / "rules")
    monkeypatch.chdir(tmp_path)
    five_minutes = (ROOT / "README.md").read_text("utf-8").split("## Five minutes")[1].split("```")[1]
    commands = [shlex.split(line, comments=True)[1:] for line in five_minutes.splitlines() if line.startswith("hongyan ")]

    assert [command[0] for command in commands] == ["init", "check", "test", "sample", "simulate", "explain", "compare"]
    for command in commands:
        assert main(command) == 0, capsys.readouterr().err


def test_documents_name_only_commands_that_exist() -> None:
    """And every command is named somewhere."""
    named = {word for page in PAGES for word in re.findall(r"\bhongyan ([a-z]+(?:-[a-z]+)*)\b", page.read_text("utf-8"))}

    assert named == set(COMMANDS)


def test_the_readme_names_targets_of_the_makefile() -> None:
    """And the Makefile explains all of its own."""
    makefile = (ROOT / "Makefile").read_text("utf-8")
    targets = set(re.findall(r"^([a-z]+):.*## ", makefile, re.MULTILINE))
    phony = set(re.search(r"^\.PHONY: (.*)$", makefile, re.MULTILINE)[1].split())  # type: ignore[index]

    assert set(re.findall(r"`?make ([a-z]+)\b", (ROOT / "README.md").read_text("utf-8"))) <= targets
    assert targets == phony


def test_every_finding_code_has_a_page() -> None:
    """And every page a code."""
    assert {page.stem for page in (DOCS / "checks").glob("*.md")} == {check.CODE for check in CHECKS}


def test_every_setting_is_documented() -> None:
    """docs/settings.md lists the entries that are known."""
    assert set(ENTRIES) == set(table(DOCS / "settings.md")) - {"entry", "---"}


def test_every_decision_is_in_the_index() -> None:
    """Where people look for it."""
    index = (DOCS / "decisions" / "README.md").read_text("utf-8")

    assert [page.name for page in (DOCS / "decisions").glob("*.md") if page.name != "README.md" and f"({page.name})" not in index] == []


def test_the_table_of_dependencies_is_that_of_setup_cfg() -> None:
    """Each library with its range, and a licence that is neither GPL nor AGPL."""
    rows = {library: row for library, row in table(DOCS / "dependencies.md").items() if library not in ("library", "---")}
    package = json.loads((ROOT / "webapp" / "frontend" / "package.json").read_text("utf-8"))

    assert {library: row[0] for library, row in rows.items()} == requirements() | package["dependencies"] | package["devDependencies"]
    assert all(row[1] and not re.search(r"(?<!L)GPL", row[1]) for row in rows.values())


def test_no_installed_dependency_is_under_the_gpl() -> None:
    """As the packages themselves say, those below ours included."""
    waiting, seen = list(requirements()), set[str]()
    while waiting:
        library = waiting.pop()
        if library.lower() in seen:
            continue
        seen.add(library.lower())
        try:
            found = distribution(library)
        except PackageNotFoundError:  # an extra that is not installed, or for another system
            continue
        stated = [*(found.metadata.get_all("Classifier") or []), str(found.metadata.get("License-Expression", ""))]
        stated.append(str(found.metadata.get("License", ""))[:100])
        assert not re.search(r"\bA?GPL|GNU (Affero )?General Public", "\n".join(stated)), library
        waiting += [re.split(r"[\s;<>=!~(\[]", need)[0] for need in found.requires or [] if "extra ==" not in need]


@pytest.mark.parametrize(
    "word",
    [
        "event", "user", "trait", "segment", "rule", "message type", "channel", "template", "cap", "verdict", "message", "attempt",
        "receipt", "timer", "occurrence", "key", "provider", "finding",
    ],
)  # fmt: skip
def test_the_glossary_has_the_words_of_the_language(word: str) -> None:
    """One word for one thing: here is what it means, in both languages."""
    chinese, meaning = table(DOCS / "glossary.md")[word]

    assert chinese
    assert meaning


def test_outcomes_reasons_and_channels_have_words() -> None:
    """The closed lists of the core and the words that people see agree."""
    assert set(OUTCOMES) == set(SHAPES) == set(REASONS)
    assert set(REASON_WORDS) == {reason for reasons in REASONS.values() for reason in reasons}
    assert set(CHANNELS) == set(model.CHANNELS)
