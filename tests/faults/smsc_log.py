"""What the SMSC itself has written down, held against attempts and receipts.

It knows no ids of ours. So what it has answered is found by the number that it gave, and the rest, which nobody knows the fate of, by
recipient and text: each text of the world is another one.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

import sqlalchemy as sa

from engine.store.attempts import Attempt
from engine.store.messages import Stored
from engine.store.schema import provider_ids, receipts
from engine.store.states import FINAL
from engine.store.store import Store

Said = Mapping[str, Any]  # an event of tests/providers/smsc/smsc.js
_CODE = re.compile(r"(?<=验证码)\d{6}")


def check(store: Store, sent: Sequence[Stored], tried: Mapping[int, Sequence[Attempt]], log: Sequence[Said]) -> None:
    """Raise AssertionError where the SMSC got what no attempt stands for, or where a receipt that we acknowledged is lost."""
    submits = {str(one["number"]): one for one in log if one["event"] == "submit"}
    acknowledged = {str(one["number"]) for one in log if one["event"] == "deliver_sm_resp" and one["status"] == 0}
    with store.read() as tx:
        numbers: dict[int, str] = {row.attempt: row.provider_id for row in tx.execute(sa.select(provider_ids))}
        kept = {(row.provider, row.provider_id) for row in tx.execute(sa.select(receipts))}

    codes = Counter((one["to"], one["text"]) for one in submits.values() if "验证码" in one["text"])
    assert not codes or max(codes.values()) == 1, "a code came twice"
    doubtful: Counter[tuple[str, str]] = Counter()
    answered: set[str] = set()
    for stored in sent:
        for attempt in tried.get(stored.seq, ()):
            number = numbers.get(attempt.seq)
            where = f"message {stored.seq} ({stored.message.type}, {stored.state}), attempt {attempt.number}: {attempt.outcome} {number}"
            if number is None:
                assert attempt.outcome != "accepted", where
                doubtful[_key(stored.message.to, stored.message.text)] += attempt.outcome != "rejected"
                continue
            assert number not in answered, f"{where}: one submission, two attempts"
            answered.add(number)
            said = submits[number]
            assert said["account"] == attempt.provider, where
            assert _key(said["to"], said["text"]) == _key(stored.message.to, stored.message.text), where
            if number in acknowledged and attempt is tried[stored.seq][-1]:
                assert stored.state in FINAL, f"{where}: a receipt was acknowledged"
    unanswered = Counter(_key(one["to"], one["text"]) for number, one in submits.items() if number not in answered and not one["refused"])
    more = unanswered - doubtful
    assert not more, f"at the SMSC without an attempt that says so: {list(more.items())[:3]}"

    lost = [number for number in acknowledged if (submits[number]["account"], number) not in kept]
    assert not lost, f"{len(lost)} receipts were acknowledged and are not kept: {lost[:3]}"


def _key(to: str, text: str | None) -> tuple[str, str]:
    """Recipient and text, with the code masked as the store has it."""
    return to.removeprefix("+"), _CODE.sub("******", text or "")
