"""A person's story page by page: whatever was decided and sent, in whatever mixture, everything is there once."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from itertools import count
from typing import Any

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from engine.core.outcomes import Item, Message, Verdict
from engine.runtime.live import person
from engine.runtime.live.person import Asked, Who
from engine.store import decisions, messages
from engine.store.decisions import NewDecision
from engine.store.messages import NewMessage
from engine.store.store import Store

PHONE = "+8613800138000"
PEOPLE = (("u1", None), (None, PHONE), ("u2", None))  # the user, their number by itself, somebody else
WHO = Who("u1", PHONE)
# A decision: its instant, and of each verdict (whose, outcome, whether its message is still kept); then messages that came without one.
VERDICTS = st.tuples(st.sampled_from(range(3)), st.sampled_from(["send", "skip", "defer", "cancel"]), st.booleans())
OTHERS = st.lists(st.sampled_from(range(3)), max_size=2)
HISTORY = st.lists(st.tuples(st.integers(0, 50), st.lists(VERDICTS, max_size=4), OTHERS), min_size=2, max_size=20)
_envs = count()  # an environment for each example: a database is slow to make


@pytest.fixture(scope="module")
def memory(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    store = Store(f"sqlite:///{tmp_path_factory.mktemp('person') / 'hongyan.db'}")
    store.migrate()
    yield store
    store.close()


def message(id: str, whose: int, occurrence: str) -> Message:
    user, phone = PEOPLE[whose]
    item = Item("r", occurrence, 1, user=user, phone=phone)
    return Message(id, 1, item, user, phone, PHONE, "notification", "sms", "t", None, "好", None, 1, None, None, (), ())


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@example(history=[(1, [(0, "send", True)], [0, 0])] * 12, limit=7, looked=8)  # messages are read to an end before decisions are
@example(history=[(1, [(0, "send", True), (1, "skip", True)], [])] * 15, limit=3, looked=7)
@given(history=HISTORY, limit=st.integers(1, 7), looked=st.integers(7, 12))
def test_everything_is_there_once(memory: Store, monkeypatch: pytest.MonkeyPatch, history: list[Any], limit: int, looked: int) -> None:
    monkeypatch.setattr(person, "_LOOKED_THROUGH", looked)
    store, env = memory, f"env {next(_envs)}"
    wanted: Counter[str] = Counter()
    rows: list[tuple[NewDecision, list[Message]]] = []
    for number, (at, verdicts, others) in enumerate(history):
        told: list[Verdict] = []
        sent: list[Message] = []
        for place, (whose, outcome, keeps) in enumerate(verdicts):
            user, phone = PEOPLE[whose]
            occurrence = f"o{number}.{place}"
            told.append(Verdict(at, "r", user, outcome, "ok", occurrence, None, phone))
            if outcome == "send" and keeps:
                sent.append(message(f"m{occurrence}", whose, occurrence))
            wanted[occurrence] += whose < 2
        for place, whose in enumerate(others):
            occurrence = f"f{number}.{place}"
            sent.append(message(f"m{occurrence}", whose, occurrence))
            wanted[occurrence] += whose < 2
        rows.append((NewDecision(at, "event", verdicts=told), sent))
    with store.write() as tx:
        for row, sent in rows:
            (seq,) = decisions.add(tx, env, [row])
            # A sample belongs to no decision.
            messages.add(tx, env, [NewMessage(one, 1, None if one.occurrence.startswith("f0") else seq) for one in sent])

    found: Counter[str] = Counter()
    cursor, pages = None, 0
    while True:
        with store.read() as tx:
            page = person.timeline(tx, env, WHO, None, Asked(), cursor=cursor, limit=limit)
        for entry in page.items:
            found[entry.verdict.occurrence if entry.verdict is not None else entry.message.message.occurrence] += 1  # type: ignore[union-attr]
        cursor, pages = page.next, pages + 1
        if cursor is None:
            break
        assert pages < 200, "the pages do not end"

    assert found == +wanted
