"""Made-up O2O users and a day (or more) of their events, for trials. Nothing but the arguments decides the result.

Orders run through whole stories: paid, unpaid, failed, cancelled, delivered, picked up or forgotten, served at home, booked in a store.
Around them: codes, carts, coupons, passes, calls, broadcasts; events that arrive late, and a few that arrive twice. Memory stays flat.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import UTC, date, datetime, timedelta, timezone
from random import Random
from typing import Any, TypeVar

Line = dict[str, Any]
Item = TypeVar("Item")

START = date(2026, 6, 1)
BEIJING = timezone(timedelta(hours=8))
SECOND, MINUTE, HOUR, DAY = 1, 60, 3_600, 86_400

# How many of 100 orders come in each hour of the day.
HOURLY = (1, 0, 0, 0, 0, 1, 2, 3, 5, 6, 7, 10, 11, 7, 5, 4, 5, 7, 9, 8, 5, 3, 1, 0)
CITIES = ("上海", "北京", "广州", "深圳", "杭州", "成都")
DISTRICTS = ("徐汇店", "静安店", "望京店", "天河店", "南山店", "西湖店", "高新店")
MERCHANTS = {
    "delivery": ("老盛昌汤包", "绿源超市", "蜀香小馆"), "pickup": ("鲜丰水果", "一点点茶铺", "麦香烘焙"),
    "service": ("悦洁家政", "快修帮"), "store": ("青木美业", "净车坊"),
}  # fmt: skip
CARRIERS = ("顺丰", "京东", "中通")
STAFF = ("张师傅", "李师傅", "王师傅", "陈阿姨", "刘师傅")
OFFERS = ("满100减20", "8折券", "立减30元", "免配送费")
TIERS = ("basic", "basic", "basic", "silver", "silver", "gold", "platinum")
# Item, category, lowest and highest price in yuan.
GOODS = {
    "delivery": (("午市套餐", "餐饮", 28, 98), ("生鲜组合", "生鲜", 39, 168), ("鲜花束", "鲜花", 79, 299)),
    "pickup": (("水果篮", "生鲜", 49, 158), ("蛋糕", "烘焙", 98, 328), ("咖啡两杯", "饮品", 26, 66)),
    "service": (("日常保洁", "家政", 99, 399), ("空调清洗", "家政", 89, 258), ("家电维修", "维修", 59, 499)),
    "store": (("美甲", "丽人", 128, 398), ("剪发", "丽人", 58, 288), ("洗车", "汽车", 35, 128)),
}  # fmt: skip
KINDS = tuple(GOODS)


def user_count(orders: int) -> int:
    """How many users a sample of so many orders has."""
    return max(8, orders // 2)


def users(orders: int, seed: int = 1, start: date = START) -> Iterator[Line]:
    """The users, in the form of input lines."""
    for number in range(user_count(orders)):
        yield _user(number, seed, start)


def events(orders: int, seed: int = 1, start: date = START, days: int = 1) -> Iterator[Line]:
    """Events in order of `received`, in the form of input lines. Before `start` lie old orders only, which make traits."""
    begin = int(datetime(start.year, start.month, start.day, tzinfo=BEIJING).timestamp())
    end = begin + days * DAY
    world = _World(orders, seed, begin, days)
    for received, _, line in heapq.merge(world.history(), _in_order(world.stories()), world.broadcasts()):
        if received < end:
            yield line


# ---- chance -------------------------------------------------------------------------------------------------------------------------


class _Dice:
    """Chance that stays the same in every release of Python: only `random()` of a seeded generator is used."""

    def __init__(self, *seed: object) -> None:
        self._random = Random("|".join(map(str, seed))).random

    def chance(self, percent: float) -> bool:
        return self._random() * 100 < percent

    def between(self, low: int, high: int) -> int:
        return low + int(self._random() * (high - low + 1))

    def pick(self, items: Sequence[Item]) -> Item:
        return items[int(self._random() * len(items))]


def _user_id(number: int) -> str:
    return f"u{number + 1:04}"


def _phone(number: int) -> str:
    return f"+86199{number + 1:08}"


def _user(number: int, seed: int, start: date) -> Line:
    dice = _Dice(seed, "user", number)
    city = dice.pick(CITIES)
    attributes: Line = {
        "city": city,
        "usual_city": city,
        "tier": dice.pick(("basic", "basic", "basic", "silver", "silver", "gold", "platinum")),
    }
    attributes["member"] = dice.chance(65)
    if dice.chance(85):  # the others were never asked
        attributes["consent_marketing"] = dice.chance(85)
    if dice.chance(60):
        # One in ten of them celebrates in the first days of the sample.
        born = start + timedelta(days=dice.between(0, 2) if dice.chance(10) else dice.between(3, 362))
        day = min(born.day, 28)
        attributes["birthday"] = date(dice.between(1955, 2006), born.month, day).isoformat()
    line: Line = {"id": _user_id(number), "phone": _phone(number), "attributes": attributes}
    if dice.chance(2):
        line["phone"] = "021-6000"  # as people type it: no number
    if dice.chance(3):
        line["timezone"] = "Asia/Urumqi"
    if dice.chance(4):
        line["suppressed"] = ["marketing"]
    return line


# ---- stories ------------------------------------------------------------------------------------------------------------------------


Entry = tuple[int, int, Line]  # (received, a number that makes the order complete, the line)


def _stamp(seconds: int) -> str:
    return datetime.fromtimestamp(seconds, UTC).astimezone(BEIJING).isoformat()


class _Story:
    """Events of one order or errand, told in steps: `then` moves the clock, `tell` adds an event."""

    def __init__(self, name: str, user: str | Line | None, at: int, dice: _Dice) -> None:
        self.name = name
        self.user = user
        self.begins = at  # nothing of it is received earlier
        self.at = at
        self.dice = dice
        self.events: list[tuple[int, Line]] = []

    def then(self, low: int, high: int) -> _Story:
        self.at += self.dice.between(low, high)
        return self

    def tell(self, type_: str, **data: Any) -> _Story:
        line: Line = {
            "id": f"{self.name}-{len(self.events) + 1:02}",
            "type": type_,
            "time": _stamp(self.at),
            "user": self.user,
            "data": data,
        }
        received = self.at
        if self.dice.chance(4):  # a shop's till or a courier's phone without network
            received += self.dice.between(20, 40 * MINUTE) if self.dice.chance(85) else self.dice.between(1 * HOUR, 6 * HOUR)
            line["received"] = _stamp(received)
        self.events.append((received, line))
        if self.dice.chance(0.5):  # sent again, because the answer was lost
            again = received + self.dice.between(1, 90)
            self.events.append((again, {**line, "received": _stamp(again)}))
        return self


def _in_order(stories: Iterable[_Story]) -> Iterator[Entry]:
    """Stories come in order of their beginning; only those that are under way are held."""
    waiting: list[Entry] = []
    counter = 0
    for story in stories:
        while waiting and waiting[0][0] < story.begins:
            yield heapq.heappop(waiting)
        for received, line in story.events:
            counter += 1
            heapq.heappush(waiting, (received, counter, line))
    while waiting:
        yield heapq.heappop(waiting)


class _World:
    def __init__(self, orders: int, seed: int, begin: int, days: int) -> None:
        self._orders = orders
        self._seed = seed
        self._begin = begin
        self._days = days
        self._users = user_count(orders)

    def history(self) -> Iterator[Entry]:
        """An old order of every second user, so that some are active, some dormant, and some turn dormant on the first day."""
        turning = self._old_orders(0, 30 * DAY - 1 * HOUR, 30 * DAY - 23 * HOUR, 6)
        others = (self._old_orders(first, 60 * DAY, 3 * DAY, 6) for first in (2, 4))
        return heapq.merge(turning, *others)

    def _old_orders(self, first: int, earliest: int, latest: int, step: int) -> Iterator[Entry]:
        """One each of every `step`-th user, spread over a span of seconds before the sample."""
        numbers = range(first, self._users, step)
        for place, number in enumerate(numbers):
            dice = _Dice(self._seed, "history", number)
            share = (place + dice.between(0, 999) / 1000) / len(numbers)
            at = self._begin - earliest + int(share * (earliest - latest))
            _, category, low, high = dice.pick(GOODS[dice.pick(KINDS)])
            amount = dice.between(low, high) * (40 if dice.chance(10) else 1)
            order = f"H{number + 1:05}"
            data = {"order_id": order, "amount": amount, "category": category}
            yield at, number, {"id": f"{order}-01", "type": "order.completed", "time": _stamp(at), "user": _user_id(number), "data": data}

    def stories(self) -> Iterator[_Story]:
        """Orders and errands, in order of their beginning."""
        for index in range(self._orders):
            dice = _Dice(self._seed, "order", index)
            at = self._time_of(index, dice)
            user = _user_id(dice.between(0, self._users - 1))
            day = datetime.fromtimestamp(at, BEIJING)
            story = _Story(f"{day:%y%m%d}{index + 1:05}", user, at, dice)
            _order(story, dice.pick(KINDS))
            yield story
            if dice.chance(60):
                errand = _Dice(self._seed, "errand", index)
                aside = _Story(f"E{index + 1:05}", _user_id(errand.between(0, self._users - 1)), at, errand)
                ERRANDS[index % len(ERRANDS)](aside, index)
                yield aside

    def _time_of(self, index: int, dice: _Dice) -> int:
        """Orders keep to the hours of a day, and to the order of their numbers."""
        share = (index + dice.between(0, 999) / 1000) * self._days / self._orders
        day, rest = divmod(share, 1)
        left = rest * sum(HOURLY)
        for hour, weight in enumerate(HOURLY):
            if left < weight:
                return self._begin + int(day) * DAY + hour * HOUR + int(left / weight * HOUR)
            left -= weight
        return self._begin + (int(day) + 1) * DAY - 1

    def broadcasts(self) -> Iterator[Entry]:
        """What the company announces to everybody, each day the same programme."""
        counter = 0
        for day in range(self._days):
            dice = _Dice(self._seed, "broadcast", day)
            morning = self._begin + day * DAY
            for at, type_, data in _programme(morning, f"{day + 1:03}", dice):
                line = {"id": f"B{day + 1:03}-{type_}-{counter}", "type": type_, "time": _stamp(at), "data": data}
                counter += 1
                yield at, counter, line


def _programme(morning: int, name: str, dice: _Dice) -> Iterator[tuple[int, str, Line]]:
    link = "https://m.example.com/"
    starts = _stamp(morning + 6 * DAY + 10 * HOUR)
    campaign = {"campaign_id": f"C{name}", "name": "夏日会员节", "starts_at": starts, "offer": dice.pick(OFFERS), "link": link + "c"}
    yield morning + 9 * HOUR, "campaign.announced", campaign
    for sale, starts_at in (("1", 20 * HOUR), ("2", 22 * HOUR + 30 * MINUTE)):  # the second one falls into quiet hours
        data = {"sale_id": f"F{name}-{sale}", "item": "酸奶一箱", "price": 29.9, "starts_at": _stamp(morning + starts_at)}
        yield morning + 9 * HOUR + int(sale) * 20 * MINUTE, "flashsale.announced", {**data, "link": link + "f"}
    _, category, _, _ = dice.pick(GOODS[dice.pick(KINDS)])
    launch = {"sku": f"S{name}", "name": "夏季新品", "category": category, "offer": dice.pick(OFFERS), "link": link + "p"}
    yield morning + 11 * HOUR, "product.launched", launch
    rash = {"campaign_id": f"X{name}", "name": "周末闪促", "starts_at": _stamp(morning + 4 * DAY + 10 * HOUR), "offer": "满50减5"}
    yield morning + 11 * HOUR + 30 * MINUTE, "campaign.announced", {**rash, "link": link + "x"}
    yield morning + 14 * HOUR, "campaign.cancelled", {"campaign_id": f"X{name}"}
    store = {"store_id": f"D{name}", "store": dice.pick(DISTRICTS), "city": dice.pick(CITIES), "address": "人民路1号", "link": link + "d"}
    yield morning + 15 * HOUR, "store.opened", store
    yield morning + 17 * HOUR, "dish.featured", {"item_id": f"M{name}", "title": "清蒸鲈鱼", "link": link + "m"}
    yield morning + 19 * HOUR + 30 * MINUTE, "show.live", {"item_id": f"L{name}", "title": "大厨直播间", "link": link + "l"}


# ---- orders -------------------------------------------------------------------------------------------------------------------------


def _order(story: _Story, kind: str) -> None:
    dice = story.dice
    item, category, low, high = dice.pick(GOODS[kind])
    amount = dice.between(low * 100, high * 100) / 100
    order = story.name
    created: Line = {"order_id": order, "item": item, "amount": amount}
    if kind in ("service", "store"):
        created["service_at"] = _stamp(_opening_hours(story.at + dice.between(2 * HOUR, 8 * HOUR)))
    if kind in ("pickup", "store"):
        created["store"] = dice.pick(DISTRICTS)
    story.tell("order.created", **created)
    if not _paid(story, amount):
        return
    story.then(30, 8 * MINUTE).tell("order.accepted", order_id=order, merchant=dice.pick(MERCHANTS[kind]))
    if dice.chance(4):
        story.then(2 * MINUTE, 15 * MINUTE).tell("order.cancelled", order_id=order, reason="用户取消")
        story.then(5 * MINUTE, 2 * HOUR).tell("refund.credited", order_id=order, amount=amount)
        return
    if not _FULFIL[kind](story, order):
        return
    done: Line = {"order_id": order, "amount": amount, "category": category}
    if dice.chance(50):
        done["review_link"] = f"https://m.example.com/r/{order}"
    story.then(1 * MINUTE, 20 * MINUTE).tell("order.completed", **done)
    points = int(amount)
    story.then(1, 30).tell("points.changed", delta=points, balance=points + dice.between(0, 5_000))
    if dice.chance(35):
        story.then(5 * MINUTE, 3 * HOUR).tell("order.reviewed", order_id=order, score=dice.between(3, 5))


def _paid(story: _Story, amount: float) -> bool:
    dice, order = story.dice, story.name
    if dice.chance(8):  # never pays
        if dice.chance(50):
            story.then(5 * MINUTE, 30 * MINUTE).tell("order.cancelled", order_id=order, reason="超时未支付")
        return False
    failures = dice.between(1, 4) if dice.chance(8) else 0
    for _ in range(failures):
        story.then(20, 3 * MINUTE).tell("payment.failed", order_id=order, amount=amount)
    if failures and dice.chance(40):
        return False
    story.then(*((16 * MINUTE, 25 * MINUTE) if dice.chance(5) else (15, 5 * MINUTE))).tell(
        "payment.succeeded", order_id=order, amount=amount
    )
    return True


def _delivery(story: _Story, order: str) -> bool:
    dice = story.dice
    story.then(10 * MINUTE, 30 * MINUTE)
    story.tell("shipment.shipped", order_id=order, carrier=dice.pick(CARRIERS), tracking_no=f"SF{dice.between(10**9, 10**10 - 1)}")
    if dice.chance(15):
        _call(story, order, "exception")
    story.then(20 * MINUTE, 90 * MINUTE).tell("shipment.delivered", order_id=order, place=dice.pick(("前台", "3号快递柜", "门口")))
    signed: Line = {"order_id": order, "signed_by": "本人"}
    if dice.chance(20):
        signed["sender_id"] = _user_id(dice.between(0, 7))
    story.then(2 * MINUTE, 60 * MINUTE).tell("shipment.signed", **signed)
    return True


def _pickup(story: _Story, order: str) -> bool:
    dice = story.dice
    story.then(10 * MINUTE, 40 * MINUTE)
    until, code = _stamp(story.at + 2 * DAY), f"{dice.between(1000, 9999)}"
    story.tell("pickup.ready", order_id=order, store=dice.pick(DISTRICTS), address="人民路1号", code=code, valid_until=until)
    if dice.chance(12):  # forgotten
        return False
    story.then(15 * MINUTE, 5 * HOUR).tell("pickup.done", order_id=order)
    return True


def _service(story: _Story, order: str) -> bool:
    dice = story.dice
    for _ in range(2 if dice.chance(10) else 1):  # now and then somebody else has to come
        story.then(5 * MINUTE, 20 * MINUTE)
        arrive, staff = _opening_hours(story.at + dice.between(1 * HOUR, 4 * HOUR)), dice.between(10, 99)
        story.tell(
            "service.assigned", order_id=order, staff=dice.pick(STAFF), staff_no=f"NO{staff}", staff_phone=f"400-820-{staff:04}",
            arrive_at=_stamp(arrive),
        )  # fmt: skip
    if dice.chance(30):
        story.then(1 * MINUTE, 10 * MINUTE).tell("service.guide", order_id=order, kind="上门流程", link="https://m.example.com/g")
    story.at = arrive - 10 * MINUTE
    _call(story, order, "visit")
    story.then(70 * MINUTE, 3 * HOUR)
    if dice.chance(20):
        _call(story, order, "followup")
    return True


def _store(story: _Story, order: str) -> bool:
    dice = story.dice
    appointment, store = f"P{order}", dice.pick(DISTRICTS)
    at = _opening_hours(story.at + dice.between(3 * HOUR, 28 * HOUR))
    story.then(10, 5 * MINUTE).tell("appointment.booked", appointment_id=appointment, store=store, at=_stamp(at))
    if dice.chance(10):
        at += 2 * HOUR
        story.then(10 * MINUTE, 40 * MINUTE).tell("appointment.booked", appointment_id=appointment, store=store, at=_stamp(at))
        _call(story, order, "change")
    if dice.chance(8):
        story.then(10 * MINUTE, 90 * MINUTE).tell("appointment.cancelled", appointment_id=appointment)
        return False
    story.at = at + dice.between(-5 * MINUTE, 10 * MINUTE)
    story.tell("appointment.kept", appointment_id=appointment)
    story.then(40 * MINUTE, 90 * MINUTE)
    return True


def _opening_hours(at: int) -> int:
    """The same instant, or half a day later when the store would be closed then."""
    return at if 9 <= datetime.fromtimestamp(at, BEIJING).hour < 21 else at + 12 * HOUR


_FULFIL: dict[str, Callable[[_Story, str], bool]] = {"delivery": _delivery, "pickup": _pickup, "service": _service, "store": _store}


def _call(story: _Story, order: str, reason: str) -> None:
    call = f"K{order}-{len(story.events)}"
    story.tell("call.planned", call_id=call, reason=reason, caller_number="4008201234", company="秒信通", order_id=order)


# ---- errands ------------------------------------------------------------------------------------------------------------------------


def _register(story: _Story, index: int) -> None:
    story.user = {"phone": f"+86198{index + 1:08}"}  # no user yet
    for _ in range(story.dice.between(1, 2)):
        story.tell("verification.requested", purpose="register", ip="203.0.113.7", device_id=f"d{index}").then(20, 80)


def _cart(story: _Story, index: int) -> None:
    story.tell("cart.abandoned", cart_id=f"T{index + 1:05}", item="生鲜组合", amount=88.0)


def _login(story: _Story, index: int) -> None:
    new = story.dice.chance(40)
    story.tell("login.attempted", ip="203.0.113.9", device_id=f"d{index}", new_device=new, city=story.dice.pick(CITIES))


def _coupon(story: _Story, index: int) -> None:
    coupon = f"Q{index + 1:05}"
    expires = story.at + 2 * DAY + story.dice.between(1 * HOUR, 20 * HOUR)
    story.tell("coupon.issued", coupon_id=coupon, offer=story.dice.pick(OFFERS), expires_at=_stamp(expires))
    if story.dice.chance(40):
        story.then(10 * MINUTE, 4 * HOUR).tell("coupon.redeemed", coupon_id=coupon)


def _account(story: _Story, index: int) -> None:
    if story.dice.chance(30):
        story.tell("account.changed", field="phone", old_phone=f"+86197{index + 1:08}")
    else:
        story.tell("account.changed", field=story.dice.pick(("password", "email", "address")))


def _pass(story: _Story, index: int) -> None:
    name, expires = f"V{index + 1:05}", _stamp(story.at + 7 * DAY + story.dice.between(1 * HOUR, 12 * HOUR))
    story.tell("pass.activated", pass_id=name, name="健身周卡", expires_at=expires)
    if story.dice.chance(30):
        story.then(1 * HOUR, 5 * HOUR).tell("pass.renewed", pass_id=name, name="健身周卡", expires_at=_stamp(story.at + 37 * DAY))


def _pay_code(story: _Story, index: int) -> None:
    for _ in range(story.dice.between(1, 4)):  # impatient: some ask again too soon
        story.tell("verification.requested", purpose=story.dice.pick(("pay", "password")), ip="198.51.100.4").then(10, 100)


def _tier(story: _Story, index: int) -> None:
    tier = story.dice.pick(("silver", "gold", "platinum"))
    story.tell("tier.upgraded", tier=tier).then(5, 60).tell(
        "benefit.credited", benefit="免配送费月卡", expires_at=_stamp(story.at + 30 * DAY)
    )


ERRANDS: tuple[Callable[[_Story, int], None], ...] = (_register, _cart, _coupon, _login, _pay_code, _account, _cart, _pass, _tier)
