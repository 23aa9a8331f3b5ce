"""Conditions by a table: which value of a field makes which operator true."""

import json
from pathlib import Path

import pytest

from . import cases
from .conftest import Hongyan

GROUPS = cases.read_yaml((cases.HERE / "tables" / "conditions.yaml").read_text(encoding="utf-8"))
ROWS = [
    pytest.param(group, row, id=f"{group['fact'].split(':')[0][:40]}-{number}".replace(" ", "_"))
    for group in GROUPS
    for number, row in enumerate(group["rows"], 1)
]


@pytest.mark.parametrize(("group", "row"), ROWS)
def test_a_condition_is_true_or_false(group: dict, row: list, hongyan: Hongyan, tmp_path: Path) -> None:
    """A true one sends, a false one is skipped `condition_false`."""
    when, data, expected, user = [*row, "+8613800138001"][:4]
    written = when if group.get("raw") else json.dumps(when, ensure_ascii=False)
    book = "segments:\n  golden: {name: 金, when: {user.tier: gold}}\n"
    book += f"rules:\n  r:\n    on: made\n    when: {written}\n    send: {{type: notification, sms: 好}}\n"
    skipped = [{"verdict": "skip/condition_false", "rule": "r", "user": "u1"}]
    sent = [{"verdict": "send/ok", "rule": "r", "user": "u1"}, {"message": "sms", "rule": "r", "user": "u1", "text": "好"}]
    case = {
        "id": "condition",
        "fact": f"{group['fact']}: {written} on {data} of {user} is {expected}",
        "book": book,
        "users": {"u1": user},
        "events": [{"at": group.get("at", "+0s"), "type": "made", "data": data}],
        "lines": sent if expected else skipped,
    }

    result = hongyan(*cases.arguments(case, tmp_path))

    assert result.returncode == 0, result.stderr
    cases.compare(case, result.stdout)
