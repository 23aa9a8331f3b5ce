"""A comparison for people: besides the figures, why each kind of message changed, whom it concerns, and examples to choose from."""

from __future__ import annotations

from collections import defaultdict
from typing import Any

from engine.core.outcomes import Message, Verdict
from engine.simulate.compare import Comparison
from engine.simulate.output import Prices, verdict_line

MAX_EXAMPLES = 60  # of each kind and rule
MAX_VERDICTS = 4_000  # pairs that are kept to explain examples, of each rule
Pair = tuple[Verdict | None, Verdict | None]


class DetailedComparison(Comparison):
    """Keeps pairs of verdicts that differ, and the people whose messages do."""

    def __init__(self, prices: Prices) -> None:
        super().__init__(prices, examples=MAX_EXAMPLES)
        self._pairs: dict[str, dict[tuple[str, str], Pair]] = defaultdict(dict)
        self._people: dict[str, set[str]] = {"added": set(), "removed": set(), "changed": set()}

    def shifted(self, before: Verdict | None, after: Verdict | None) -> None:
        """Keep the pair: a message of the same rule, occurrence and person is explained by it."""
        one = after or before
        assert one is not None
        pairs = self._pairs[one.rule]
        key = (one.occurrence, one.user or one.phone or "")
        if key in pairs or len(pairs) < MAX_VERDICTS:
            old, new = pairs.get(key, (None, None))
            pairs[key] = (before or old, after or new)

    def differed(self, kind: str, message: Message) -> None:
        """Count the person once."""
        self._people[kind].add(message.user or message.to)

    def as_dict(self) -> dict[str, Any]:
        """As of a comparison; each example also has `before` and `after`, the verdicts of the two books (None: the same, or no verdict)."""
        found = super().as_dict()
        for rule in found["rules"]:
            pairs = self._pairs.get(rule["rule"], {})
            for example in rule["examples"]:
                line = example["old"] or example["new"]
                old, new = pairs.get((line["occurrence"], line["user"] or line["to"]), (None, None))
                example["before"] = verdict_line(old) if old is not None else None
                example["after"] = verdict_line(new) if new is not None else None
        found["people"] = {kind: len(people) for kind, people in self._people.items()}
        return found
