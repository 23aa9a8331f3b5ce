"""Figures over a stretch of time: what became of the rules."""

from __future__ import annotations

from collections import Counter

import sqlalchemy as sa

from engine.store import codec
from engine.store.schema import decisions, messages
from engine.store.store import Tx


def verdicts(tx: Tx, env: str, since: int, until: int) -> Counter[tuple[str, str, str]]:
    """(rule, outcome, reason) -> how many verdicts of `[since, until)`. Reads every row of the stretch."""
    statement = sa.select(decisions.c.verdicts, decisions.c.at).where(
        decisions.c.env == env, decisions.c.at >= since, decisions.c.at < until
    )
    found: Counter[tuple[str, str, str]] = Counter()
    with tx.execute(statement.execution_options(yield_per=1000)) as rows:
        for row in rows:
            for verdict in codec.decode_verdicts(row.verdicts, row.at):
                found[verdict.rule, verdict.outcome, verdict.reason] += 1
    return found


def message_states(tx: Tx, env: str, since: int, until: int) -> dict[tuple[str, str], int]:
    """(rule, state) -> how many messages decided in `[since, until)`."""
    columns = messages.c
    statement = sa.select(columns.rule, columns.state, sa.func.count()).where(columns.env == env, columns.at >= since, columns.at < until)
    return {(rule, state): int(number) for rule, state, number in tx.execute(statement.group_by(columns.rule, columns.state))}
