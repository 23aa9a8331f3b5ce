"""Findings in Chinese. `check` speaks English; this is one table of its sentences, and what is not in it stays as it is.

Names, numbers and codes go over as they are. A test reads the sentences of every page in docs/checks.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import lru_cache
from typing import NamedTuple

from rules.findings import Finding


class Told(NamedTuple):
    """What was found, and what would be right."""

    message: str
    hint: str


def of(finding: Finding, language: str) -> Told:
    """The finding in a visitor's language."""
    if language != "zh":
        return Told(finding.message, finding.hint)
    return Told(_said(finding.message), _said(finding.hint))


@lru_cache(maxsize=4096)
def _said(text: str) -> str:
    for pattern, chinese in _SENTENCES:
        found = pattern.fullmatch(text)
        if found is not None:
            return chinese.format(*(_word(part or "") for part in found.groups()))
    return text


def _word(part: str) -> str:
    """A part of a sentence: kinds of things have words, names are left alone."""
    if part in _KINDS:
        return _KINDS[part]
    words = [_KINDS.get(word, word) for word in re.split(r" or |, ", part)]
    return (
        "或".join(words) if all(word in _KINDS for word in re.split(r" or |, ", part)) else part.replace(", ", "、").replace(" and ", "、")
    )


_KINDS = {
    "event": "事件",
    "segment": "人群",
    "template": "模板",
    "rule": "规则",
    "field": "字段",
    "key": "键",
    "operator": "运算符",
    "channel": "通道",
    "message type": "消息类型",
    "field type": "字段类型",
    "way to take": "取值方式",
    "outcome": "结果",
    "reason": "原因",
    "receipt status": "回执状态",
    "value": "值",
    "a mapping": "映射",
    "a list": "列表",
    "a text": "文本",
    "true or false": "true 或 false",
    "a whole number": "整数",
    "a number": "数字",
    "a value": "值",
    "nothing": "空",
    "a single value": "单个值",
    "a duration": "时长",
    "an event type": "事件类型",
    "a time of day": '时刻，如 "21:00"',
    "an instant": "时间点",
    "a window": "窗口",
    "a trigger": "触发",
    "a condition": "条件",
    "a rule": "规则",
    "the message": "send",
    "a cap": "频次",
    "a template": "模板",
    "a name": "名称",
    "a field": "字段",
    "a segment": "人群",
    "a string": "文本",
    "an integer": "整数",
    "a boolean": "是非值",
    "a date": "日期",
    "a datetime": "时刻",
    "a phone": "手机号",
    "a link": "链接",
    "an object": "对象",
    "the book": "规则书",
    "an event": "事件",
    "a schedule": "日程",
    "a goal": "目标",
    "a trait": "特征",
    "a variant": "分流",
    "a field declaration": "字段声明",
    "a time zone": "时区",
    "an event trigger": "事件触发",
    "a rule test": "规则测试",
    "a share": "比例",
    "a user field": "用户字段",
    "a test of a field": "字段条件",
    "operators": "运算符",
    "segments": "人群",
    "a key of a condition": "条件的键",
    "a locale": "语言",
    "a signature": "签名",
    "a day": "日期",
    "a text or a mapping": "文本或映射",
    "an empty text": "空文本",
    "an empty list": "空列表",
    "an empty mapping": "空映射",
}

_TABLE: Sequence[tuple[str, str]] = (
    # hints
    (r"did you mean `?(.+?)`?\?", "是 {0} 吗？"),
    (r"one of:? (.+)", "可以是：{0}"),
    (r"exactly one of (.+)", "只能有一个：{0}"),
    (r"at least (\S+)", "至少 {0}"),
    (r"at most (\S+)", "至多 {0}"),
    (r"leave it out, or ask for less", "去掉它，或者放宽条件"),
    (r"remove it, or use it", "去掉它，或者用上它"),
    (r"remove one, or rename it", "去掉一个，或者改名"),
    (r"save a story from the simulator as a test", "从模拟存一个测试"),
    (r"another time, or other quiet hours", "换个时间，或者换个安静时段"),
    (r"count by user or phone; pace a campaign with per_second", "按 user 或 phone 计数；活动的快慢用 per_second 控制"),
    (r"write \{\{ code \}\} where the code belongs", "在验证码的位置写 {{{{ code }}}}"),
    (r"type: marketing", "type: marketing"),
    (r"narrow with `when`", "用 when 缩小范围"),
    (r"let one of them ask the user", "让其中一个直接看用户字段"),
    (r"a share below 100%", "比例要低于 100%"),
    (r"move one of the two", "两者挪一个"),
    (r"leave one of the two out", "去掉其中一个"),
    (r"write two rules", "写成两条规则"),
    (r"change one of them, or take `any`", "改其中一个，或者用 any"),
    (r"use another template, or another trigger", "换个模板，或者换个触发"),
    (r"write (.+), or (.+), or ask in `when` that it exists", "写 {0}，或 {1}，或者在 when 里要求它存在"),
    (r"let conditions on one field exclude each other, or make one rule of them", "让同一字段的条件互相排斥，或者合成一条规则"),
    (r"a list shows its members by itself: (.+)", "列表会自己列出成员：{0}"),
    (r"(\{.+\}) matches by the user", "写 {0} 就按用户对"),
    (r"use `exists: false`", "用 exists: false"),
    (r"a list is asked with `contains`", "列表用 contains 判断"),
    (r"fallback_after below (.+)", "fallback_after 要小于 {0}"),
    (r"it has: (.+)", "它有：{0}"),
    (r"(\d+) fit in one part, (\d+) in two", "一条 {0} 字，两条 {1} 字"),
    (r"put a text that holds a colon and a space in quotes, or look at the indentation", "含“冒号加空格”的文本要加引号；也检查一下缩进"),
    (r"put a text that begins with this character in quotes", "以这个字符开头的文本要加引号"),
    (r"look at the indentation and for a missing quote, bracket or comma just before", "检查缩进，以及前面有没有漏掉引号、括号或逗号"),
    (r"YAML is indented with spaces", "YAML 用空格缩进"),
    (r"a mapping; leave the section out if it is empty", "要一个映射；没有内容就去掉这一节"),
    (r"sections: (.+)", "可以有的节：{0}"),
    (r"(.+) has (.+)", "{0}要有 {1}"),
    (r"an event type such as order\.created: words with dots between them", "事件类型，如 order.created"),
    (r"a duration such as 30s, 10m, 24h, 3d or 2w", "时长，如 30s、10m、24h、3d、2w"),
    # structure
    (
        r"unknown (key|operator|channel|message type|field type|way to take|outcome|reason|receipt status|value) \"?(.+?)\"?",
        "没有叫 {1} 的{0}",
    ),
    (r"unknown filter `(.+)`", "没有叫 {0} 的过滤器"),
    (r"wrong arguments for the filter `(.+)`", "过滤器 {0} 的参数不对"),
    (r"`(.+)` is missing", "缺少 {0}"),
    (r"none of (.+)", "{0} 一个都没有"),
    (r"(\S+) beside (\S+)", "{0} 和 {1} 不能并列"),
    (r"(.+) is there twice: first at (.+)", "{0} 出现了两次，第一次在 {1}"),
    (r"(.+) is there twice", "{0} 出现了两次"),
    (r"(a mapping|a list|a text|nothing|a single value|\".*\"|-?[\d.]+|true|false) is not (.+)", "{0} 不是{1}"),
    (r"(.+) at the top of the file", "文件的最外层是{0}"),
    (r"(nothing|a list|a mapping|a single value) as (\S+)", "{1} 是{0}"),
    (r"a mapping such as (.+)", "映射，如 {0}"),
    (
        r"a value, a list of values, or operators such as (.+); exists: false is true where nothing is",
        "值、值的列表，或运算符，如 {0}；没有值时用 exists: false",
    ),
    (r"a field with its root, such as (.+)", "带前缀的字段，如 {0}"),
    (r"not YAML: (.+)", "YAML 读不通：{0}"),
    (r"a tab in the indentation", "缩进里有制表符"),
    (r"(.+) is too small", "{0} 太小"),
    (r"(.+) is too large", "{0} 太大"),
    (r"an empty (text|list|mapping)", "是空的"),
    # names and types
    (r"no (event|segment|template|rule) is called (.+)", "没有叫 {1} 的{0}"),
    (r"no field of (.+) is called (.+)", "{0} 没有叫 {1} 的字段"),
    (r"(.+) is not declared", "{0} 没有登记"),
    (r"(.+) is not a value of (.+)", "{0} 不是 {1} 的取值"),
    (r"(\S+) is (an? .+), (.+) is not", "{0} 是{1}，{2} 不是"),
    (r"(\S+) does not work on (.+), which is (.+)", "{0} 不能用于 {1}，它是{2}"),
    (r"null equals nothing: (.+) is never null here", "null 不等于任何值：这里 {0} 不会是 null"),
    (r"not a pattern of RE2: (.+)", "不是 RE2 正则：{0}"),
    (r"a circle of segments: (.+)", "人群互相引用成了圈：{0}"),
    # texts
    (r"(.+) may be missing when (.+) sends; the text then cannot be rendered", "{1} 发送时 {0} 可能缺失，缺了就渲染不出来"),
    (r"about (\d+) characters as (.+) sends it, that is (\d+) parts", "{1} 发出时约 {0} 字，计 {2} 条"),
    (r"about (\d+) characters as (.+) sends it; over (\d+) nothing is sent", "{1} 发出时约 {0} 字；超过 {2} 字就不发"),
    (r"only a verification message has a code; (.+) is of type (.+)", "只有验证码消息有 code；{0} 的类型是 {1}"),
    (r"a verification message without its code", "验证码消息里没有验证码"),
    (r"a code that is good for (.+), more than (\d+) minutes", "验证码有效 {0}，超过 {1} 分钟"),
    (r"marketing by sms does not say how to refuse it(?: \((.+)\))?", "营销短信没有写退订办法（{0}）"),
    (r"(.+) sends greetings as a notification; operators count them as marketing", "{0} 用通知发祝福；运营商算作营销"),
    (r"the trigger of (.+) does not always have (.+), which the text shows(?: \(template (.+)\))?", "{0} 的触发不一定带 {1}，而文本要用它"),
    (r"loops are not allowed", "不能写循环"),
    (r"calls are not allowed", "不能写调用"),
    (r"arithmetic is not allowed", "不能写算式"),
    # logic
    (r"`(.+)`(.*) always holds", "{0} 总是成立"),
    (r"`(.+)` can never hold(.*)", "{0} 永远不成立"),
    (r"(.+) and (.+) both send (.+) for one (.+)", "{0} 和 {1} 会为同一个 {3} 各发一次 {2}"),
    (r"everybody is held out of (.+)", "{0} 的人全在对照组里"),
    (r"it is due in quiet hours, which drop it", "到点正在安静时段，会被丢弃"),
    (r"it is due in quiet hours and has expired \(valid_for: (.+)\) when they end", "到点正在安静时段，等结束时已过期（valid_for: {0}）"),
    (r"(.+) is past when the event arrives, so this is always too late", "事件到达时 {0} 已经过去，所以总是太迟"),
    (
        r"(.+) per (.+) for everybody together: whoever comes first takes it from the others",
        "所有人合计每 {1} 只有 {0} 条：先到的人占掉别人的名额",
    ),
    (r"no cap limits how much marketing a person gets(?: \((.+)\))?", "没有频次限制一个人收到多少营销（{0}）"),
    (r"(.+) is about (.+), (.+) about (.+): they never match", "{0} 的业务对象是 {1}，{2} 的是 {3}：对不上"),
    (r"no rule test expects a message or a verdict of (.+)", "{0} 还没有测试"),
    (r"no rule needs the (event|segment|template) (.+)", "没有规则用到{0} {1}"),
    (r"quiet hours from (.+) to (.+)", "安静时段从 {0} 到 {1}"),
    (r"active until (.+), which is not after (.+)", "生效期到 {0}，并不晚于 {1}"),
    (r"(.+) per (.+) is never reached beside (.+) per (.+)", "有了每 {3} {2} 条，每 {1} {0} 条永远到不了"),
    (
        r"an audience is for schedules and broadcasts; this trigger says itself who is meant",
        "audience 用于日程和广播；这个触发本身就说明了是谁",
    ),
    (r"(.+) cannot be read (.+): there is no (.+)", "{0} 在这里读不到：没有 {2}"),
    (r"a segment asks about the user, whom nobody knows in (.+)", "人群要看用户，而这里没有用户"),
)
_SENTENCES = tuple((re.compile(pattern), chinese) for pattern, chinese in _TABLE)
