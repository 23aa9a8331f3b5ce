"""The README of the client is true: its blocks run, one after the other, as a reader would paste them.

Against the real API over a service in memory; or, with HONGYAN_URL and HONGYAN_KEY set, against a real service that runs the O2O book (a
`hy_test_` key of role admin will do).
"""

from __future__ import annotations

import os
import re
import shutil
from functools import partial
from pathlib import Path
from typing import Any

import hongyan_client
import pytest
import standardwebhooks

from tests.sdk.api import ADMIN, Api

ROOT = Path(__file__).parents[2]
README = ROOT / "sdk" / "README.md"
SECRET = "whsec_AAECAwQFBgcICQoLDA0ODxAREhMUFRYX"


def blocks() -> list[tuple[int, str]]:
    """Each Python block with the line that it starts at."""
    text = README.read_text("utf-8")
    return [
        (text.count("\n", 0, found.start(1)), found[1]) for found in re.finditer(r"^```python\n(.*?)^```$", text, re.DOTALL | re.MULTILINE)
    ]


@pytest.fixture
def api(monkeypatch: pytest.MonkeyPatch) -> Api | None:
    """Over the service in memory, unless the environment names a real one."""
    if os.environ.get("HONGYAN_URL"):
        return None
    api = Api()
    monkeypatch.setenv("HONGYAN_URL", "https://hongyan.test")
    monkeypatch.setenv("HONGYAN_KEY", ADMIN)
    monkeypatch.setattr(hongyan_client, "Client", partial(hongyan_client.Client, transport=api))
    return api


def run_all(folder: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """Runs the blocks in `folder`, where the book lies; gives back what they named."""
    shutil.copytree(ROOT / "rules" / "books" / "o2o", folder / "book")
    monkeypatch.chdir(folder)
    names: dict[str, Any] = {}
    for line, source in blocks():
        exec(compile("\n" * line + source, str(README), "exec"), names)
    return names


def test_every_block_runs(api: Api | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """And does what the text around it says."""
    names = run_all(tmp_path, monkeypatch)

    assert names["tracked"].status in ("accepted", "duplicate")  # a real service may have seen the README before
    assert "order-created" in {verdict.rule for verdict in names["tracked"].verdicts}
    assert {item.status for item in names["results"]} <= {"accepted", "duplicate"}
    assert names["user"].timezone == "Asia/Shanghai"
    assert [message.rule for message in names["simulation"].messages] == ["order-created"]
    assert names["simulation"].refused == ()
    assert "422 event_refused" in capsys.readouterr().out.splitlines()[-1]


def test_the_webhook_receiver_works(api: Api | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Genuine ones get 204, others 400."""
    receive = run_all(tmp_path, monkeypatch)["receive"]
    body = b'{"type": "message.delivered", "data": {"id": "m1"}}'
    now = hongyan_client.events._now()
    headers = {
        "webhook-id": "w1",
        "webhook-timestamp": str(int(now.timestamp())),
        "webhook-signature": standardwebhooks.Webhook(SECRET).sign("w1", now, body.decode()),
    }

    assert receive(body, headers, SECRET) == 204
    assert receive(body + b" ", headers, SECRET) == 400


def test_the_readme_shows_every_part(api: Api | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of what the client can do, so that an example exists for each."""
    if api is None:
        pytest.skip("a real service does not tell what it was asked")
    run_all(tmp_path, monkeypatch)

    assert set(api.seen) == {
        "POST /v1/events", "POST /v1/events/batch", "POST /v1/verifications", "POST /v1/verifications/ver0/check", "PUT /v1/users/u1",
        "GET /v1/users/u1", "POST /v1/simulations", "GET /v1/messages",
    }  # fmt: skip


def test_the_readme_names_every_exception() -> None:
    """None is a surprise."""
    text = README.read_text("utf-8")
    public = [getattr(hongyan_client, name) for name in hongyan_client.__all__]
    errors = {thing.__name__ for thing in public if isinstance(thing, type) and issubclass(thing, Exception)}

    assert {name for name in errors if f"`{name}`" not in text and f" {name}" not in text} == set()
