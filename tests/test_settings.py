"""Settings come from one file and the environment; what is unknown is refused with the nearest known name."""

import os
import re
import stat
import tomllib
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from engine.secret import secret_of, secret_path
from engine.settings import ENTRIES, SCALARS, Settings, SettingsError, load, variable_of
from rules.model import Duration

DOCS = Path(__file__).parents[1] / "docs" / "settings.md"
EVERYTHING = """
database = "postgresql+psycopg://hongyan:geheim@db.example/hongyan"
broker = "amqp://hongyan:geheim@mq.example/"
secret = "geheim-geheim-geheim"
clock = "test"
retention = {events = "30d", messages = "52w", verdicts = "12h"}
[campaigns]
per_second = 500
[webhooks]
allow_private = true
allow_http = false
[server]
host = "0.0.0.0"
port = 8001
trusted_proxies = ["10.0.0.0/8", "::1"]
[[providers]]
name = "smsc"
kind = "smpp"
channels = ["sms"]
password = "geheim"
token = {env = "TOKEN"}
[[routes]]
channel = "sms"
providers = ["smsc", "capture"]
types = ["verification"]
[prices.sms]
CN = 0.045
[prices.video_sms]
CN = 0.3
"""


def test_without_a_file_there_are_defaults(tmp_path: Path) -> None:
    """Nothing has to be set."""
    settings = load({}, tmp_path)

    assert settings == Settings()
    assert settings.file is None
    assert settings.price("sms", "CN") is None
    assert (settings.database, settings.server.port, settings.clock) == ("sqlite:///hongyan.db", 8000, "real")
    assert (str(settings.retention.events), str(settings.retention.messages), str(settings.retention.verdicts)) == ("90d", "365d", "90d")


def test_every_documented_entry_may_stand_in_the_file(tmp_path: Path) -> None:
    """Entries of the service are known here too."""
    (tmp_path / "hongyan.toml").write_text(EVERYTHING)
    settings = load({}, tmp_path)

    assert settings.file == tmp_path / "hongyan.toml"
    assert settings.database.endswith("@db.example/hongyan")
    assert settings.retention.messages == Duration(52, "w")
    assert settings.server.trusted_proxies == ("10.0.0.0/8", "::1")
    assert (settings.webhooks.allow_private, settings.webhooks.allow_http) == (True, False)
    assert settings.providers[0]["token"] == {"env": "TOKEN"}
    assert settings.routes == ({"channel": "sms", "providers": ["smsc", "capture"], "types": ["verification"]},)
    assert (settings.price("sms", "CN"), settings.price("video_sms", "CN"), settings.price("sms", "US")) == (0.045, 0.3, None)
    assert all(f"{entry} =" in EVERYTHING or f"[{entry}" in EVERYTHING for entry in ENTRIES)


def test_the_environment_wins(tmp_path: Path) -> None:
    """Each price is a variable too."""
    (tmp_path / "other.toml").write_text(EVERYTHING)
    environment = {"HONGYAN_SETTINGS": str(tmp_path / "other.toml"), "HONGYAN_PRICES_VIDEO_SMS_CN": "0.25", "HONGYAN_SERVER_PORT": "1"}
    settings = load(environment, tmp_path)

    assert settings.price("video_sms", "CN") == 0.25
    assert settings.price("sms", "CN") == 0.045
    assert settings.server.port == 1


@pytest.mark.parametrize(
    ("variable", "text", "expected"),
    [
        ("HONGYAN_DATABASE", "sqlite:////var/lib/hongyan.db", "sqlite:////var/lib/hongyan.db"),
        ("HONGYAN_BROKER", "amqps://mq/", "amqps://mq/"),
        ("HONGYAN_SECRET", "sixteen characters", "sixteen characters"),
        ("HONGYAN_CLOCK", "test", "test"),
        ("HONGYAN_RETENTION_EVENTS", "1d", Duration(1, "d")),
        ("HONGYAN_RETENTION_MESSAGES", "2w", Duration(2, "w")),
        ("HONGYAN_RETENTION_VERDICTS", "3h", Duration(3, "h")),
        ("HONGYAN_CAMPAIGNS_PER_SECOND", "0.5", 0.5),
        ("HONGYAN_WEBHOOKS_ALLOW_PRIVATE", "false", False),
        ("HONGYAN_WEBHOOKS_ALLOW_HTTP", "true", True),
        ("HONGYAN_SERVER_HOST", "::", "::"),
        ("HONGYAN_SERVER_PORT", "8080", 8080),
        ("HONGYAN_SERVER_TRUSTED_PROXIES", "10.0.0.1, 192.168.0.0/16", ("10.0.0.1", "192.168.0.0/16")),
    ],
)
def test_every_entry_with_one_value_is_a_variable(tmp_path: Path, variable: str, text: str, expected: object) -> None:
    """It wins over the file."""
    (tmp_path / "hongyan.toml").write_text(EVERYTHING)
    found: object = load({variable: text}, tmp_path)
    for name in next(entry for entry in SCALARS if variable_of(entry) == variable).split("."):
        found = getattr(found, name)

    assert found == expected


def test_the_page_lists_every_variable_and_its_file_can_be_used(tmp_path: Path) -> None:
    """docs/settings.md, against the code: names, defaults, and the example as it stands."""
    page = DOCS.read_text("utf-8")
    rows = dict(re.findall(r"^- `([a-z_.]+)`: `(HONGYAN_[A-Z_]+)`;", page, re.MULTILINE))
    example = page.split("```toml\n")[1].split("```")[0]
    (tmp_path / "hongyan.toml").write_text(example)
    settings = load({}, tmp_path)

    assert rows == {entry: variable_of(entry) for entry in SCALARS}
    assert set(tomllib.loads(example)) == set(ENTRIES) - {"secret"}
    assert (settings.retention, settings.server, settings.database) == (Settings().retention, Settings().server, Settings().database)


def test_variables_of_the_client_are_nobody_s_settings(tmp_path: Path) -> None:
    """The SDK reads HONGYAN_URL and HONGYAN_KEY in the same environment."""
    assert load({"HONGYAN_URL": "http://127.0.0.1:8000", "HONGYAN_KEY": "hy_live_x"}, tmp_path) == Settings()


def test_what_is_shown_holds_nothing_secret(tmp_path: Path) -> None:
    """Neither for the doctor nor in a traceback."""
    (tmp_path / "hongyan.toml").write_text(EVERYTHING)
    settings = load({}, tmp_path)
    shown = settings.masked()

    assert "geheim" not in repr(settings)
    assert "geheim" not in str(shown)
    assert shown["database"] == "postgresql+psycopg://hongyan:******@db.example/hongyan"
    assert shown["providers"] == [{"name": "smsc", "kind": "smpp", "channels": ["sms"], "password": "******", "token": {"env": "TOKEN"}}]
    assert set(shown) == set(ENTRIES)


# ---- the secret -------------------------------------------------------------------------------------------------------------------------


def test_a_secret_is_made_once_beside_the_database(tmp_path: Path) -> None:
    """For its owner alone; processes that start together agree."""
    settings = Settings(database=f"sqlite:///{tmp_path}/hongyan.db")
    with ThreadPoolExecutor(8) as pool:
        made = set(pool.map(secret_of, [settings] * 8))
    path = tmp_path / "hongyan.db.secret"

    assert len(made) == 1
    assert secret_path(settings) == path
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert os.listdir(tmp_path) == [path.name]
    assert len(made.pop()) >= 32


def test_a_given_secret_is_not_kept(tmp_path: Path) -> None:
    """It stands in the settings."""
    assert secret_of(Settings(database=f"sqlite:///{tmp_path}/hongyan.db", secret="given, not made")) == "given, not made"
    assert os.listdir(tmp_path) == []


@pytest.mark.parametrize("content", ["", "short"])
def test_a_spoilt_secret_is_not_replaced(tmp_path: Path, content: str) -> None:
    """A new one would make codes and signatures worthless without a word."""
    (tmp_path / "hongyan.db.secret").write_text(content)

    with pytest.raises(SettingsError, match="holds no secret"):
        secret_of(Settings(database=f"sqlite:///{tmp_path}/hongyan.db"))


def test_a_secret_that_cannot_be_kept_is_said(tmp_path: Path) -> None:
    """With the path."""
    with pytest.raises(SettingsError, match="nowhere"):
        secret_of(Settings(database=f"sqlite:///{tmp_path}/nowhere/hongyan.db"))


# ---- refused ----------------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ('databse = "x"', 'unknown entry "databse"; did you mean "database"?'),
        ("prices = 1", "prices must be a table"),
        ("[prices.smss]\nCN = 1", 'unknown channel "smss"; did you mean "sms"?'),
        ("prices = {sms = 1}", "prices.sms must be a table of countries"),
        ("[prices.sms]\nchina = 1", '"china" is not a country'),
        ('[prices.sms]\nCN = "1"', "a price must be a number of 0 or more, got '1'"),
        ("[prices.sms]\nCN = -1", "a price must be a number of 0 or more, got -1"),
        ("[prices.sms]\nCN = nan", "a price must be a number of 0 or more, got nan"),
        ("[prices", "hongyan.toml: "),
        ('database = "mysql://x"', "database must be like sqlite:///hongyan.db or postgresql+psycopg://"),
        ('database = "sqlite:///"', "database must be like"),
        ("database = 1", "database must be a text"),
        ('broker = "redis://x"', "broker must be like amqp://"),
        ('secret = "short"', "secret must have 16 characters or more"),
        ('clock = "fake"', "clock must be real or test"),
        ('retention = {events = "90 days"}', "retention.events must be a duration like 90d"),
        ('retention = {events = "0d"}', "retention.events must be a duration like 90d"),
        ('retention = {event = "90d"}', 'retention: unknown entry "event"; did you mean "events"?'),
        ("retention = 1", "retention must be a table"),
        ("campaigns = {per_second = 0}", "campaigns.per_second must be a number above 0"),
        ('campaigns = {per_second = "fast"}', "campaigns.per_second must be a number above 0"),
        ('webhooks = {allow_private = "yes"}', "webhooks.allow_private must be true or false"),
        ("campaigns = {per_hour = 5}", 'campaigns: unknown entry "per_hour"'),
        ("[server]\nport = 0", "server.port must be a port between 1 and 65535"),
        ("[server]\nport = true", "server.port must be a port"),
        ("[server]\nprot = 80", 'server: unknown entry "prot"; did you mean "port"?'),
        ('[server]\nhost = "a b"', "server.host must be an address or a name"),
        ('[server]\ntrusted_proxies = ["nginx"]', "'nginx' is no address or network"),
        ('[server]\ntrusted_proxies = "10.0.0.1/33"', "is no address or network"),
        ("providers = 1", "providers must be tables like [[providers]]"),
        ('[[providers]]\nkind = "smpp"', "each needs a name"),
        ('[[providers]]\nname = "a"\n[[providers]]\nname = "a"', 'two are called "a"'),
        ("routes = [1]", "routes must be tables like [[routes]]"),
        ('[[routes]]\nchannel = "smss"', 'channel must be one of sms, video_sms, caller_card, email, push, webhook; did you mean "sms"?'),
    ],
)
def test_a_wrong_file_is_refused(tmp_path: Path, text: str, expected: str) -> None:
    """The message names the file and the entry."""
    (tmp_path / "hongyan.toml").write_text(text)

    with pytest.raises(SettingsError) as error:
        load({}, tmp_path)
    assert "hongyan.toml" in str(error.value)
    assert expected in str(error.value)


@pytest.mark.parametrize(
    ("variable", "value", "expected"),
    [
        ("HONGYAN_SETTINGS", "nowhere.toml", "nowhere.toml: there is no such file"),
        ("HONGYAN_DATABSE", "x", 'HONGYAN_DATABSE: unknown setting; did you mean "database"?'),
        ("HONGYAN_PRICES_SMS", "1", "HONGYAN_PRICES_SMS: must be HONGYAN_PRICES_, a channel and a country"),
        ("HONGYAN_SERVER_PROT", "x", 'HONGYAN_SERVER_PROT: unknown setting; did you mean "server_port"?'),
        ("HONGYAN_SERVER_PORT", "http", "HONGYAN_SERVER_PORT must be a port between 1 and 65535"),
        ("HONGYAN_PROVIDERS", "[]", "HONGYAN_PROVIDERS: these are tables; write them into hongyan.toml"),
        ("HONGYAN_SERVER", "x", "HONGYAN_SERVER: unknown setting"),
        ("HONGYAN_PRICES_SMS_CN", "cheap", "HONGYAN_PRICES_SMS_CN: a price must be a number, got 'cheap'"),
    ],
)
def test_a_wrong_variable_is_refused(tmp_path: Path, variable: str, value: str, expected: str) -> None:
    """The message names the variable."""
    with pytest.raises(SettingsError) as error:
        load({variable: value}, tmp_path)
    assert expected in str(error.value)
