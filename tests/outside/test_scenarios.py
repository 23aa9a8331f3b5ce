"""The meaning of the language, case by case: scenarios/*.yaml, each run through the command."""

from pathlib import Path

import pytest

from . import cases
from .conftest import Hongyan

FILES = sorted(path.name for path in cases.HERE.glob("*.yaml"))
CASES = [pytest.param(case, id=f"{name.removesuffix('.yaml')}/{case['id']}") for name in FILES for case in cases.load_cases(name)]


@pytest.mark.parametrize("case", CASES)
def test_the_language_means_what_it_says(case: dict, hongyan: Hongyan, tmp_path: Path) -> None:
    """Exactly the expected lines, in order."""
    result = hongyan(*cases.arguments(case, tmp_path))

    assert result.returncode == case.get("exit", 0), result.stderr
    cases.compare(case, result.stdout)
    for part in case.get("stderr_has", ()):
        assert part in result.stderr


def test_every_case_has_a_name_of_its_own() -> None:
    """A failure names one case."""
    names = [case.id for case in CASES]

    assert len(names) == len(set(names))
