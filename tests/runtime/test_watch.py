"""What the Live page asks: every verdict of a person once, lists with filters, funnels, rates, slots."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence

import pytest

from engine.core.outcomes import Verdict
from engine.runtime.live import funnel
from engine.runtime.live.person import Asked, Entry, Who
from engine.runtime.service import Service
from engine.store import decisions, looking, messages
from engine.store.messages import Stored
from engine.store.states import State
from engine.store.store import Store
from tests.runtime.story import lived
from tests.store.conftest import database

DAY = 24 * 3600 * 1_000_000


@pytest.fixture(scope="module", params=[("sqlite", 5, 6), ("postgresql", 11, 9)], ids=["sqlite", "postgresql"])
def service(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """Lived through once: these tests only read."""
    kind, seed, orders = request.param
    server = request.getfixturevalue("postgresql") if kind == "postgresql" else None
    with database(kind, tmp_path_factory.mktemp("watch"), server) as url:
        store = Store(url)
        store.migrate()
        service = lived(store, orders, seed)
        service.figures.step()
        yield service
        service.close()


def people(service: Service) -> list[Who]:
    found: dict[str, Who] = {}
    for stored in every_message(service):
        found.setdefault(str(stored.message.user or stored.message.to), service.watch.find("live", f"#{stored.seq}")[0])
    return list(found.values())


def every_message(service: Service) -> Sequence[Stored]:
    with service.store.read() as tx:
        return messages.newest(tx, "live", limit=10_000).items


def every_verdict(service: Service) -> list[tuple[int, Verdict]]:
    with service.store.read() as tx:
        return [(row.seq, verdict) for row in decisions.history(tx, "live", limit=100_000) for verdict in row.verdicts]


def walked(service: Service, who: Who, limit: int = 7, asked: Asked | None = None) -> list[Entry]:
    found: list[Entry] = []
    cursor = None
    while True:
        page = service.watch.timeline("live", who, asked or Asked(), cursor=cursor, limit=limit)
        found += page.items
        cursor = page.next
        if cursor is None:
            return found


def is_theirs(who: Who, user: str | None, phone: str | None) -> bool:
    return user == who.user if user is not None else phone is not None and phone == who.phone


def test_every_verdict_and_every_message_is_there_once(service: Service) -> None:
    verdicts, sent = every_verdict(service), every_message(service)
    somebody = 0
    for who in people(service):
        entries = walked(service, who)
        told = Counter((entry.decision, entry.rule, entry.verdict.occurrence) for entry in entries if entry.verdict is not None)
        told += Counter(
            (entry.decision, entry.rule, entry.message.message.occurrence)
            for entry in entries
            if entry.message is not None and entry.message.message.position == 0
        )
        theirs = Counter((seq, one.rule, one.occurrence) for seq, one in verdicts if is_theirs(who, one.user, one.phone))
        assert told == theirs
        seqs = [entry.message.seq for entry in entries if entry.message is not None]
        assert sorted(seqs) == sorted(one.seq for one in sent if is_theirs(who, one.message.user, one.message.phone))
        order = [entry.decision for entry in entries if entry.decision is not None]
        assert order == sorted(order, reverse=True)
        somebody += len(theirs)
    assert somebody > 100


def test_a_filter_shows_what_it_says_and_the_tally_counts_it(service: Service) -> None:
    for who in people(service)[:4]:
        everything = walked(service, who)
        sent = walked(service, who, asked=Asked("sent"))
        unsent = walked(service, who, asked=Asked("unsent"))
        tally = service.watch.tally("live", who, Asked())

        assert (len(sent), len(unsent)) == (tally.sent, tally.unsent)
        assert len(sent) + len(unsent) == len(everything)
        assert not tally.more
        assert all(entry.message is not None for entry in sent)
        since = everything[len(everything) // 2].at
        assert {entry.at >= since for entry in walked(service, who, asked=Asked(since=since))} == {True}
        only = walked(service, who, asked=Asked(types=frozenset({"marketing"})))
        assert {entry.message.message.type for entry in only if entry.message is not None} <= {"marketing"}


def test_what_has_come_since_is_counted_and_left_out_on_request(service: Service) -> None:
    who = people(service)[0]
    entries = walked(service, who)
    middle = entries[len(entries) // 2].decision
    assert middle is not None
    old = service.watch.timeline("live", who, Asked(), upto=middle, limit=1000)

    assert [entry.decision for entry in old.items] == [entry.decision for entry in entries if (entry.decision or 0) <= middle]
    newer = {entry.decision for entry in entries if entry.verdict is not None and (entry.decision or 0) > middle}
    assert service.watch.newer("live", who, middle) >= len(newer)


def test_taken_slots_name_who_took_them(service: Service) -> None:
    named = 0
    for who in people(service):
        for slots in service.watch.profile("live", who).slots:
            assert len(slots.rules) <= slots.standing.taken
            named += len(slots.rules)
            if slots.standing.taken >= slots.cap.max > 0 and slots.cap.kind != "ever":
                assert slots.standing.frees_at is not None
                assert slots.standing.frees_at > service.clock.now()
    assert named > 5


def test_messages_are_filtered_by_anything_together(service: Service) -> None:
    every = every_message(service)
    one = every[len(every) // 2]
    asked = looking.Asked(
        rule=one.message.rule, states=(one.state,), type=one.message.type, channel=one.message.channel, provider="capture"
    )  # fmt: skip
    found = service.watch.messages("live", asked, limit=1000).items

    assert one.seq in [told.stored.seq for told in found]
    assert {(told.stored.message.rule, told.stored.state) for told in found} == {(one.message.rule, one.state)}
    assert not service.watch.messages("live", looking.Asked(provider="nobody")).items
    newest = service.watch.messages("live", looking.Asked(), limit=1).items[0].stored.seq
    assert service.watch.newer_messages("live", looking.Asked(after=newest)) == 0
    assert service.watch.newer_messages("live", looking.Asked(after=newest - 1)) == 1


def test_a_list_ends_where_it_has_looked_enough_and_goes_on_from_there(service: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(looking, "LOOKED_THROUGH", 5)
    wanted = [one.seq for one in every_message(service) if one.message.type == "marketing"]
    found: list[int] = []
    cursor = None
    pages = 0
    while True:
        page = service.watch.messages("live", looking.Asked(type="marketing"), cursor)
        found += [told.stored.seq for told in page.items]
        cursor, pages = page.next, pages + 1
        if cursor is None:
            break

    assert found == wanted
    assert pages >= len(every_message(service)) // 5


def test_events_come_with_what_was_decided_about_each(service: Service) -> None:
    page, outcomes = service.watch.events("live", looking.Asked(), limit=1000)
    verdicts = every_verdict(service)

    assert len(page.items) > 20
    by_event = sum(len(told) for told in outcomes.values())
    assert 0 < by_event < len(verdicts)
    kind = page.items[0].event.type
    only, _ = service.watch.events("live", looking.Asked(type=kind), limit=1000)
    assert [one.seq for one in only.items] == [one.seq for one in page.items if one.event.type == kind]


def test_a_funnel_loses_at_its_steps_what_the_verdicts_say(service: Service) -> None:
    rule = service.watch.busiest_rule("live", hours=24 * 60)
    assert rule is not None
    found, waiting = service.watch.funnel("live", rule)
    since = service.clock.now() - 7 * DAY
    ended = [one for _, one in every_verdict(service) if one.rule == rule and one.outcome in ("send", "skip", "cancel") and one.at >= since]

    assert found.steps[0].left == len(ended) > 0
    lost = Counter({(outcome, reason): number for step in found.steps[1:-1] for outcome, reason, number in step.lost})
    assert lost == Counter((one.outcome, one.reason) for one in ended if one.outcome != "send")
    assert found.steps[-2].left == sum(one.outcome == "send" for one in ended)
    assert not waiting.more


def test_every_reason_has_its_step() -> None:
    assert funnel.unplaced() == set()


def test_a_goal_is_compared_with_those_held_out() -> None:
    counts = Counter({"send ok": 8611, "skip holdout": 1180, "goal sent": 700, "goal b": 442, "goal holdout": 107})
    goal = funnel.made("r", 0, counts, has_goal=True).goal
    assert goal is not None
    assert goal.lift is not None
    assert goal.margin is not None

    assert round(goal.share or 0, 3) == 0.133
    assert round(goal.lift, 3) == 0.042
    assert 0.01 < goal.margin < 0.025
    assert funnel.made("r", 0, Counter(), has_goal=True).goal == funnel.Goal(0, 0, 0, 0)


def test_rates_are_of_what_was_accepted_and_of_what_has_an_end(service: Service) -> None:
    rates = [rate for rate in service.watch.rates("live", hours=24 * 60) if rate.accepted]
    states = Counter(one.state for one in every_message(service))

    assert sum(rate.delivered for rate in rates) == states[State.DELIVERED]
    assert sum(rate.accepted for rate in rates) == states[State.DELIVERED] + states[State.UNDELIVERED] + states[State.ACCEPTED] > 20
    assert all(rate.provider == "capture" for rate in rates)


def test_a_person_is_found_by_id_by_number_and_by_message(service: Service) -> None:
    stored = next(one for one in every_message(service) if one.message.user is not None)
    user = stored.message.user
    assert user is not None

    (who,) = service.watch.find("live", user)
    assert who in service.watch.find("live", str(who.phone))
    assert service.watch.find("live", f"#{stored.seq}") == [who]
    assert service.watch.find("test", f"#{stored.seq}") == []
    assert service.watch.find("live", "nobody") == service.watch.find("live", "+8613900000000") == []
