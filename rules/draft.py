"""What the checks look at: the model of all sound entries, and what else is known of the book."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from rules.model import Rulebook
from rules.positions import Positions


@dataclass(frozen=True, slots=True)
class Draft:
    """A book on its way to be checked.

    `book` holds only entries without errors of structure. `names` holds, for each of events, attributes, traits, segments, message_types,
    templates, rules and tests, all declared names, those of broken entries too, so that one mistake does not make a second finding.
    """

    book: Rulebook
    names: Mapping[str, frozenset[str]]
    positions: Positions
    tree: Mapping[str, Any]
    sources: Mapping[str, str]
