"""What completion offers beyond the names of a book: sample values, and what the words of the schema mean, in English and Chinese."""

from __future__ import annotations

from collections.abc import Mapping

Words = tuple[tuple[str, str, str], ...]  # word, English, Chinese
Meanings = Mapping[str, tuple[str, str]]

TAGS: Words = (
    ("if", "what follows only if this holds", "条件成立才写"),
    ("elif", "else, if this holds", "否则如果"),
    ("else", "else", "否则"),
    ("endif", "the end of if", "条件到此为止"),
)
_DURATIONS: Words = (
    ("30s", "30 seconds", "30 秒"),
    ("10m", "10 minutes", "10 分钟"),
    ("1h", "one hour", "1 小时"),
    ("24h", "24 hours", "24 小时"),
    ("3d", "3 days; in offsets and ages calendar days", "3 天；在偏移和时长条件里按日历算"),
    ("2w", "2 weeks", "2 周"),
)
_DAYS: Words = (
    ("0d", "on the day", "当天"),
    ("1d", "the day before", "前一天"),
    ("3d", "three days before", "提前三天"),
    ("7d", "a week before", "提前一周"),
)
# By definition of the schema.
SAMPLES: Mapping[str, Words] = {
    "duration": _DURATIONS,
    "durations": _DURATIONS,
    "dayDuration": _DAYS,
    "dayDurations": _DAYS,
    "time": (
        ("09:00", "nine in the morning", "上午九点"),
        ("10:00", "ten in the morning", "上午十点"),
        ("21:00", "nine in the evening", "晚上九点"),
    ),
    "at": (
        ("+0s", "at the first event", "首个事件时"),
        ("+1h", "an hour later", "一小时后"),
        ("+1d", "the next day", "第二天"),
    ),
    "day": (("today", "today", "今天"),),
}
# By format.
FORMAT_SAMPLES: Mapping[str, Words] = {
    "hongyan-window": (
        ("60s", "the last 60 seconds", "最近 60 秒"),
        ("1h", "the last hour", "最近 1 小时"),
        ("24h", "the last 24 hours", "最近 24 小时"),
        ("7d", "the last 7 days", "最近 7 天"),
        ("day", "the running day", "自然日"),
        ("week", "the running week, from Monday", "自然周，周一开始"),
        ("month", "the running month", "自然月"),
        ("ever", "ever: once for all", "永久"),
    ),
    "hongyan-share": (
        ("10%", "one in ten", "十分之一"),
        ("5%", "one in twenty", "二十分之一"),
    ),
    "hongyan-cron": (
        ("0 10 * * 1", "Mondays at ten", "每周一十点"),
        ("0 10 1 * *", "the first of each month at ten", "每月 1 日十点"),
    ),
}
_TYPES: Meanings = {
    "verification": ("a code that somebody asked for", "验证码"),
    "notification": ("about the user's own affairs", "通知"),
    "marketing": ("an offer; needs consent", "营销，须同意"),
}
# By definition or title.
ENUM_WORDS: Mapping[str, Meanings] = {
    "messageTypeName": _TYPES,
    "channelName": {
        "sms": ("short message", "短信"),
        "video_sms": ("video message", "视频短信"),
        "caller_card": ("caller card", "来电名片"),
        "email": ("e-mail", "邮件"),
        "push": ("push message", "推送"),
        "webhook": ("webhook", "回调"),
    },
    "fieldType": {
        "string": ("a text", "文本"),
        "integer": ("a whole number", "整数"),
        "number": ("a number", "数字"),
        "boolean": ("true or false", "是或否"),
        "date": ("a calendar day", "日期"),
        "datetime": ("an instant", "时刻"),
        "phone": ("a phone number", "手机号"),
        "link": ("the only type from which a URL reaches a text", "网址，只有它能把网址带进正文"),
        "list": ("a list", "列表"),
        "object": ("fields below it", "对象，下面还有字段"),
    },
    "way to take": {
        "latest": ("of the latest event", "最近一次的值"),
        "first": ("of the first event", "第一次的值"),
        "count": ("how many", "次数"),
        "sum": ("the sum", "求和"),
        "min": ("the least", "最小值"),
        "max": ("the greatest", "最大值"),
        "distinct": ("the different values", "出现过的不同值"),
    },
}
OTHER_WORDS: Meanings = {
    **_TYPES,
    "all": ("everything", "全部"),
    "skip": ("do not send", "不发"),
    "send": ("send all the same", "照发"),
    "user": ("the same user", "同一用户"),
    "year": ("every year", "每年"),
    "defer": ("leave at the end", "推迟到静默结束"),
    "drop": ("never", "不再发"),
    "refuse": ("sent back", "退回"),
    "accept": ("taken", "接受"),
    "schedule": ("a timer", "排定"),
    "cancel": ("cancelled", "取消"),
    "delivered": ("delivered", "已送达"),
    "undelivered": ("not delivered", "未送达"),
    "rejected": ("rejected", "被拒绝"),
    "none": ("silence", "没有回执"),
}
COUNTED_BY: Meanings = {
    "user": ("each user", "每个用户"),
    "phone": ("each number", "每个号码"),
    "all": ("everybody together", "所有人合在一起"),
    "phone_prefix": ("numbers that differ in the last four digits alone", "只差末四位的号码合在一起"),
    "ip_network": ("each network of event.ip", "event.ip 所在的每个网段"),
}
