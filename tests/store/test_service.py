"""What the service keeps of itself: books, keys, campaigns, codes, switches, idempotency keys, audit, marks."""

from __future__ import annotations

from dataclasses import replace

import pytest

from engine.core.outcomes import Item
from engine.store import audit, books, campaigns, keys, marks, switches, verifications
from engine.store.campaigns import Campaign
from engine.store.keys import Key
from engine.store.store import Store
from engine.store.switches import Switch
from engine.store.verifications import Verification

from .making import event, together

FILES = {"rules.yaml": "规则: {}\n", "texts/a.yaml": ""}


def test_versions_of_a_book(store: Store) -> None:
    with store.write() as tx:
        first = books.add(tx, FILES, author="李", note="初", at=1)
        second = books.add(tx, {**FILES, "b.yaml": "x"}, author="li", note="", at=2)

        assert books.active(tx, "live") is None
        assert books.activate(tx, "live", first, author="li", at=3, expect=0)
        assert books.activate(tx, "live", second, author="li", at=4, expect=first)
        assert not books.activate(tx, "live", first, author="li", at=5, expect=first)
        assert books.activate(tx, "live", first, author="li", at=6)
        with pytest.raises(KeyError):
            books.activate(tx, "live", 99, author="li", at=7)
    with store.read() as tx:
        found = books.get(tx, first)
        standing = books.active(tx, "live")
        listed = books.listed(tx)

        assert books.active(tx, "test") is None
        assert books.get(tx, 99) is None
        assert [one.version for one in books.listed(tx, before=second)] == [first]
    assert found is not None
    assert (found.files, found.author, found.digest) == (FILES, "李", books.digest_of(FILES))
    assert standing is not None
    assert (standing.version, standing.at) == (first, 6)
    assert [(one.version, dict(one.files)) for one in listed] == [(second, {}), (first, {})]


def test_of_two_that_publish_at_once_one_is_told(store: Store) -> None:
    with store.write() as tx:
        versions = [books.add(tx, FILES, author="li", note="", at=1) for _ in range(3)]

    def activate(version: int) -> bool:
        with store.write() as tx:
            return books.activate(tx, "live", version, author="li", at=2, expect=0)

    assert sorted(together([lambda version=version: activate(version) for version in versions])) == [False, False, True]  # type: ignore[misc]


def test_a_key_opens_until_it_is_revoked(store: Store) -> None:
    key = Key("k1", "till", "hy_live_ab", "hash", "ingest", False, False, 1)
    with store.write() as tx:
        keys.add(tx, key)
        keys.add(tx, replace(key, id="k2", hash="hash2", test=True))

        assert keys.by_hash(tx, "hash") == key
        assert keys.by_hash(tx, "other") is None
        assert keys.revoke(tx, "k1", 5)
        assert not keys.revoke(tx, "k1", 6)
        assert keys.by_hash(tx, "hash") is None
        assert [(one.id, one.revoked, one.env) for one in keys.listed(tx)] == [("k1", 5, "live"), ("k2", None, "test")]


def test_a_campaign_keeps_its_place(store: Store) -> None:
    given = Campaign("c", 7, [Item("r", "o", 7, event=event("e")), Item("s", "o", 7)], created=8, changed=8)
    with store.write() as tx:
        assert campaigns.add(tx, "live", given)
        assert not campaigns.add(tx, "live", given)
        campaigns.save(tx, "live", replace(given, state="paused", cursor=("", "u\ufffd1"), counts={"judged": 3}, changed=9))
        found = campaigns.get(tx, "live", "c")

        assert [one.id for one in campaigns.listed(tx, "live")] == ["c"]
        assert campaigns.listed(tx, "live", ["running"]) == []
        assert campaigns.get(tx, "test", "c") is None
    assert found is not None
    assert (found.state, found.cursor, found.counts, found.created, found.changed) == ("paused", ("", "u\ufffd1"), {"judged": 3}, 8, 9)
    assert [item.rule for item in found.items] == ["r", "s"]


def test_a_race_of_checks_gives_one_success(store: Store) -> None:
    with store.write() as tx:
        verifications.save(tx, "live", Verification("v", "+861", "login", None, "pending", 1, 99, 5, ("h1", "h2", "h3")))

    def check() -> bool:
        with store.write() as tx:
            found = verifications.get(tx, "live", "v")
            assert found is not None
            if found.state != "pending":
                return False
            verifications.save(tx, "live", replace(found, state="approved", codes=()))
            return True

    assert together([check] * 5).count(True) == 1


def test_the_last_two_codes_are_good(store: Store) -> None:
    with store.write() as tx:
        given = Verification("v", "+861", "login", "u1", "pending", 1, 9, 5, ("h1", "h2", "h3"), {"tries": 1})
        verifications.save(tx, "live", given)
        verifications.save(tx, "live", replace(given, id="w", created=2, expires=99))
        verifications.save(tx, "live", replace(given, id="x", created=3, purpose="pay"))
        latest = verifications.latest(tx, "live", "login", phone="+861")
        by_user = verifications.latest(tx, "live", "pay", user="u1")

        assert verifications.latest(tx, "live", "login", phone="+862") is None
        assert [verifications.expire(tx, "live", 10, limit) for limit in (1, 9, 9)] == [1, 1, 0]
        assert [verifications.forget_before(tx, "live", 99, limit) for limit in (1, 9, 9)] == [1, 1, 0]
    assert latest is not None
    assert (latest.id, latest.codes, latest.body) == ("w", ["h2", "h3"], {"tries": 1})
    assert by_user is not None
    assert by_user.id == "x"


def test_switches(store: Store) -> None:
    given = Switch("rule:r", 1, "li", "wrong text")
    with store.write() as tx:
        assert switches.stop(tx, "live", given)
        assert not switches.stop(tx, "live", given)
        assert switches.in_force(tx, "live") == [given]
        assert switches.in_force(tx, "test") == []
        assert switches.resume(tx, "live", "rule:r")
        assert not switches.resume(tx, "live", "rule:r")


def test_audit_newest_first(store: Store) -> None:
    with store.write() as tx:
        for at in range(5):
            audit.add(tx, "live", audit.Entry(at, "li", "book.publish" if at % 2 else "key.create", {"at": at}))
        first = audit.newest(tx, "live", limit=3)
        rest = audit.newest(tx, "live", limit=3, cursor=first.next)
        published = audit.newest(tx, "live", what="book.publish")

    assert [one.at for one in (*first.items, *rest.items)] == [4, 3, 2, 1, 0]
    assert rest.next is None
    assert [one.detail for one in published.items] == [{"at": 3}, {"at": 1}]


def test_marks(store: Store) -> None:
    with store.write() as tx:
        assert marks.get(tx, "live", "ticks") is None
        marks.put(tx, "live", "ticks", 7)
        marks.put(tx, "live", "ticks", {"until": 8})
        assert marks.get(tx, "live", "ticks") == {"until": 8}
        marks.drop(tx, "live", "ticks")
        assert marks.get(tx, "live", "ticks", 0) == 0


@pytest.mark.parametrize("address", ["sqlite://", "sqlite:///:memory:", "mysql://u:secret@h/d"])
def test_an_address_that_cannot_be_used(address: str) -> None:
    with pytest.raises(ValueError, match="must be a SQLite file or PostgreSQL") as refused:
        Store(address)

    assert "secret" not in str(refused.value)
