"""Settings come from one file and the environment; what is unknown is refused with the nearest known name."""

from pathlib import Path

import pytest

from engine.settings import ENTRIES, SettingsError, load

EVERYTHING = """
database = "sqlite:///hongyan.db"
broker = ""
secret = "x"
clock = "real"
retention = {events = "90d"}
[server]
port = 8000
[[providers]]
name = "smsc"
[[routes]]
channel = "sms"
[prices.sms]
CN = 0.045
[prices.video_sms]
CN = 0.3
"""


def test_without_a_file_there_are_defaults(tmp_path: Path) -> None:
    """Nothing has to be set."""
    settings = load({}, tmp_path)

    assert settings.file is None
    assert settings.price("sms", "CN") is None


def test_every_documented_entry_may_stand_in_the_file(tmp_path: Path) -> None:
    """Entries of the service are known here too."""
    (tmp_path / "hongyan.toml").write_text(EVERYTHING)
    settings = load({}, tmp_path)

    assert settings.file == tmp_path / "hongyan.toml"
    assert (settings.price("sms", "CN"), settings.price("video_sms", "CN"), settings.price("sms", "US")) == (0.045, 0.3, None)
    assert all(f"{entry} =" in EVERYTHING or f"[{entry}" in EVERYTHING for entry in ENTRIES)


def test_the_environment_wins(tmp_path: Path) -> None:
    """Each price is a variable too."""
    (tmp_path / "other.toml").write_text(EVERYTHING)
    environment = {"HONGYAN_SETTINGS": str(tmp_path / "other.toml"), "HONGYAN_PRICES_VIDEO_SMS_CN": "0.25", "HONGYAN_SERVER_PORT": "1"}
    settings = load(environment, tmp_path)

    assert settings.price("video_sms", "CN") == 0.25
    assert settings.price("sms", "CN") == 0.045


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
        ("HONGYAN_PRICES_SMS_CN", "cheap", "HONGYAN_PRICES_SMS_CN: a price must be a number, got 'cheap'"),
    ],
)
def test_a_wrong_variable_is_refused(tmp_path: Path, variable: str, value: str, expected: str) -> None:
    """The message names the variable."""
    with pytest.raises(SettingsError) as error:
        load({variable: value}, tmp_path)
    assert expected in str(error.value)
