"""What import-linter cannot say: which libraries the core may use, and that what CI runs can be run."""

import ast
import os
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]
CORE_MAY_USE = {"jinja2", "re2", "durable_rules_engine", "phonenumbers", "lunar_python", "holidays", "cronsim"}
OURS = {"engine", "rules"}


def imported(path: Path) -> set[str]:
    """The top-level names that a module imports."""
    names: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            names |= {alias.name.partition(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            names.add((node.module or "").partition(".")[0])
    return names


def test_the_core_uses_few_libraries() -> None:
    """Each is named in the architecture; another one is a decision, not an import."""
    used = set().union(*(imported(path) for path in (ROOT / "engine" / "core").rglob("*.py")))

    assert used - OURS - sys.stdlib_module_names <= CORE_MAY_USE


def test_every_package_says_what_it_does() -> None:
    """The first line of a package is a docstring."""
    packages = [path for room in ("rules", "engine", "providers", "webapp", "cli") for path in (ROOT / room).rglob("__init__.py")]

    assert [str(path) for path in packages if not ast.get_docstring(ast.parse(path.read_text("utf-8")))] == []


def test_ci_can_be_run() -> None:
    """It is executable and ends in `make test`."""
    script = ROOT / ".ci" / "run"

    assert os.access(script, os.X_OK)
    assert script.read_text().rstrip().endswith("make test")
