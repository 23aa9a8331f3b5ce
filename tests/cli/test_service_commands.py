"""The commands around a database: books, keys, users, backups, the doctor. In this process, on SQLite files of their own."""

import gzip
import json
import os
import re
import shutil
import sqlite3
import stat
from pathlib import Path

import pytest

from engine.runtime.clock import TestClock
from engine.runtime.service import Service
from engine.store.store import Store
from tests.cli.conftest import BOOK, Hongyan
from tests.store.conftest import postgresql, url

__all__ = ["postgresql", "url"]  # fixtures

START = 1_780_279_200_000_000  # 2026-06-01T02:00:00Z
ATTRIBUTES = "user: {attributes: {vip: boolean, points: integer, city: string, tags: {type: list, items: string}}}\n"


@pytest.fixture(autouse=True)
def database(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A database of its own, without a settings file."""
    monkeypatch.chdir(tmp_path)
    for variable in [name for name in os.environ if name.startswith("HONGYAN_")]:
        monkeypatch.delenv(variable)
    return tmp_path / "hongyan.db"


def change(book: Path, old: str, new: str) -> None:
    """Write the book again, with something else in it."""
    file = book / "book.yaml"
    file.write_text(file.read_text("utf-8").replace(old, new), "utf-8")


def decide(database: Path, *lines: object, at: int = START) -> None:
    """Let the service judge events."""
    store = Store(f"sqlite:///{database}")
    clock = TestClock(at)
    service = Service(store, clock, secret=b"secret of the tests")
    for line in lines:
        assert [one.status for one in service.accept("live", [line])] == ["accepted"]
    clock.set(at + 1)
    service.settle()
    service.close()


def order(number: int, amount: int = 5, user: str = "u1") -> dict[str, object]:
    """An event of the small book."""
    data = {"order_id": f"A{number}", "amount": amount}
    return {"id": f"e{number}", "type": "order.created", "time": "2026-06-01T10:00:00+08:00", "user": user, "data": data}


# ---- books ------------------------------------------------------------------------------------------------------------------------------


def test_a_book_is_published_listed_and_rolled_back(hongyan: Hongyan, book: Path) -> None:
    """Each version with its author and note; one is in force."""
    assert hongyan("publish", book, "--note", "first", "--author", "mei").code == 0
    change(book, "已收到", "收到了")
    assert hongyan("publish", book, "--note", "second", "--expect-version", 1).code == 0
    listed = json.loads(hongyan("versions", "--format", "json").out)

    assert [(one["version"], one["note"], one["active"]) for one in listed] == [(2, "second", True), (1, "first", False)]
    assert listed[1]["author"] == "mei"

    assert hongyan("rollback", 1).code == 0
    table = hongyan("versions").out.splitlines()
    assert [line[0] for line in table] == [" ", "*"]
    assert table[1].endswith("mei   first")


def test_what_was_published_in_between_is_not_overwritten(hongyan: Hongyan, book: Path) -> None:
    """`--expect-version` says from which version one's change began."""
    hongyan("publish", book, "--note", "first")
    hongyan("publish", book, "--note", "somebody else's")
    outcome = hongyan("publish", book, "--note", "mine", "--expect-version", 1)

    assert outcome.code == 1
    assert "not the active one any more" in outcome.err
    assert len(json.loads(hongyan("versions", "--format", "json").out)) == 2


def test_a_book_with_errors_or_failing_tests_is_not_published(hongyan: Hongyan, book: Path, bad_book: Path) -> None:
    """The errors stand on standard error with carets, the failed tests by name."""
    outcome = hongyan("publish", bad_book, "--note", "x")

    assert outcome.code == 1
    assert "^^^" in outcome.err
    assert "1 error" in outcome.err

    (book / "book.yaml").write_text(BOOK.replace("above: 0", "above: 9"), "utf-8")
    outcome = hongyan("publish", book, "--note", "x")
    assert outcome.code == 1
    assert "FAIL  sends" in outcome.err
    assert hongyan("versions").out == ""


def test_the_book_in_force_comes_out_as_it_went_in(hongyan: Hongyan, book: Path, tmp_path: Path) -> None:
    """Byte for byte; never into a folder that holds something."""
    hongyan("publish", book, "--note", "first")
    outcome = hongyan("export", tmp_path / "out")

    assert outcome.code == 0
    assert "--expect-version 1" in outcome.err
    assert {file.name: file.read_bytes() for file in (tmp_path / "out").iterdir()} == {
        file.name: file.read_bytes() for file in book.iterdir()
    }
    assert hongyan("export", tmp_path / "out").code == 2


@pytest.mark.parametrize(
    ("args", "expected"),
    [
        (["rollback", "7"], "there is no version 7"),
        (["rollback", "first"], "invalid int value"),
        (["export", "out"], "nothing is published yet"),
        (["publish", "book"], "required: --note"),
        (["publish", "book", "--note", " "], "--note must say why"),
        (["publish", "nowhere", "--note", "x"], "nowhere"),
        (["import", "users", "nowhere.csv"], "nothing is published|no book is published|nowhere.csv"),
        (["import", "orders", "x"], "invalid choice: 'orders'"),
        (["keys", "create", "--name", "x", "--role", "boss"], "invalid choice: 'boss'"),
        (["keys", "create", "--name", " ", "--role", "qa"], "--name must say"),
        (["keys", "create", "--name", "x", "--role", "qa", "--personal"], "--personal is for the role viewer"),
        (["keys"], "required: ACTION"),
        (["export-user", "u9"], "no book is published|there is no user u9"),
        (["backup", "b.db"], "there is no database yet"),
        (["restore", "b.db"], "there is no such file"),
    ],
)
@pytest.mark.usefixtures("book")
def test_wrong_usage_exits_2(hongyan: Hongyan, args: list[str], expected: str) -> None:
    """With nothing on standard output."""
    outcome = hongyan(*args)

    assert (outcome.code, outcome.out) == (2, "")
    assert any(text in outcome.err for text in expected.split("|")), outcome.err


def test_a_database_that_cannot_be_used_is_named_without_its_password(hongyan: Hongyan, monkeypatch: pytest.MonkeyPatch) -> None:
    """By every command that needs it."""
    monkeypatch.setenv("HONGYAN_DATABASE", "postgresql+psycopg://hongyan:geheim@127.0.0.1:1/x?connect_timeout=2")
    outcome = hongyan("versions")

    assert (outcome.code, outcome.out) == (2, "")
    assert "hongyan:******@127.0.0.1:1/x" in outcome.err
    assert "geheim" not in outcome.err

    monkeypatch.setenv("HONGYAN_DATABASE", "sqlite:///no/such/folder/x.db")
    assert "no/such/folder/x.db" in hongyan("versions").err


# ---- keys -------------------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("options", "prefix"), [([], "hy_live_"), (["--test"], "hy_test_")])
def test_a_key_stands_alone_on_standard_output(hongyan: Hongyan, database: Path, options: list[str], prefix: str) -> None:
    """Scripts read it from there; the database has only its hash."""
    outcome = hongyan("keys", "create", "--name", "shop", "--role", "ingest", *options)
    token = outcome.out.strip()

    assert outcome.code == 0
    assert outcome.out == f"{token}\n"
    assert token.startswith(prefix)
    assert token.encode() not in database.read_bytes()


# ---- users ------------------------------------------------------------------------------------------------------------------------------


def people(database: Path) -> dict[str, dict[str, object]]:
    """Attributes of everybody in the database."""
    with sqlite3.connect(database) as connection:
        return {user: json.loads(attributes) for user, attributes in connection.execute("SELECT user, attributes FROM people")}


@pytest.fixture
def published(hongyan: Hongyan, book: Path) -> Path:
    """The small book with attributes, in force."""
    change(book, "message_types:", ATTRIBUTES + "message_types:")
    assert hongyan("publish", book, "--note", "x").code == 0
    return book


@pytest.mark.parametrize("packed", [False, True])
@pytest.mark.usefixtures("published")
def test_users_come_from_csv(hongyan: Hongyan, tmp_path: Path, database: Path, packed: bool) -> None:
    """Cells take the types that the book declares; lines that cannot be used are named, the others kept."""
    text = (
        "\ufeffid,phone,suppressed,vip,points,city,tags\r\n"
        'u1,13800138000,"marketing, notification",true,12,"杭州\r\n西湖","[""a""]"\r\n'
        "u2,,,no,,,\r\n"
        "u3,13800138001,,maybe,1,,\r\n"
        ",13800138002,,,,,\r\n"
        "u4,13800138003,,1,2,上海,[],extra\r\n"
        "u5,13800138004,everything,,,,\r\n"
    )
    path = tmp_path / ("users.csv.gz" if packed else "users.csv")
    path.write_bytes(gzip.compress(text.encode()) if packed else text.encode())
    outcome = hongyan("import", "users", path)

    assert outcome.code == 1
    assert people(database) == {"u1": {"vip": True, "points": 12, "city": "杭州\r\n西湖", "tags": ["a"]}, "u2": {"vip": False}}
    assert sorted(re.findall(r": line (\d+): ", outcome.err)) == ["5", "6", "7", "8"]
    assert "2 users imported, 4 lines refused" in outcome.err


@pytest.mark.usefixtures("published")
def test_users_come_from_json_lines(hongyan: Hongyan, tmp_path: Path, database: Path) -> None:
    """A later line of the same id is a later word on the same user."""
    path = tmp_path / "users.jsonl"
    lines = ['{"id": "u1", "attributes": {"points": 1}}', "nonsense", '{"id": "u2", "attributes": {"points": "1"}}']
    path.write_text("\n".join([*lines, '{"id": "u1", "attributes": {"points": 2}}']), "utf-8")
    outcome = hongyan("import", "users", path)

    assert outcome.code == 1
    assert people(database) == {"u1": {"points": 2}}
    assert f"{path}: line 2: " in outcome.err
    assert f"{path}: line 3: " in outcome.err
    assert "attributes.points" in outcome.err
    assert "2 users imported, 2 lines refused" in outcome.err


@pytest.mark.usefixtures("published")
def test_a_table_that_is_no_table_of_users_is_refused(hongyan: Hongyan, tmp_path: Path) -> None:
    """As a whole: its columns are not known."""
    path = tmp_path / "users.csv"
    path.write_text("name,phone\nmei,1\n", "utf-8")
    assert "the first line must name the columns" in hongyan("import", "users", path).err

    path.write_bytes("id,city\nu1,杭州\n".encode("gbk"))
    outcome = hongyan("import", "users", path)
    assert outcome.code == 2
    assert "not UTF-8" in outcome.err


@pytest.mark.usefixtures("published")
def test_all_that_is_held_about_a_person_comes_out(hongyan: Hongyan, tmp_path: Path, database: Path) -> None:
    """Record, events, verdicts and messages, with whole numbers; nothing of others."""
    path = tmp_path / "users.jsonl"
    path.write_text('{"id": "u1", "phone": "13800138000"}\n{"id": "u2", "phone": "13800138001"}\n', "utf-8")
    hongyan("import", "users", path)
    decide(database, order(1), order(2, 0), order(3, user="u2"), at=START + 10**15)
    outcome = hongyan("export-user", "u1")
    held = json.loads(outcome.out)

    assert outcome.code == 0
    assert held["user"]["phone"] == "+8613800138000"
    assert [event["id"] for event in held["events"]] == ["e1", "e2"]
    assert [message["to"] for message in held["messages"]] == ["+8613800138000"]
    assert {verdict["reason"] for verdict in held["verdicts"]} >= {"condition_false"}
    assert "13800138001" not in outcome.out


# ---- replay -----------------------------------------------------------------------------------------------------------------------------


def test_recorded_events_run_through_another_book(hongyan: Hongyan, book: Path, database: Path) -> None:
    """The same book gives the same messages again; a changed one what it would have sent."""
    hongyan("publish", book, "--note", "x")
    person = {"id": "u1", "phone": "13800138000"}
    decide(database, order(1) | {"user": person}, order(2, 0) | {"user": person})
    same = [json.loads(line) for line in hongyan("replay", book, "--format", "jsonl").out.splitlines()]
    change(book, "above: 0", "at_least: 0")
    changed = [json.loads(line) for line in hongyan("replay", book, "--format", "jsonl", "--from", "2026-06-01").out.splitlines()]

    assert [line["text"] for line in same] == ["【秒信通】订单A1已收到。"]
    assert [line["text"] for line in changed] == ["【秒信通】订单A1已收到。", "【秒信通】订单A2已收到。"]
    assert hongyan("replay", book, "--to", "2026-05-31").out == ""
    assert hongyan("replay", book, "--from", "noon").code == 2


# ---- backup and restore -----------------------------------------------------------------------------------------------------------------


def test_a_backup_is_whole_while_others_write(hongyan: Hongyan, book: Path, tmp_path: Path, database: Path) -> None:
    """A writer with an open transaction neither waits nor is in it; the file is for its owner alone."""
    hongyan("publish", book, "--note", "first")
    with sqlite3.connect(database, isolation_level=None) as writer:
        writer.execute("BEGIN IMMEDIATE")
        writer.execute("UPDATE books SET note = 'half done'")
        outcome = hongyan("backup", tmp_path / "b.db")
        writer.execute("COMMIT")
    writer.close()

    assert outcome.code == 0
    assert "hongyan.db.secret" in outcome.err
    assert stat.S_IMODE((tmp_path / "b.db").stat().st_mode) == 0o600
    assert hongyan("backup", tmp_path / "b.db").code == 2

    assert hongyan("restore", tmp_path / "b.db").code == 2
    assert hongyan("restore", tmp_path / "b.db", "--replace").code == 0
    assert [one["note"] for one in json.loads(hongyan("versions", "--format", "json").out)] == ["first"]


def test_a_database_in_use_is_not_replaced(hongyan: Hongyan, book: Path, tmp_path: Path, database: Path) -> None:
    """The service would go on in a file that is no more."""
    hongyan("publish", book, "--note", "first")
    hongyan("backup", tmp_path / "b.db")
    store = Store(f"sqlite:///{database}")
    with store.read():
        outcome = hongyan("restore", tmp_path / "b.db", "--replace")
    store.close()

    assert outcome.code == 2
    assert "stop the service first" in outcome.err
    assert hongyan("restore", tmp_path / "b.db", "--replace").code == 0


def test_what_is_no_backup_is_not_restored(hongyan: Hongyan, tmp_path: Path, database: Path) -> None:
    """Neither another database nor a damaged one."""
    with sqlite3.connect(tmp_path / "other.db") as other:
        other.execute("CREATE TABLE x (y)")
    other.close()
    (tmp_path / "text").write_text("no database at all, but long enough to be looked at" * 10)

    assert "no backup of Hongyan" in hongyan("restore", tmp_path / "other.db").err
    assert hongyan("restore", tmp_path / "text").code == 2
    assert not database.exists()


# ---- doctor -----------------------------------------------------------------------------------------------------------------------------


def states(outcome_out: str) -> dict[str, str]:
    """What was looked at -> its state; the worst where there are several."""
    found: dict[str, str] = {}
    for one in json.loads(outcome_out)["checks"]:
        found[one["about"]] = max(found.get(one["about"], ""), one["state"])
    return found


def test_the_doctor_changes_nothing(hongyan: Hongyan, tmp_path: Path) -> None:
    """Before the first start there is nothing wrong."""
    outcome = hongyan("doctor", "--format", "json")

    assert outcome.code == 0
    assert states(outcome.out) == {"clock": "ok", "secret": "warning", "routes": "warning", "database": "warning"}
    assert os.listdir(tmp_path) == []


def test_the_doctor_finds_a_healthy_service_healthy(hongyan: Hongyan, book: Path) -> None:
    """Text for people says the same."""
    hongyan("publish", book, "--note", "x")
    healthy = dict.fromkeys(("clock", "secret", "database", "migrations", "book", "live", "test"), "ok")

    assert states(hongyan("doctor", "--format", "json").out) == healthy | {"routes": "warning"}
    text = hongyan("doctor").out
    assert 'database = "sqlite:///hongyan.db"' in text
    assert "book: small, version 1, 1 rule" in text


def test_the_doctor_says_what_is_wrong_and_what_to_do(hongyan: Hongyan, book: Path, tmp_path: Path, database: Path) -> None:
    """Settings of providers and routes, a secret that others can read, events that nobody judges."""
    hongyan("publish", book, "--note", "x")
    (tmp_path / "hongyan.db.secret").chmod(0o644)
    settings = '[[providers]]\nname = "smsc"\nkind = "smpp"\nchannels = ["sms"]\npassword = "geheim"\n'
    (tmp_path / "hongyan.toml").write_text(settings + '[[routes]]\nchannel = "sms"\nproviders = ["smsc"]\n')
    store = Store(f"sqlite:///{database}")
    service = Service(store, TestClock(START), secret=b"secret of the tests")
    service.accept("live", [order(1)])
    service.close()
    outcome = hongyan("doctor", "--format", "json")
    found = states(outcome.out)

    assert outcome.code == 1
    assert (found["providers"], found["routes"], found["secret"], found["live"]) == ("wrong", "wrong", "wrong", "wrong")
    assert "geheim" not in outcome.out
    assert all(one["todo"] for one in json.loads(outcome.out)["checks"] if one["state"] == "wrong")


def test_the_doctor_says_that_a_database_is_away(hongyan: Hongyan, monkeypatch: pytest.MonkeyPatch) -> None:
    """And goes on to the end."""
    monkeypatch.setenv("HONGYAN_DATABASE", "postgresql+psycopg://hongyan:geheim@127.0.0.1:1/x?connect_timeout=2")
    outcome = hongyan("doctor", "--format", "json")

    assert outcome.code == 1
    assert states(outcome.out)["database"] == "wrong"
    assert "geheim" not in outcome.out


def test_a_test_clock_makes_nothing_late(hongyan: Hongyan, book: Path, database: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It stands until the API moves it."""
    hongyan("publish", book, "--note", "x")
    store = Store(f"sqlite:///{database}")
    service = Service(store, TestClock(START), secret=b"secret of the tests")
    service.accept("live", [order(1)])
    service.close()
    monkeypatch.setenv("HONGYAN_CLOCK", "test")
    found = states(hongyan("doctor", "--format", "json").out)

    assert (found["clock"], found["live"]) == ("warning", "ok")


# ---- both databases ---------------------------------------------------------------------------------------------------------------------


def test_all_of_it_on_each_database(hongyan: Hongyan, book: Path, url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Publish, decide, back up, lose an event, restore, replay."""
    if url.startswith("postgresql") and shutil.which("pg_dump") is None:
        pytest.skip("no pg_dump")
    monkeypatch.setenv("HONGYAN_DATABASE", url)
    assert hongyan("publish", book, "--note", "x").code == 0
    service = Service(Store(url), TestClock(START), secret=b"secret of the tests")
    person = {"id": "u1", "phone": "13800138000"}
    assert [one.status for one in service.accept("live", [order(1) | {"user": person}])] == ["accepted"]
    service.settle()
    service.close()
    assert hongyan("backup", tmp_path / "b").code == 0
    assert hongyan("rollback", 1, "--author", "later").code == 0
    assert hongyan("restore", tmp_path / "b").code == 2  # there is a database already
    assert hongyan("restore", tmp_path / "b", "--replace").code == 0

    assert states(hongyan("doctor", "--format", "json").out)["database"] == "ok"
    assert [json.loads(line)["to"] for line in hongyan("replay", book, "--format", "jsonl").out.splitlines()] == ["+8613800138000"]
    assert json.loads(hongyan("export-user", "u1").out)["events"][0]["id"] == "e1"
