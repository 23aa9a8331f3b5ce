"""The shipped O2O book over recorded histories, against figures worked out from the raw files without the engine.

The data are not part of the project (../shared/data/README.md): without them these tests are skipped.
"""

import gzip
import hashlib
import json
import re
from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from . import o2o_oracle as oracle
from .cases import write_lines
from .conftest import ROOT, run_alone

DATA = ROOT.parent / "shared" / "data"
BOOK = ROOT / "rules" / "books" / "o2o"
SETS = ("olist", "completejourney")
ORDER = re.compile("[0-9a-f]{16}")
MARKETING = {"coupon-expiring", "win-back", "member-day", "festival-greeting", "holiday-sale"}


@dataclass(frozen=True)
class History:
    """One recorded history: the raw files, and what the command said about them."""

    name: str
    events: list[dict]
    users: dict[str, dict]
    output: Path
    verdicts: list[oracle.Line]
    messages: list[dict]

    def zone(self, user: str) -> ZoneInfo:
        """The zone of a user."""
        return ZoneInfo(self.users[user]["timezone"])


def simulate(name: str, output: Path) -> Path:
    """Run the command over one history, its lines into a file."""
    folder = DATA / name
    args = ("--events", folder / "events.jsonl.gz", "--users", folder / "users.jsonl.gz", "--format", "jsonl", "--verdicts")
    result = run_alone("simulate", BOOK, *args, timeout=1800)
    assert result.returncode == 0, result.stderr[-2000:]
    output.write_text(result.stdout, encoding="utf-8")
    return output


def lines(path: Path) -> Iterator[dict]:
    """The lines of an output file."""
    with path.open(encoding="utf-8") as file:
        for line in file:
            yield json.loads(line)


@pytest.fixture(scope="module", params=SETS)
def history(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> History:
    """A recorded history, simulated once."""
    folder = DATA / request.param
    if not (folder / "events.jsonl.gz").exists():
        pytest.skip(f"no recorded history: {folder} is missing (see ../shared/data/README.md)")
    output = simulate(request.param, tmp_path_factory.mktemp("real") / f"{request.param}.jsonl")
    verdicts, messages = [], []
    for line in lines(output):
        if line["kind"] == "verdict":
            verdicts.append(oracle.Line(line["at"], line["rule"], line["user"], line["outcome"], line["reason"]))
        else:
            messages.append(line)
    users = {user["id"]: user for user in oracle.read(folder / "users.jsonl.gz")}
    return History(request.param, list(oracle.read(folder / "events.jsonl.gz")), users, output, verdicts, messages)


def differences(expected: Counter, got: Counter, show: int = 12) -> str:
    """What one side has more of, a few of each."""
    missing, extra = expected - got, got - expected
    text = f"{sum(missing.values())} missing, {sum(extra.values())} too many\n"
    return text + "\n".join([f"missing {x}" for x in sorted(missing)[:show]] + [f"extra   {x}" for x in sorted(extra)[:show]])


def sent_by(history: History, rule: str) -> list[oracle.Line]:
    """The verdicts that sent, of one rule."""
    return [line for line in history.verdicts if line.rule == rule and line.outcome == "send"]


def test_nobody_shares_what_the_oracle_takes_to_be_ones_own(history: History) -> None:
    """Phones, and the orders and coupons of events, belong to one person each; so persons may be worked out one by one."""
    owners = defaultdict(set)
    for event in history.events:
        owners[event["data"].get("coupon_id") or event["data"]["order_id"]].add(event["user"])

    assert len({user["phone"] for user in history.users.values()}) == len(history.users)
    assert all(len(users) == 1 for users in owners.values())


def test_every_verdict_is_the_one_worked_out_by_hand(history: History) -> None:
    """Instant, rule, user, outcome and reason of all verdicts, neither more nor fewer."""
    expected = Counter(oracle.expected(history.events, history.users.values()))

    got = Counter(history.verdicts)

    assert got == expected, differences(expected, got)


def test_every_send_has_its_message_and_no_other(history: History) -> None:
    """No chain is at work here, so a verdict to send is one message at the same instant."""
    expected = Counter((v.at, v.rule, v.user) for v in history.verdicts if v.outcome == "send")

    got = Counter((m["at"], m["rule"], m["user"]) for m in history.messages)

    assert got == expected, differences(expected, got)


def test_unpaid_after_fifteen_minutes(history: History) -> None:
    """Exactly the orders that no payment reached within fifteen minutes are reminded, at that instant."""
    paid = defaultdict(list)
    for event in history.events:
        if event["type"] == "payment.succeeded":
            paid[event["data"]["order_id"]].append(oracle.parse(event["time"]))
    until = oracle.parse(history.events[-1]["time"])
    expected = set()
    for event in history.events:
        created, order = oracle.parse(event["time"]), event["data"].get("order_id")
        due = created + timedelta(minutes=15)
        in_time = any(created <= moment <= due for moment in paid[order])
        if event["type"] == "order.created" and due <= until and event["data"]["amount"] > 0 and not in_time:
            expected.add((order, oracle.written(due)))

    got = {(ORDER.search(m["text"]).group(), m["at"]) for m in history.messages if m["rule"] == "order-unpaid"}

    assert got == expected
    assert len(sent_by(history, "order-unpaid")) == len(expected)


def test_dormant_exactly_thirty_calendar_days_after_the_last_order(history: History) -> None:
    """Who becomes dormant and when: the wall clock of the last order, thirty days on, in the person's zone."""
    orders = defaultdict(set)
    for event in history.events:
        if event["type"] == "order.completed":
            orders[event["user"]].add(oracle.parse(event["time"]))
    until = oracle.parse(history.events[-1]["time"])
    expected = Counter()
    for user, times in orders.items():
        ordered = sorted(times)
        for this, following in zip(ordered, [*ordered[1:], datetime.max.replace(tzinfo=UTC)], strict=True):
            due = oracle.days_later(this, 30, history.zone(user))
            if due < following and due <= until:
                expected[user, oracle.written(due)] += 1

    first: Counter = Counter()
    waiting: Counter = Counter()
    for v in (v for v in history.verdicts if v.rule == "win-back"):
        if v.outcome != "defer" and waiting[v.user]:  # judged once more after the night, which is no new crossing
            waiting[v.user] -= 1
        else:
            first[v.user, v.at] += 1
            waiting[v.user] += v.outcome == "defer"

    assert first == expected, differences(expected, first)


def test_no_marketing_at_night(history: History) -> None:
    """Between 21:00 and 08:00 on the recipient's own clock nothing of marketing leaves, in winter and in summer."""
    night = [
        m
        for m in history.messages
        if m["type"] == "marketing" and oracle.is_quiet(oracle.parse(m["at"]), (time(21), time(8)), history.zone(m["user"]))
    ]

    assert night == []


def test_no_marketing_without_consent(history: History) -> None:
    """Only who agreed gets marketing; who did not is skipped `no_consent`, every time."""
    agreed = {name for name, user in history.users.items() if user["attributes"].get("consent_marketing") is True}

    assert {m["user"] for m in history.messages if m["type"] == "marketing"} <= agreed
    assert {v.user for v in history.verdicts if v.reason == "no_consent"}.isdisjoint(agreed)


def test_no_cap_is_exceeded(history: History) -> None:
    """Marketing: one a day on the recipient's calendar, three in any 7 x 24 h, one win-back in 30 x 24 h; notifications: 30 a day."""
    days: Counter = Counter()
    marketing, back = defaultdict(list), defaultdict(list)
    for message in history.messages:
        moment = oracle.parse(message["at"])
        days[message["user"], message["type"], moment.astimezone(history.zone(message["user"])).date()] += 1
        if message["type"] == "marketing":
            marketing[message["user"]].append(moment)
        if message["rule"] == "win-back":
            back[message["user"]].append(moment)

    assert [key for key, count in days.items() if count > {"marketing": 1, "notification": 30}[key[1]]] == []
    for times, most, length in [(t, 3, 7) for t in marketing.values()] + [(t, 1, 30) for t in back.values()]:
        times.sort()
        assert all(later - earlier >= timedelta(days=length) for earlier, later in zip(times, times[most:], strict=False))


def test_a_coupon_redeemed_in_time_is_not_reminded(history: History) -> None:
    """No reminder about a coupon leaves at or after its redemption; and every coupon whose reminder left was still unused."""
    redeemed: dict[str, datetime] = {}
    issued = defaultdict(list)
    for event in history.events:
        if event["type"] == "coupon.redeemed":
            redeemed.setdefault(event["data"]["coupon_id"], oracle.parse(event["time"]))
        elif event["type"] == "coupon.issued":
            issued[event["user"]].append(event["data"])
    never = datetime.max.replace(tzinfo=UTC)

    for message in history.messages:
        if message["rule"] == "coupon-expiring":
            left = oracle.parse(message["at"])
            zone = history.zone(message["user"])
            candidates = [
                coupon
                for coupon in issued[message["user"]]
                if oracle.days_later(oracle.parse(coupon["expires_at"]), -2, zone) <= left < oracle.parse(coupon["expires_at"])
                and redeemed.get(coupon["coupon_id"], never) > left
            ]
            assert candidates, message


TRANSACTIONAL = {
    "order.created": "order-created",
    "payment.succeeded": "payment-succeeded",
    "shipment.shipped": "shipped",
    "shipment.delivered": "delivered",
}


def test_every_order_event_has_its_message(history: History) -> None:
    """Confirmed, paid, shipped, delivered: one message each, at the event's instant, with the order's number."""
    expected: Counter = Counter()
    for event in history.events:
        if event["type"] in TRANSACTIONAL:
            expected[TRANSACTIONAL[event["type"]], event["user"], event["time"], event["data"]["order_id"]] += 1
    numbers = {(rule, user, at): [] for rule, user, at, _ in expected}
    for rule, user, at, order in expected:
        numbers[rule, user, at].append(order)

    got: Counter = Counter()
    for m in history.messages:
        if m["rule"] in TRANSACTIONAL.values():
            for order in numbers.get((m["rule"], m["user"], m["at"]), ["?"]):
                if order in m["text"]:
                    got[m["rule"], m["user"], m["at"], order] += 1

    assert got == expected, differences(expected, got)


def test_every_completion_is_told_two_hours_later_or_in_the_morning(history: History) -> None:
    """After two hours, or at 08:00 on the recipient's clock when that falls between 22:00 and 08:00."""
    until = oracle.parse(history.events[-1]["time"])
    expected: Counter = Counter()
    for event in history.events:
        if event["type"] == "order.completed":
            due, zone = oracle.parse(event["time"]) + timedelta(hours=2), history.zone(event["user"])
            if oracle.is_quiet(due, (time(22), time(8)), zone):
                due = oracle.release(due, (time(22), time(8)), zone)
            if due <= until:
                expected[event["user"], oracle.written(due)] += 1

    got = Counter((m["user"], m["at"]) for m in history.messages if m["rule"] == "order-completed")

    assert got == expected, differences(expected, got)


def test_texts_and_parts(history: History) -> None:
    """Signature first, ending last for marketing, and parts as the length of the text says."""
    for m in history.messages:
        text = m["text"]
        units = len(text.encode("utf-16-le")) // 2
        assert text.startswith("【秒信通】"), m
        assert text.count("【") == text.count("】") == 1, m
        assert text.endswith("拒收请回复R") == (m["type"] == "marketing"), m
        assert m["parts"] == (1 if units <= 70 else -(-units // 67)), m
        assert m["to"] == history.users[m["user"]]["phone"]
        assert (m["type"] == "marketing") == (m["rule"] in MARKETING)


def test_lines_are_in_order(history: History) -> None:
    """In order of instant, then user, then rule."""
    previous = ("", "", "")
    for line in lines(history.output):
        key = (line["at"], line["user"], line["rule"])
        assert key >= previous, (previous, key)
        previous = key


@pytest.fixture(scope="module")
def olist() -> Path:
    """The folder of the smaller history."""
    if not (DATA / "olist" / "events.jsonl.gz").exists():
        pytest.skip(f"no recorded history: {DATA / 'olist'} is missing (see ../shared/data/README.md)")
    return DATA / "olist"


@pytest.fixture(scope="module")
def once(olist: Path, tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """What the command says about the smaller history."""
    return simulate("olist", tmp_path_factory.mktemp("once") / "olist.jsonl").read_bytes()


def test_the_same_input_gives_the_same_bytes(once: bytes, tmp_path: Path) -> None:
    """The same input gives byte-identical output, in processes of their own."""
    assert simulate("olist", tmp_path / "again").read_bytes() == once


def test_a_shuffled_file_gives_the_same_bytes(olist: Path, once: bytes, tmp_path: Path) -> None:
    """A file not in order is sorted; events of one instant stay in the order of the file."""
    whole = gzip.decompress((olist / "events.jsonl.gz").read_bytes()).splitlines(keepends=True)
    mixed = sorted(whole, key=lambda line: hashlib.sha256(json.loads(line)["time"].encode()).digest())
    (tmp_path / "mixed.jsonl").write_bytes(b"".join(mixed))

    args = ("--events", tmp_path / "mixed.jsonl", "--users", olist / "users.jsonl.gz", "--format", "jsonl", "--verdicts")
    result = run_alone("simulate", BOOK, *args)

    assert result.returncode == 0, result.stderr[-2000:]
    assert result.stdout.encode() == once


def test_stopping_the_clock_does_not_change_what_came_before(olist: Path, once: bytes) -> None:
    """`--until` and `--from` cut a window out of the same lines."""
    since, until = "2017-11-24T03:00:00Z", "2018-02-18T01:30:00Z"
    files = ("--events", olist / "events.jsonl.gz", "--users", olist / "users.jsonl.gz", "--format", "jsonl", "--verdicts")

    result = run_alone("simulate", BOOK, *files, "--from", since, "--until", until)

    assert result.returncode == 0, result.stderr[-2000:]
    assert result.stdout.splitlines() == [line for line in once.decode().splitlines() if since <= json.loads(line)["at"] <= until]


DISTURBED_ZONES = ["Asia/Shanghai", "America/New_York", "Australia/Lord_Howe", "America/St_Johns", "Africa/Casablanca", "Asia/Kathmandu"]
LATE = [0, 0, 0, 0, 0, 20, 250, 310, 1500, 3000, 3600, 3601, 7200, 10800, 93600, 100000]


def chance(*names: object) -> int:
    """A number that depends on names only."""
    return int.from_bytes(hashlib.sha256("|".join(map(str, names)).encode()).digest()[:4], "big")


@pytest.mark.parametrize("name", SETS)
def test_a_disturbed_history(name: str, tmp_path: Path) -> None:
    """Every sixth person, moved to zones with odd clocks, asked for consent, and a third of the events received late: by hand again."""
    if not (DATA / name / "events.jsonl.gz").exists():
        pytest.skip(f"no recorded history: {DATA / name} is missing (see ../shared/data/README.md)")
    users = [user for user in oracle.read(DATA / name / "users.jsonl.gz") if chance(user["id"]) % 6 == 0]
    for user in users:
        user["timezone"] = DISTURBED_ZONES[chance("zone", user["id"]) % len(DISTURBED_ZONES)]
        user["attributes"].update(consent_marketing=chance("consent", user["id"]) % 10 > 0, member=chance("member", user["id"]) % 2 == 0)
    people = {user["id"] for user in users}
    events = [event for event in oracle.read(DATA / name / "events.jsonl.gz") if event["user"] in people]
    for event in events:
        late = timedelta(seconds=LATE[chance("late", event["id"]) % len(LATE)])
        event["received"] = oracle.written(oracle.parse(event["time"]) + late)
    expected = Counter(oracle.expected(events, users))

    args = ("--events", write_lines(tmp_path / "events.jsonl", events), "--users", write_lines(tmp_path / "users.jsonl", users))
    result = run_alone("simulate", BOOK, *args, "--format", "jsonl", "--verdicts", timeout=900)

    assert result.returncode == 0, result.stderr[-2000:]
    verdicts = [line for line in map(json.loads, result.stdout.splitlines()) if line["kind"] == "verdict"]
    got = Counter(oracle.Line(v["at"], v["rule"], v["user"], v["outcome"], v["reason"]) for v in verdicts)
    assert got == expected, differences(expected, got)
