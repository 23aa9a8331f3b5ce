"""One story with two books: which occurrences end otherwise, for whom, and how."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from webapp.console.simulator.running import Judged, Run

Key = tuple[str, str, str | None]  # rule, occurrence, user or number


@dataclass(frozen=True, slots=True)
class Difference:
    """What an occurrence came to with the old book and with the new one. None: nothing was decided there."""

    old: Judged | None
    new: Judged | None

    @property
    def one(self) -> Judged:
        """The new verdict, or the old one where there is none."""
        found = self.new or self.old
        assert found is not None
        return found

    @property
    def is_only_text(self) -> bool:
        """Whether the same is decided, and only what is sent reads otherwise."""
        return self.old is not None and self.new is not None and _decided(self.old) == _decided(self.new)


def differences(old: Run, new: Run) -> list[Difference]:
    """In order of time, then of user and rule."""
    before, after = _last(old.judged), _last(new.judged)
    found = [Difference(before.get(key), after.get(key)) for key in before | after]
    changed = [one for one in found if one.old is None or one.new is None or _whole(one.old) != _whole(one.new)]
    return sorted(changed, key=lambda one: (one.one.verdict.at, one.one.verdict.user or "", one.one.verdict.rule))


def _last(judged: Iterable[Judged]) -> dict[Key, Judged]:
    """The latest verdict of each occurrence and person: what a promise has come to."""
    return {(one.verdict.rule, one.verdict.occurrence, one.verdict.user or one.verdict.phone): one for one in judged}


def _decided(one: Judged) -> tuple[object, ...]:
    due = one.verdict.detail.get("due") or one.verdict.detail.get("until")
    return one.outcome, one.verdict.reason, one.verdict.at, due, tuple(message.channel for message in one.messages)


def _whole(one: Judged) -> tuple[object, ...]:
    return *_decided(one), tuple(message.text or repr(message.content) for message in one.messages)
