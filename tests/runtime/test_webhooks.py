"""Webhooks from the state change to the receiver: signed as the standard's own library checks it, repeated, given up, and private."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from hongyan_client import webhooks as sdk
from standardwebhooks.webhooks import Webhook as Standard
from standardwebhooks.webhooks import WebhookVerificationError

from engine.runtime.campaigns import CampaignSettings
from engine.runtime.clock import TestClock
from engine.runtime.deliverer import CLAIM_SECONDS, JITTER, PARALLEL, SCHEDULE_SECONDS
from engine.runtime.errors import Conflict, NotFound
from engine.runtime.housekeeping import Housekeeper
from engine.runtime.service import Service
from engine.runtime.webhooks import UrlNotTaken
from engine.store.store import Store
from providers.webhook import Sender
from tests.providers.hooks import Endpoint, endpoint
from tests.runtime.house import BOOK, HOUR, MINUTE, PHONE, SECOND, START
from tests.runtime.telling import ORDER, SECRET, TRIAL
from tests.store.conftest import postgresql, shared_postgresql, store

__all__ = ["postgresql", "shared_postgresql", "store"]  # fixtures

ROOT = Path(__file__).parents[2]
DAY = 24 * HOUR
USER = {"id": "u1", "phone": PHONE, "attributes": {"ok": True}}


class Shop:
    """A service with a book and a user, and somebody else's endpoint."""

    def __init__(self, store: Store, hook: Endpoint, sender: Sender = TRIAL) -> None:
        self.clock = TestClock(START)
        self.store = store
        self.hook = hook
        self.service = Service(store, self.clock, secret=SECRET, webhooks=sender, campaigns=CampaignSettings(inline=0, page=1))
        self.service.publish({"book.yaml": BOOK}, "", "test")
        self.service.put_users("live", [USER])

    def webhook(self, *types: str, answer: str = "200", env: str = "live") -> dict[str, Any]:
        return self.service.webhooks.create(env, self.address(answer), types or ("*",), "", "li")

    def address(self, answer: str) -> str:
        return f"http://127.0.0.1:{self.hook.port}/{answer}"

    def order(self, number: int = 1, env: str = "live", user: Any = "u1") -> None:
        self.service.accept(env, [{**ORDER, "id": f"e{number}", "user": user}])
        self.service.settle()

    def later(self, micros: int) -> None:
        self.clock.set(self.clock.now() + micros)

    def bodies(self) -> list[dict[str, Any]]:
        return [json.loads(body) for _, _, body in self.hook.posts]

    def heard(self) -> list[str]:
        return [body["type"] for body in self.bodies()]

    def ids(self) -> list[str]:
        return [headers["webhook-id"] for _, headers, _ in self.hook.posts]

    def deliveries(self, webhook: dict[str, Any]) -> list[dict[str, Any]]:
        return list(self.service.webhooks.deliveries("live", webhook["id"]).items)[::-1]

    def now(self, webhook: dict[str, Any]) -> dict[str, Any]:
        found = self.service.webhooks.get("live", webhook["id"])
        assert found is not None
        return found


@pytest.fixture
def hook() -> Iterator[Endpoint]:
    with endpoint() as server:
        yield server


@pytest.fixture
def shop(store: Store, hook: Endpoint) -> Iterator[Shop]:
    shop = Shop(store, hook)
    yield shop
    hook.ended.set()
    shop.service.close()


# ---- what is told ------------------------------------------------------------------------------------------------------------------------


def test_a_message_is_told_from_queue_to_receipt(shop: Shop) -> None:
    """Genuine to the standard's library and to our SDK; nothing of it says what was sent or to which number."""
    secret = shop.webhook("message.*")["secret"]
    shop.order()
    shop.service.settle(sending=True)
    shop.service.deliverer.step()

    assert sorted(shop.heard()) == ["message.delivered", "message.queued"]
    for _, headers, body in shop.hook.posts:
        told = Standard(secret).verify(body, headers)
        event = sdk.verify(body, headers, secret)
        assert (event.type, event.payload) == (told["type"], told)
        assert event.data["state"] == event.type.removeprefix("message.")
        assert event.data["to"] == "138****8000"
        assert (event.data["user"], event.data["rule"], event.data["occurrence"]) == ("u1", "created", "e1")
        assert b"13800138000" not in body
        assert "提交".encode() not in body
        found = shop.service.message("live", event.data["id"])
        assert found is not None
        assert found["trace"] == event.data["trace"]


def test_a_verification_is_told_without_its_code(shop: Shop) -> None:
    """Started, approved; another one failed, and one that nobody used, expired."""
    shop.webhook("verification.*")

    def start(phone: str) -> str:
        started = shop.service.start_verification("live", phone=phone, purpose="login")
        shop.service.settle(sending=True)
        return str(started["id"])

    wrong, unused = start(PHONE), start("+8613800138001")
    for _ in range(5):
        shop.service.check_verification("live", id=wrong, code="0000")
    shop.later(20 * MINUTE)
    Housekeeper(shop.store, shop.clock).step()
    shop.service.deliverer.step()

    told = {(body["type"], body["data"]["id"]): body["data"] for body in shop.bodies()}
    assert set(told) == {
        ("verification.started", wrong), ("verification.started", unused), ("verification.failed", wrong),
        ("verification.expired", unused),
    }  # fmt: skip
    assert told["verification.failed", wrong] == {"id": wrong, "purpose": "login", "user": None, "phone": "138****8000", "status": "failed"}
    assert sorted(body["data"]["status"] for body in shop.bodies()) == ["expired", "failed", "pending", "pending"]


def test_a_campaign_is_told_from_start_to_end(shop: Shop) -> None:
    """And what is done to it on the way."""
    shop.webhook("campaign.*")
    shop.service.put_users("live", [{"id": f"u{number}", "phone": f"+861380013800{number}"} for number in (2, 3)])
    shop.service.accept(
        "live", [{"id": "s1", "type": "sale.announced", "time": "2026-06-01T02:00:00Z", "data": {"sale_id": "S1"}}]
    )  # fmt: skip
    shop.service.worker.step("live")
    [campaign] = shop.service.campaigns("live").items
    for action in ("pause", "resume"):
        shop.service.steer_campaign("live", campaign["id"], action, "", "li")
    shop.service.settle()
    shop.service.deliverer.step()
    shop.service.deliverer.step()

    assert sorted(shop.heard()) == ["campaign.finished", "campaign.paused", "campaign.resumed", "campaign.started"]
    [finished] = [body["data"] for body in shop.bodies() if body["type"] == "campaign.finished"]
    assert (finished["id"], finished["state"], finished["counts"]["sent"]) == (campaign["id"], "done", 3)
    assert finished["rules"] == [{"rule": "sale", "occurrence": "s1"}]


def test_the_test_environment_is_apart(shop: Shop) -> None:
    shop.webhook("message.queued", env="test", answer="200?test")
    shop.webhook("message.queued", answer="200?live")
    shop.order(1, "test", USER)
    shop.service.deliverer.step()

    assert [path for path, _, _ in shop.hook.posts] == ["/200?test"]


def test_a_sample_is_sent_whatever_is_wanted(shop: Shop) -> None:
    webhook = shop.webhook("campaign.paused")
    sample = shop.service.webhooks.test("live", webhook["id"])
    shop.service.deliverer.step()

    assert shop.bodies() == [sample["payload"]]
    assert sdk.verify(shop.hook.posts[0][2], shop.hook.posts[0][1], webhook["secret"]).type == "webhook.test"
    assert [one["state"] for one in shop.deliveries(webhook)] == ["delivered"]


# ---- secrets ----------------------------------------------------------------------------------------------------------------------------


def test_an_old_secret_signs_for_a_while(shop: Shop) -> None:
    """Both are good during the grace; afterwards, and at once where there is none, only the new one."""
    webhook = shop.webhook("message.queued")
    new = shop.service.webhooks.rotate("live", webhook["id"], 3_600, "li")["secret"]
    shop.order(1)
    shop.service.deliverer.step()
    shop.later(HOUR)
    shop.order(2)
    shop.service.deliverer.step()
    newest = shop.service.webhooks.rotate("live", webhook["id"], 0, "li")["secret"]
    shop.order(3)
    shop.service.deliverer.step()

    good = []
    for _, headers, body in shop.hook.posts:
        good.append(
            [name for name, secret in (("old", webhook["secret"]), ("new", new), ("newest", newest)) if _fits(secret, headers, body)]
        )
    assert good == [["old", "new"], ["new"], ["newest"]]


def _fits(secret: str, headers: dict[str, str], body: bytes) -> bool:
    try:
        Standard(secret).verify(body, headers)
    except WebhookVerificationError:
        return False
    return True


def test_no_secret_is_kept(shop: Shop, tmp_path: Path) -> None:
    """Another secret of the service, another secret of the webhook: it is nowhere in the database."""
    secret = shop.webhook()["secret"].removeprefix("whsec_")
    if not shop.store.is_postgresql:
        shop.store.truncate_log()
        assert secret.encode() not in (tmp_path / "hongyan.db").read_bytes()
    with shop.store.read() as tx:
        rows = tx.connection.exec_driver_sql("SELECT * FROM webhooks").all() + tx.connection.exec_driver_sql("SELECT * FROM audit").all()
    assert secret not in repr(rows)


# ---- again and again ---------------------------------------------------------------------------------------------------------------------


def test_what_fails_is_repeated_by_the_schedule(shop: Shop) -> None:
    """The same id and body, ten times in three days; then it has failed, and can be asked for again."""
    webhook = shop.webhook("message.queued", answer="500")
    shop.order()
    shop.service.deliverer.step()
    for pause in SCHEDULE_SECONDS:
        assert not shop.service.deliverer.step()
        shop.later(int(pause * (1 - JITTER) * SECOND) - 1)
        assert not shop.service.deliverer.step()
        shop.later(int(pause * 2 * JITTER * SECOND) + 2)
        shop.service.webhooks.change("live", webhook["id"], {"enabled": False}, "li")  # forgets how long it has been failing
        shop.service.webhooks.change("live", webhook["id"], {"enabled": True}, "li")
        assert shop.service.deliverer.step()

    assert len(shop.hook.posts) == 1 + len(SCHEDULE_SECONDS) == 10
    assert len(set(shop.ids())) == len({body for _, _, body in shop.hook.posts}) == 1
    [delivery] = shop.deliveries(webhook)
    assert (delivery["state"], delivery["next_try"]) == ("failed", None)
    assert [(one["outcome"], one["code"]) for one in delivery["attempts"]] == [("failed", "500")] * 10

    shop.service.webhooks.change("live", webhook["id"], {"url": shop.address("204")}, "li")
    shop.service.webhooks.redeliver("live", webhook["id"], delivery["id"])
    shop.service.deliverer.step()
    assert set(shop.ids()) == {delivery["id"]}
    assert shop.deliveries(webhook)[0]["state"] == "delivered"


@pytest.mark.parametrize("answer", ["302", "404", "429", "close", "nonsense"])
def test_everything_but_a_2xx_is_tried_again(shop: Shop, answer: str) -> None:
    """A redirect is not followed."""
    webhook = shop.webhook("message.queued", answer=answer)
    shop.order()
    shop.service.deliverer.step()

    [delivery] = shop.deliveries(webhook)
    assert (delivery["state"], len(delivery["attempts"]), len(shop.hook.posts)) == ("pending", 1, 1)
    assert shop.now(webhook)["failing_since"] == "2026-06-01T02:00:00Z"

    shop.service.webhooks.change("live", webhook["id"], {"url": shop.address("200")}, "li")
    shop.later(6 * SECOND)
    shop.service.deliverer.step()
    assert (shop.deliveries(webhook)[0]["state"], shop.now(webhook)["failing_since"]) == ("delivered", None)


def test_who_is_gone_is_told_nothing_more(shop: Shop) -> None:
    """410; enabled again, what waits goes out, but not what happened meanwhile."""
    webhook = shop.webhook("message.queued", answer="410")
    shop.order(1)
    shop.service.deliverer.step()
    shop.order(2)
    shop.later(DAY)

    assert not shop.service.deliverer.step()
    assert (shop.now(webhook)["enabled"], shop.now(webhook)["reason"]) == (False, "gone")
    with pytest.raises(Conflict):
        shop.service.webhooks.test("live", webhook["id"])

    shop.service.webhooks.change("live", webhook["id"], {"enabled": True, "url": shop.address("200")}, "li")
    shop.service.deliverer.step()
    assert [body["data"]["occurrence"] for body in shop.bodies()] == ["e1", "e1"]
    assert shop.now(webhook)["reason"] is None


def test_who_takes_nothing_for_three_days_is_told_nothing_more(shop: Shop) -> None:
    """One good answer in between, and it goes on."""
    webhook = shop.webhook("message.queued", answer="500")
    for number, answer in enumerate(("500", "200", "500", "500", "500", "500")):
        shop.service.webhooks.change("live", webhook["id"], {"url": shop.address(answer)}, "li")
        shop.order(number)
        while shop.service.deliverer.step():
            pass
        assert shop.now(webhook)["enabled"] == (number < 5), number
        shop.later(DAY)

    assert (shop.now(webhook)["reason"], shop.now(webhook)["failing_since"]) == ("failing", "2026-06-03T02:00:00Z")


def test_who_fails_is_tried_one_by_one(shop: Shop) -> None:
    """What was claimed for a receiver that turned out to be down has lost nothing."""
    webhook = shop.webhook("message.queued", answer="500")
    for number in range(10):
        shop.order(number, user={"id": f"n{number}", "phone": f"+861390013800{number}"})
    posts = []
    for _ in range(3):
        shop.service.deliverer.step()
        posts.append(len(shop.hook.posts))

    assert posts == [PARALLEL, PARALLEL + 1, PARALLEL + 2]
    assert sorted(len(one["attempts"]) for one in shop.deliveries(webhook)) == [0] * 4 + [1] * 6

    shop.service.webhooks.change("live", webhook["id"], {"url": shop.address("200")}, "li")
    shop.later(6 * SECOND)
    while shop.service.deliverer.step():
        pass
    assert {one["state"] for one in shop.deliveries(webhook)} == {"delivered"}


def test_a_slow_receiver_keeps_nobody_waiting(shop: Shop) -> None:
    """In threads, as in the service."""
    shop.webhook("message.queued", answer="hang")
    quick = shop.webhook("message.queued", answer="200")
    for number in range(10):
        shop.order(number, user={"id": f"n{number}", "phone": f"+861390013800{number}"})
    assert len(shop.deliveries(quick)) == 10
    shop.service.deliverer.start()

    _until(lambda: all(one["state"] == "delivered" for one in shop.deliveries(quick)))
    _until(lambda: [path for path, _, _ in shop.hook.posts].count("/hang") == PARALLEL)


def _until(holds: Callable[[], bool]) -> None:
    until = time.monotonic() + 30
    while not holds():
        assert time.monotonic() < until
        time.sleep(0.02)


# ---- where it may not go -----------------------------------------------------------------------------------------------------------------


def test_a_name_that_turns_private_leads_nowhere(store: Store, hook: Endpoint) -> None:
    """Checked when it is made, and again at each delivery."""
    addresses = ["8.8.8.8"]
    shop = Shop(store, hook, Sender(allow_http=True, resolver=lambda host, port: addresses, timeout_seconds=5))
    webhook = shop.service.webhooks.create("live", f"http://hooks.example:{hook.port}/200", ["message.queued"], "", "li")
    addresses[0] = "127.0.0.1"
    shop.order()
    shop.service.deliverer.step()

    assert hook.posts == []
    assert [one["code"] for one in shop.deliveries(webhook)[0]["attempts"]] == ["private_address"]
    with pytest.raises(UrlNotTaken, match="private network"):
        shop.service.webhooks.create("live", f"http://hooks.example:{hook.port}/200", ["*"], "", "li")
    with pytest.raises(UrlNotTaken, match="private network"):
        shop.service.webhooks.change("live", webhook["id"], {"url": "http://hooks.example/"}, "li")
    with pytest.raises(UrlNotTaken, match="https"):
        Service(store, shop.clock, secret=SECRET).webhooks.create("live", "http://hooks.example/", ["*"], "", "li")
    shop.service.close()


# ---- people ------------------------------------------------------------------------------------------------------------------------------


def test_of_an_erased_person_nothing_is_told_any_more(shop: Shop) -> None:
    """Neither what waits, nor on asking again for what was told."""
    webhook = shop.webhook("message.queued")
    shop.order(1)
    shop.service.deliverer.step()
    [delivery] = shop.deliveries(webhook)
    shop.order(2)
    shop.service.erase_user("live", "u1")

    assert not shop.service.deliverer.step()
    assert shop.deliveries(webhook) == []
    with pytest.raises(NotFound):
        shop.service.webhooks.redeliver("live", webhook["id"], delivery["id"])
    assert len(shop.hook.posts) == 1


def test_deliveries_are_kept_as_long_as_events(shop: Shop) -> None:
    webhook = shop.webhook("message.queued")
    shop.order()
    shop.service.deliverer.step()
    Housekeeper(shop.store, shop.clock).step()
    assert len(shop.deliveries(webhook)) == 1

    shop.later(91 * DAY)
    Housekeeper(shop.store, shop.clock).step()
    assert shop.deliveries(webhook) == []


def test_a_phone_in_a_name_is_masked(shop: Shop) -> None:
    """Names come from outside."""
    shop.webhook("message.queued")
    shop.service.put_users("live", [{**USER, "id": "13800138000"}])
    shop.order(1, user="13800138000")
    shop.service.deliverer.step()

    assert b"13800138000" not in shop.hook.posts[0][2]


# ---- kill -9 -----------------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("delivers", [False, True], ids=["before it is posted", "before the answer is recorded"])
def test_killed_on_the_way(shop: Shop, delivers: bool) -> None:
    """The state change is committed, so it is told; twice if need be, under one id."""
    webhook = shop.webhook("message.queued", answer="hang" if delivers else "200")
    url = shop.store.engine.url.render_as_string(hide_password=False)
    command = [sys.executable, "-m", "tests.runtime.telling", url, *(["delivers"] if delivers else [])]
    with subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            assert process.stdout.readline() == "judged\n"
            _until(lambda: len(shop.hook.posts) == delivers)
        finally:
            process.kill()
    shop.service.webhooks.change("live", webhook["id"], {"url": shop.address("200")}, "li")
    if delivers:
        assert not shop.service.deliverer.step()  # the other one may still be at it
        shop.later(CLAIM_SECONDS * SECOND)

    assert shop.service.deliverer.step()
    assert shop.heard() == ["message.queued"] * (1 + delivers)
    assert set(shop.ids()) == {one["id"] for one in shop.deliveries(webhook)}
    assert len(set(shop.ids())) == 1
    assert [one["state"] for one in shop.deliveries(webhook)] == ["delivered"]
