"""The Live page without a browser: who sees what, what the levers do, and what is said about why nothing was sent."""

from __future__ import annotations

import re

import pytest

from engine.core.outcomes import Item
from engine.store import audit, campaigns, looking, suppressions
from engine.store.campaigns import Campaign
from tests.console.house import Console, Person

SECOND = 1_000_000
PHONE = "+8613812348000"
OTHER = "+8613912349001"
PAGES = (
    "/live", "/live/strip", "/live/running", "/live/funnel", "/live/rates", "/live/recent", "/live/events", "/live/messages", "/live/trace",
    "/live/campaigns", "/live/suppressions", "/live/verification", "/live/switches",
)  # fmt: skip
HOSTILE = '<script>alert("1")</script>'


@pytest.fixture
def shop(console: Console) -> Console:
    """Two people; one was told that the parcel is there, and a cart was left by one who wants no marketing."""
    console.service.put_users(
        "live",
        [
            {"id": "u1", "phone": PHONE, "attributes": {"member": True, "consent_marketing": True}},
            {"id": "u2", "phone": OTHER, "attributes": {"member": True, "consent_marketing": False}},
        ],
    )
    pickup(console, "u1", "P1")
    console.post("cart.abandoned", "u2", cart_id="C1", item="保洁", amount=99)
    console.settle()
    console.service.advance_clock(2 * 3600 * SECOND)
    console.settle()
    console.service.figures.step()
    return console


def pickup(console: Console, user: str, order: str, store: str = "徐汇店") -> str:
    at = console.now()
    return console.post(
        "pickup.ready", user, order_id=order, store=store, address="天钥桥路1号", code="998877", valid_until=at.replace(hour=23).isoformat()
    )  # fmt: skip


def campaign(console: Console) -> str:
    now = console.clock.now()
    item = Item("holiday-sale", "2026-06-16T02:00:00Z", now)
    with console.service.store.write() as tx:
        campaigns.add(
            tx,
            "live",
            Campaign("c1", now, [item], counts={"people": 40, "looked": 10, "sent": 8, "micros": SECOND}, created=now, changed=now),
        )
    return "c1"


def entries(console: Console, what: str) -> list[audit.Entry]:
    with console.service.store.read() as tx:
        return list(audit.newest(tx, "live", what=what).items)


@pytest.mark.parametrize("language", ["zh", "en"])
def test_every_pane_is_a_page_of_its_own_for_everybody(shop: Console, language: str) -> None:
    campaign(shop)
    for role in ("viewer", "qa", "editor", "publisher", "admin"):
        person = shop.as_(role, language)
        for address in (*PAGES, "/live?who=u1", "/live/timeline?who=u1", "/live/messages/1"):
            whole, pane = person.get(address), person.get(address, htmx=True)
            assert (whole.status_code, pane.status_code) == (200, 200), address
            assert "<html" in whole.text
    assert "<html" not in shop.as_("viewer").get("/live/timeline?who=u1", htmx=True).text


def test_nobody_who_may_not_sees_a_number_or_a_secret(shop: Console) -> None:
    shop.as_("admin").post("/live/suppressions", {"phone": PHONE, "scope": "marketing", "reason": f"called from {PHONE}"})
    shop.service.start_verification("live", phone=OTHER, purpose="login")  # of somebody who is only a number
    shop.settle()
    last = shop.service.watch.messages("live", looking.Asked(), limit=1).items[0].stored.seq
    addresses = (
        *PAGES, "/live?who=u1", "/live?who=%231", f"/live?who=%23{last}", "/live/messages/1", f"/live/messages/{last}", "/live/trace?id=e1",
        f"/live/trace?id=%23{last}",
    )  # fmt: skip
    for role in ("viewer", "qa", "editor", "publisher"):
        for address in addresses:
            text = shop.as_(role).get(address).text
            assert PHONE[3:] not in text, (role, address)
            assert OTHER[3:] not in text, (role, address)
            assert "998877" not in text, (role, address)
    told = shop.as_("viewer").get("/live?who=u1").text
    assert "138****8000" in told
    seen = shop.as_("admin").get("/live?who=u1").text
    assert PHONE in seen
    assert "998877" not in seen


def test_what_was_not_sent_is_told_with_its_reason(shop: Console) -> None:
    text = shop.as_("viewer").get("/live?who=u2").text
    assert "加购1小时未下单" in text
    assert "no_consent" in text
    assert "未同意" in text
    assert "user.consent_marketing 是 否" in text
    english = shop.as_("viewer", "en").get("/live?who=u2").text
    assert "user.consent_marketing is no" in english
    only_sent = shop.as_("viewer").get("/live?who=u2&show=sent").text
    assert "no_consent" not in only_sent


def test_hostile_content_is_text_everywhere(shop: Console) -> None:
    shop.service.put_users("live", [{"id": HOSTILE, "phone": "+8613700137000", "attributes": {"city": HOSTILE}}])
    shop.post(
        "pickup.ready", HOSTILE, id=HOSTILE, order_id=HOSTILE, store=HOSTILE, address="x", code="1", valid_until="2026-06-17T10:00:00Z"
    )
    shop.settle()
    admin = shop.as_("admin")
    admin.post("/live/switches", {"what": "rule:cart-reminder", "reason": HOSTILE})
    admin.post("/live/suppressions", {"phone": "13700137000", "scope": "marketing", "reason": HOSTILE})
    seen = 0
    for address in PAGES:
        text = admin.get(address).text
        assert "<script>alert" not in text, address
        seen += "&lt;script&gt;alert" in text
    for query in ({"who": HOSTILE}, {"rule": HOSTILE, "show": HOSTILE, "type": HOSTILE}):
        assert "<script>alert" not in admin.get("/live", **query).text
    trace = admin.get("/live/trace", id=HOSTILE).text
    assert "<script>alert" not in trace
    assert "&lt;script&gt;alert" in trace
    assert seen > 3


def test_new_things_wait_on_top_while_somebody_reads(shop: Console) -> None:
    person = shop.as_("viewer")
    first = person.get("/live/timeline?who=u1", htmx=True).text
    found = re.search(r'data-top="(\d+)"', first)
    assert found is not None
    top = found[1]
    pickup(shop, "u1", "P2", store="静安店")
    shop.settle()

    held = person.get(f"/live/timeline?who=u1&upto={top}", htmx=True).text
    assert "条新的" in held
    assert "静安店" not in held
    fresh = person.get("/live/timeline?who=u1", htmx=True).text
    assert "条新的" not in fresh
    assert "静安店" in fresh
    messages = person.get("/live/messages?upto=1", htmx=True).text
    assert "1 条新的" in messages


def test_lists_are_filtered_and_go_on_where_they_ended(shop: Console) -> None:
    person = shop.as_("viewer")
    assert "到店自提提醒" in person.get("/live/messages?rule=pickup-ready&state=delivered&provider=capture&who=u1").text
    assert "没有这样的消息" in person.get("/live/messages?rule=pickup-ready&state=rejected").text
    assert "没有这样的消息" in person.get("/live/messages?who=nobody").text
    assert "e2" in person.get("/live/events?type=cart.abandoned").text
    assert ">e1<" not in person.get("/live/events?type=cart.abandoned").text
    for index in range(60):
        pickup(shop, "u1", f"Q{index}")
    shop.settle()
    first = person.get("/live/events").text
    older = re.search(r'href="(/live/events\?cursor=[^"]+)"', first)
    assert older is not None
    assert ">e1<" in person.get(older[1]).text
    assert ">e1<" not in first


@pytest.mark.parametrize(
    "address",
    [
        "/live/events?cursor=%FF", "/live/messages?cursor=W10", "/live?who=u1&cursor=x", "/live/messages/99",
        "/live/messages/99999999999999999999",
    ],
)  # fmt: skip
def test_an_address_that_leads_nowhere_says_so(shop: Console, address: str) -> None:
    assert shop.as_("viewer").get(address).status_code == 404


def test_odd_questions_are_answered(shop: Console) -> None:
    for address in (
        "/live?who=%00&days=x&past=-1",
        "/live/timeline?who=%23%23&upto=zz",
        "/live/trace?id=%00%23x",
        "/live/trace?id=%23999",
        "/live?who=+86&hours=99",
    ):
        assert shop.as_("viewer").get(address).status_code == 200, address


def test_a_trace_is_found_by_any_of_its_ids(shop: Console) -> None:
    person = shop.as_("viewer")
    by_event = person.get("/live/trace?id=e1").text
    assert "pickup-ready" in by_event
    assert "capture" in by_event
    assert by_event.index("事件进来") < by_event.index("消息给") < by_event.index("交给") < by_event.index("回执 <code>capture")
    id = re.search(r'data-copy="([0-9a-f]{16})"', by_event)
    assert id is not None
    for other in (id[1], "api/e1", "%231"):
        assert id[1] in person.get(f"/live/trace?id={other}").text


# ---- levers -----------------------------------------------------------------------------------------------------------------------------

LEVERS = (
    ("/live/campaigns/c1/pause", {}),
    ("/live/campaigns/c1/stop", {"reason": "x"}),
    ("/live/switches", {"what": "rule:pickup-ready", "reason": "x"}),
    ("/live/switches/resume", {"what": "rule:pickup-ready"}),
    ("/live/suppressions", {"phone": PHONE, "scope": "all", "reason": "x"}),
    ("/live/suppressions/release", {"row": "0", "at": "0"}),
    ("/live/verification/block", {"network": "203.0.113.0/24", "reason": "x"}),
    ("/live/verification/unblock", {"network": "203.0.113.0/24"}),
)


@pytest.mark.parametrize("role", ["viewer", "qa", "editor"])
def test_who_may_only_look_moves_nothing(shop: Console, role: str) -> None:
    campaign(shop)
    person = shop.as_(role)
    for address, form in LEVERS:
        assert person.post(address, form).status_code == 403, address
    for address in PAGES:
        assert 'method="post" action="/live' not in person.get(address).text, address
    assert shop.service.switches("live") == []


def test_a_switch_needs_a_reason_and_stops_the_next_event_at_once(shop: Console) -> None:
    publisher = shop.as_("publisher")
    assert publisher.post("/live/switches", {"what": "rule:pickup-ready", "reason": " "}).status_code == 422
    assert publisher.post("/live/switches", {"what": "rule:nothing", "reason": "x"}).status_code == 422
    assert publisher.post("/live/switches", {"what": "rule:pickup-ready", "reason": "门店停电"}).status_code == 303
    page = shop.as_("viewer").get("/live/switches").text
    assert "门店停电" in page
    assert "publisher" in page
    assert "rule:pickup-ready" in shop.as_("viewer").get("/live/strip").text

    pickup(shop, "u1", "P3")
    shop.settle()
    assert "stopped" in shop.as_("viewer").get("/live?who=u1").text
    publisher.post("/live/switches/resume", {"what": "rule:pickup-ready"})
    assert shop.service.switches("live") == []
    assert entries(shop, "switch.stop")[0].who == "publisher"


def test_a_campaign_is_paused_at_once_undone_and_stopped_with_a_reason(shop: Console) -> None:
    id = campaign(shop)
    publisher = shop.as_("publisher")
    paused = publisher.post(f"/live/campaigns/{id}/pause", {"pane": "running", "reason": "等门店确认"}, htmx=True)
    assert paused.status_code == 200
    assert "已暂停" in paused.text
    assert "等门店确认" in paused.text
    assert "25%" in paused.text
    resumed = publisher.post(f"/live/campaigns/{id}/resume", {"pane": "running"}, htmx=True)
    assert "10 人/秒" in resumed.text
    assert publisher.post(f"/live/campaigns/{id}/stop", {"reason": ""}).status_code == 422
    assert publisher.post(f"/live/campaigns/{id}/stop", {"reason": "价格写错"}).status_code == 303
    assert publisher.post(f"/live/campaigns/{id}/resume").status_code == 409
    assert publisher.post("/live/campaigns/none/pause").status_code == 404
    page = shop.as_("viewer").get("/live/campaigns").text
    assert "已停止" in page
    assert "价格写错" in page


def test_a_number_is_suppressed_found_and_released_without_being_shown(shop: Console) -> None:
    publisher = shop.as_("publisher")
    for wrong in (
        {"phone": "12", "scope": "all", "reason": "x"},
        {"phone": PHONE, "scope": "nothing", "reason": "x"},
        {"phone": PHONE, "scope": "all"},
    ):
        assert publisher.post("/live/suppressions", wrong).status_code == 422
    publisher.post("/live/suppressions", {"phone": "138 1234 8000", "scope": "marketing", "reason": "电话里说的"})
    page = publisher.get("/live/suppressions", phone=PHONE).text
    assert "138****8000" in page
    assert "电话里说的" in page
    (entry,) = entries(shop, "suppression.add")
    assert entry.detail["phone"] == "138****8000"

    assert publisher.post("/live/suppressions/release", {"row": "0", "at": "1"}).status_code == 409
    at = re.search(r'name="at" value="(\d+)"', page)
    assert at is not None
    assert publisher.post("/live/suppressions/release", {"row": "0", "at": at[1]}).status_code == 303
    with shop.service.store.read() as tx:
        assert suppressions.listed(tx, "live").items == []


def test_a_network_is_blocked_with_a_reason(shop: Console) -> None:
    publisher = shop.as_("publisher")
    assert publisher.post("/live/verification/block", {"network": "everywhere", "reason": "x"}).status_code == 422
    assert publisher.post("/live/verification/block", {"network": "203.0.113.7", "reason": ""}).status_code == 422
    assert publisher.post("/live/verification/block", {"network": "203.0.113.7/24", "reason": "刷码"}).status_code == 303
    page = publisher.get("/live/verification").text
    assert "203.0.113.0/24" in page
    assert "刷码" in page
    publisher.post("/live/verification/unblock", {"network": "203.0.113.0/24"})
    assert "203.0.113.0/24" not in publisher.get("/live/verification").text.replace('placeholder="203.0.113.0/24"', "")


def test_the_test_environment_is_looked_at_apart(shop: Console) -> None:
    person: Person = shop.as_("viewer")
    person.post("/environment", {"to": "test", "next": "/live"})
    try:
        assert "没有找到这个人" in person.get("/live?who=u1").text
        assert person.get("/live/messages/1").status_code == 404
        assert "没有这样的消息" in person.get("/live/messages").text
    finally:
        person.post("/environment", {"to": "live", "next": "/live"})


def test_the_funnel_names_each_loss_with_its_count(shop: Console) -> None:
    text = shop.as_("viewer").get("/live/funnel?rule=cart-reminder").text
    assert "加购1小时未下单" in text
    assert re.search(r"−1 未同意", text)
    assert "近 7 天" in text
