"""Every text of the console in both languages."""

from __future__ import annotations

import io
import subprocess
import sys
from pathlib import Path

from babel.messages.pofile import read_po

ROOT = Path(__file__).resolve().parents[2]
CATALOGUE = ROOT / "webapp" / "translations" / "en" / "LC_MESSAGES" / "messages.po"


def test_every_text_has_its_english(tmp_path: Path) -> None:
    """What the templates and views say stands in the catalogue, translated; nothing else does (`make words`)."""
    made = tmp_path / "words.pot"
    command = [sys.executable, "-m", "babel.messages.frontend", "--quiet", "extract", "-F", "babel.cfg", "-o", str(made), "."]
    subprocess.run(command, cwd=ROOT, check=True, capture_output=True)
    said = {message.id for message in read_po(io.BytesIO(made.read_bytes())) if message.id}
    catalogue = read_po(io.BytesIO(CATALOGUE.read_bytes()), locale="en")
    english = {message.id: message for message in catalogue if message.id}
    empty = [
        id
        for id, message in english.items()
        if message.fuzzy or not message.string or (isinstance(message.string, tuple) and not all(message.string))
    ]

    assert said - english.keys() == set()
    assert english.keys() - said == set()
    assert empty == []


def test_what_is_put_in_a_text_is_the_same_in_both() -> None:
    """Every %(name)s of one stands in the other."""
    problems = [
        (message.id, error) for message, errors in read_po(io.BytesIO(CATALOGUE.read_bytes()), locale="en").check() for error in errors
    ]

    assert problems == []
