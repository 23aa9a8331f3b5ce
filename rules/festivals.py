"""The festivals a schedule may name. When they fall is worked out by the engine, from the date given here."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal, NamedTuple


class FestivalDate(NamedTuple):
    """When a festival is: a solar or lunar month and day, a solar term by name, or the nth Sunday of a month.

    A lunar day 0 is the day before the first of the month (除夕 is the day before 正月初一 of the next lunar year).
    """

    kind: Literal["solar", "lunar", "term", "sunday"]
    month: int
    day: int


FESTIVALS: Mapping[str, FestivalDate] = {
    "元旦": FestivalDate("solar", 1, 1),
    "除夕": FestivalDate("lunar", 1, 0),
    "春节": FestivalDate("lunar", 1, 1),
    "元宵": FestivalDate("lunar", 1, 15),
    "龙抬头": FestivalDate("lunar", 2, 2),
    "清明": FestivalDate("term", 4, 0),
    "五一": FestivalDate("solar", 5, 1),
    "端午": FestivalDate("lunar", 5, 5),
    "七夕": FestivalDate("lunar", 7, 7),
    "中元": FestivalDate("lunar", 7, 15),
    "中秋": FestivalDate("lunar", 8, 15),
    "重阳": FestivalDate("lunar", 9, 9),
    "国庆": FestivalDate("solar", 10, 1),
    "冬至": FestivalDate("term", 12, 0),
    "腊八": FestivalDate("lunar", 12, 8),
    "小年": FestivalDate("lunar", 12, 23),
    "情人节": FestivalDate("solar", 2, 14),
    "妇女节": FestivalDate("solar", 3, 8),
    "植树节": FestivalDate("solar", 3, 12),
    "青年节": FestivalDate("solar", 5, 4),
    "母亲节": FestivalDate("sunday", 5, 2),
    "儿童节": FestivalDate("solar", 6, 1),
    "父亲节": FestivalDate("sunday", 6, 3),
    "建党节": FestivalDate("solar", 7, 1),
    "建军节": FestivalDate("solar", 8, 1),
    "教师节": FestivalDate("solar", 9, 10),
    "平安夜": FestivalDate("solar", 12, 24),
    "圣诞节": FestivalDate("solar", 12, 25),
}

# Other names by which people know them; the model holds the name above.
ALIASES: Mapping[str, str] = {
    "元旦节": "元旦",
    "元宵节": "元宵",
    "清明节": "清明",
    "劳动节": "五一",
    "端午节": "端午",
    "七夕节": "七夕",
    "中元节": "中元",
    "中秋节": "中秋",
    "重阳节": "重阳",
    "国庆节": "国庆",
    "腊八节": "腊八",
    "三八": "妇女节",
    "六一": "儿童节",
    "圣诞": "圣诞节",
}
