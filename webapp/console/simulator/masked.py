"""What a kept story may hold: nothing by which a real person could be found.

Numbers keep what `138****8000` shows of them and get a made-up middle; secret values become stars; personal ones keep their ends, addresses
of networks become private ones. Equal values stay equal and different ones different, so that caps, keys and conditions judge as before.
A story that holds none of that stays as it is, and masking twice is masking once.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from hashlib import sha256
from ipaddress import ip_address

import phonenumbers

from engine.core.display import SECRET
from engine.core.facts import Json
from engine.core.phones import MAINLAND, mask, normalise, region
from rules.model import FieldDef, Rulebook
from webapp.console.simulator.story import Line, Story

_LEAP_YEAR = "2000"  # stands for the year of a personal date; the day stays, since birthdays are told by it
_NUMBERS = {"integer": 0, "number": 0, "boolean": False, "list": [], "object": {}}


def masked(story: Story, book: Rulebook) -> Story:
    """The story without anything personal."""
    masks = Masks(book)
    return Story(
        story.name,
        tuple(masks.user(line) for line in story.users),
        tuple(masks.event(line) for line in story.events),
        story.receipts,
        story.since,
        story.until,
    )


class Masks:
    """The masks of one story: it remembers what stands for what."""

    def __init__(self, book: Rulebook) -> None:
        self._book = book
        self._phones: dict[str, str] = {}
        self._texts: dict[tuple[str, str], str] = {}

    def user(self, line: Line) -> Line:
        """A user's line, or the mapping of an event's `user`."""
        found = dict(line)
        if isinstance(found.get("phone"), str):
            found["phone"] = self.phone(found["phone"])
        if isinstance(found.get("attributes"), Mapping):
            found["attributes"] = self._data(found["attributes"], self._book.attributes)
        return found

    def event(self, line: Line) -> Line:
        """An event's line."""
        found = dict(line)
        if isinstance(found.get("user"), Mapping):
            found["user"] = self.user(found["user"])
        declared = self._book.events.get(str(found.get("type")))
        if isinstance(found.get("data"), Mapping):
            found["data"] = self._data(found["data"], declared.data if declared is not None else {})
        return found

    def phone(self, given: str) -> str:
        """A made-up number with the same ends: zeros and a count stand in its middle."""
        number = normalise(given)
        if number is None:
            return mask(given) if sum(map(str.isdigit, given)) >= 7 else given
        if _is_made_up(number):
            self._phones.setdefault(number, number)
            return number
        known = self._phones.get(number)
        if known is None:
            taken = set(self._phones.values())
            known = next((one for one in _likely(number) if one not in taken and normalise(one)), "+8613800009999")
            self._phones[number] = known
        return known

    def _data(self, data: Mapping[str, Json], declared: Mapping[str, FieldDef]) -> dict[str, Json]:
        return {name: self._value(value, declared[name]) if name in declared else value for name, value in data.items()}

    def _value(self, value: Json, field: FieldDef) -> Json:
        if value is None:
            return None
        if field.type == "phone":
            return self.phone(value) if isinstance(value, str) else None
        if field.secret:
            return SECRET if isinstance(value, str) else _NUMBERS.get(field.type)
        if field.personal:
            return self._personal(value, field)
        if isinstance(value, Mapping) and field.properties:
            return self._data(value, field.properties)
        if isinstance(value, list) and field.items is not None:
            return [self._value(item, field.items) for item in value]
        return value

    def _personal(self, value: Json, field: FieldDef) -> Json:
        if field.enum is not None:
            return value if len(field.enum) > 1 else None  # one of a known few names nobody
        if not isinstance(value, str):
            return _NUMBERS.get(field.type)
        if field.type in ("date", "datetime"):
            return _LEAP_YEAR + value[4:]
        if field.type == "link":
            return "https://example.invalid/"
        private = _private_address(value)
        return private if private is not None else self._text(value, field.name)

    def _text(self, value: str, name: str) -> str:
        """Its ends, and a number where two values would look alike."""
        if "*" in value:
            return value
        known = self._texts.get((name, value))
        if known is None:
            taken = {shown for (other, _), shown in self._texts.items() if other == name}
            shown, count = mask(value), 1
            while shown in taken:
                count += 1
                shown = f"{mask(value)}{count}"
            known = self._texts[(name, value)] = shown
        return known


def _is_made_up(number: str) -> bool:
    return number[6:8] == "00" if _is_mobile(number) else number[:-2] == _example(number)[:-2]


def _likely(number: str) -> Iterator[str]:
    """Numbers that could stand for this one, the best first."""
    if _is_mobile(number):
        yield from (f"{number[:6]}{middle:04d}{number[-4:]}" for middle in range(100))
    else:
        yield from (f"{_example(number)[:-2]}{last:02d}" for last in range(100))


def _is_mobile(number: str) -> bool:
    """Whether it is a mobile number of mainland China."""
    return number.startswith(MAINLAND + "1") and len(number) == 14


def _example(number: str) -> str:
    """The number that stands as an example for its country."""
    found = phonenumbers.example_number_for_type(region(number) or "US", phonenumbers.PhoneNumberType.MOBILE)
    return phonenumbers.format_number(found, phonenumbers.PhoneNumberFormat.E164) if found is not None else "+12015550123"


def _private_address(value: str) -> str | None:
    """For an address of a network, one of a private network; neighbours stay neighbours. None: it is no address."""
    try:
        address = ip_address(value)
    except ValueError:
        return None
    if address.is_private:
        return value
    if address.version == 4:
        network, _, host = value.rpartition(".")
        first, second = sha256(network.encode()).digest()[:2]
        return f"10.{first}.{second}.{host}"
    whole = address.exploded
    return f"fd00:{sha256(whole[:19].encode()).hexdigest()[:4]}::{whole[-4:].lstrip('0') or '0'}"
