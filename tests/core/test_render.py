"""Texts: values by type and filter, missing ones, tests, languages, and that what customers write stays harmless in them."""

from __future__ import annotations

import time
from datetime import date
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.core import zones
from engine.core.facts import Event, Scope
from engine.core.fields import Field, Fields
from engine.core.render import TemplateError, compile_content, compile_text, masked
from engine.core.sanitise import sanitise
from rules.model import Content, FieldDef
from rules.template import parse

SHANGHAI = zones.zone("Asia/Shanghai")
TYPES = {
    "s": "string", "t": "string", "n": "number", "i": "integer", "b": "boolean", "d": "date", "at": "datetime", "p": "phone", "u": "link",
    "list": "list", "o": "object", "any": "any",
}  # fmt: skip
TIER = FieldDef(("user", "attributes", "tier"), "tier", "string", enum={"gold": "金卡", "basic": "普通"})
TIERS = FieldDef((), "tiers", "list", items=TIER)
SIZE = FieldDef((), "size", "integer", enum={1: "小", 2: "大"})


def declared(key: str, type: str, definition: FieldDef | None = None) -> Field:
    def read(scope: Scope) -> Any:
        assert scope.event is not None
        return scope.event.data.get(key)

    return Field(f"e.{key}", "e", type, read, None, definition)


FIELDS = Fields(
    {f"e.{key}": declared(key, type) for key, type in TYPES.items()}
    | {"e.tier": declared("tier", "string", TIER), "e.tiers": declared("tiers", "list", TIERS), "e.size": declared("size", "integer", SIZE)}
)


def scope(locale: str = "zh_CN", code: str = "", zone: str = "Asia/Shanghai", **data: Any) -> Scope:
    return Scope(0, zones.zone(zone), Event("1", "t", 0, data), locale=locale, code=code)


def render(source: str, locale: str = "zh_CN", code: str = "", zone: str = "Asia/Shanghai", **data: Any) -> str:
    return compile_text(parse(source), FIELDS, SHANGHAI)(scope(locale, code, zone, **data))


def at(text: str) -> int:
    return zones.parse_instant(text, SHANGHAI)


@pytest.mark.parametrize(
    ("source", "data", "expected"),
    [
        ("100% {{ e.s }} %s {}", {"s": "a%sb"}, "100% a%sb %s {}"),
        ("{{ e.i }}", {"i": 7}, "7"),
        ("{{ e.i }}", {"i": -(2**63)}, "-9223372036854775808"),
        ("{{ e.n }}", {"n": 12.5}, "12.5"),
        ("{{ e.n }}", {"n": 199.0}, "199"),
        ("{{ e.n }}", {"n": -0.0}, "0"),
        ("{{ e.n }}", {"n": 0.1}, "0.1"),
        ("{{ e.n }}", {"n": 1e-7}, "0.0000001"),
        ("{{ e.n }}", {"n": 1.5e16}, "15000000000000000"),
        ("{{ e.n }}", {"n": 1e30}, "1000000000000000019884624838656"),
        ("{{ e.b }}", {"b": True}, "是"),
        ("{{ e.b }}", {"b": False}, "否"),
        ("{{ e.d }}", {"d": date(2026, 6, 3)}, "2026-06-03"),
        ("{{ e.at }}", {"at": at("2026-06-03T22:00:59.999")}, "2026-06-03 22:00"),
        ("{{ e.p }}", {"p": "+8613800138000"}, "+8613800138000"),
        ("{{ e.u }}", {"u": "https://m.example.com/a?b=c"}, "https://m.example.com/a?b=c"),
        ("{{ e.list }}", {"list": ["苹果", 2, None, True, 1.5]}, "苹果、2、是、1.5"),
        ("{{ e.list }}", {"list": []}, ""),
        ("{{ e.o }}", {"o": {"a": 1, "b": [2, 3], "c": None}}, "a:1、b:2、3"),
        ("{{ e.any }}", {"any": 3}, "3"),
        ("{{ e.any }}", {"any": date(2026, 6, 3)}, "2026-06-03"),
        ("{{ e.n | money }}", {"n": 12}, "12.00"),
        ("{{ e.n | money }}", {"n": 12.5}, "12.50"),
        ("{{ e.n | money }}", {"n": 12.34}, "12.34"),
        ("{{ e.n | money }}", {"n": 2.675}, "2.68"),
        ("{{ e.n | money }}", {"n": 0.005}, "0.01"),
        ("{{ e.n | money }}", {"n": -1.005}, "-1.01"),
        ("{{ e.n | money }}", {"n": 1e-9}, "0.00"),
        ("{{ e.n | money }}", {"n": 1234567.891}, "1234567.89"),
        ("{{ e.n | money }}", {"n": 1e22}, "10000000000000000000000.00"),
        ("{{ e.d | date }}", {"d": date(2026, 6, 3)}, "2026-06-03"),
        ("{{ e.at | date }}", {"at": at("2026-06-03T22:00")}, "2026-06-03"),
        ("{{ e.at | time }}", {"at": at("2026-06-03T22:00")}, "22:00"),
        ("{{ e.at | datetime }}", {"at": at("2026-06-03T22:00")}, "2026-06-03 22:00"),
        ("{{ e.i | duration }}", {"i": 183_600}, "2天3小时"),
        ("{{ e.i | duration }}", {"i": 5400}, "1小时30分钟"),
        ("{{ e.i | duration }}", {"i": 61}, "1分钟1秒"),
        ("{{ e.i | duration }}", {"i": 0}, "0秒"),
        ("{{ e.n | duration }}", {"n": 59.9}, "59秒"),
        ("{{ e.s | duration }}", {"s": "90m"}, "1小时30分钟"),
        ("{{ e.s | duration }}", {"s": "2w"}, "14天"),
        ("{{ e.p | mask }}", {"p": "+8613800138000"}, "138****8000"),
        ("{{ e.s | mask }}", {"s": "张三"}, "张*"),
        ("{{ e.s | upper }}{{ e.s | lower }}", {"s": "aBc"}, "ABCabc"),
        ("{{ e.s | truncate(3) }}", {"s": "一二三四"}, "一二三"),
        ("{{ e.s | truncate(9) }}", {"s": "一二三四"}, "一二三四"),
        ("{{ e.s | truncate(2) | upper }}", {"s": "abc"}, "AB"),
        ("{{ e.tier | label }}", {"tier": "gold"}, "金卡"),
        ("{{ e.size | label }}", {"size": 2}, "大"),
        ("{{ e.tiers | label }}", {"tiers": ["gold", "basic"]}, "金卡、普通"),
        ("{{ e.s | default('无') }}", {}, "无"),
        ("{{ e.s | default('无') }}", {"s": ""}, ""),
        ("{{ e.s | default('无') }}", {"s": "有"}, "有"),
        ("{{ e.n | default(0) | money }}", {}, "0.00"),
        ("{{ e.n | money | default('面议') }}", {}, "面议"),
        ("{{ e.at | time | default('待定') }}", {}, "待定"),
        ("{{ e.b | default(false) }}", {}, "否"),
        ("{{ e.s | default('a') | upper }}", {}, "A"),
        ("{{ e.u | default('见官网 www.example.com') }}", {}, "见官网 www.example.com"),
        ("{{ e.s | default(1.50) }}", {}, "1.5"),
    ],
)
def test_values(source: str, data: dict[str, Any], expected: str) -> None:
    assert render(source, **data) == expected


@pytest.mark.parametrize(
    ("source", "data", "expected"),
    [
        ("{{ e.b }}", {"b": True}, "true"),
        ("{{ e.list }}", {"list": ["a", "b"]}, "a, b"),
        ("{{ e.i | duration }}", {"i": 183_600}, "2d 3h"),
        ("{{ e.i | duration }}", {"i": 0}, "0s"),
    ],
)
def test_other_languages(source: str, data: dict[str, Any], expected: str) -> None:
    assert render(source, locale="en_US", **data) == expected


def test_instants_are_shown_in_the_recipients_zone() -> None:
    assert render("{{ e.at }} {{ e.at | date }}", zone="America/New_York", at=at("2026-06-03T10:00")) == "2026-06-02 22:00 2026-06-02"


@pytest.mark.parametrize(
    ("source", "data"),
    [
        ("{{ e.s }}", {}),
        ("{{ e.s | upper }}", {}),
        ("{{ code }}", {}),
        ("{{ e.s | money }}", {"s": "12"}),
        ("{{ e.b | money }}", {"b": True}),
        ("{{ e.at | money }}", {"at": 1}),
        ("{{ e.at | duration }}", {"at": 1}),
        ("{{ e.s | date }}", {"s": "2026-06-03"}),
        ("{{ e.d | time }}", {"d": date(2026, 6, 3)}),
        ("{{ e.d | datetime }}", {"d": date(2026, 6, 3)}),
        ("{{ e.n | upper }}", {"n": 1}),
        ("{{ e.n | truncate(1) }}", {"n": 11}),
        ("{{ e.i | mask }}", {"i": 13800138000}),
        ("{{ e.i | duration }}", {"i": -1}),
        ("{{ e.s | duration }}", {"s": "soon"}),
        ("{{ e.s | label }}", {"s": "gold"}),
        ("{{ e.tier | label }}", {"tier": "iron"}),
        ("{{ e.tiers | label }}", {"tiers": [["gold"]]}),
        ("{{ e.any | money }}", {"any": "1"}),
        ("{{ e.any | date }}", {"any": 1}),
        ("{{ e.n }}", {"n": float("inf")}),
        ("{{ e.n | money }}", {"n": float("nan")}),
        ("{{ e.n | duration }}", {"n": float("inf")}),
        ("{{ e.n }}", {"n": 10**5000}),
        ("{{ e.n | money }}", {"n": 10**5000}),
        ("{{ e.i | duration }}", {"i": 10**5000}),
        ("{{ e.at }}", {"at": 10**30}),
        ("{{ e.at | date }}", {"at": -(10**18)}),
        ("{{ e.list }}", {"list": [[[[[[[[[[1]]]]]]]]]]}),
        ("{{ e.u }}", {"u": "javascript:alert(1)"}),
        ("{{ e.u }}", {"u": "https://x.com/【银行】"}),
        ("{{ e.u }}", {"u": "https://x.com/\u202e"}),
        ("{{ e.u }}", {"u": "https://x.com 点这里"}),
        ("{{ e.u }}", {"u": "https://a.com@b.com"}),
        ("{{ e.u | upper }}", {"u": "https://x.com"}),
        ("{{ e.u | truncate(5) }}", {"u": "https://x.com"}),
    ],
)
def test_what_cannot_be_shown_is_a_template_error_that_names_the_field(source: str, data: dict[str, Any]) -> None:
    with pytest.raises(TemplateError) as caught:
        render(source, **data)

    assert caught.value.field in source
    assert caught.value.reason
    assert len(str(caught.value)) < 200


@pytest.mark.parametrize("value", [1e308, -1e308, 5e-324, 2**4000, 10**400])
def test_gigantic_numbers_are_only_long(value: float) -> None:
    assert set(render("{{ e.n }}", n=value)) <= set("-.0123456789")
    assert render("{{ e.n | money }}", n=value)[-3] == "."


@pytest.mark.parametrize(
    ("test", "data", "expected"),
    [
        ("e.s", {}, False),
        ("e.s", {"s": ""}, False),
        ("e.s", {"s": "x"}, True),
        ("e.n", {"n": 0}, False),
        ("e.b", {"b": False}, False),
        ("e.list", {"list": []}, False),
        ("e.at", {"at": 0}, True),
        ("not e.s", {}, True),
        ("e.s == 'x'", {"s": "x"}, True),
        ("e.s == 'x'", {}, False),
        ("e.s != 'x'", {}, False),
        ("not e.s == 'x'", {}, True),
        ("e.s != 'x'", {"s": "y"}, True),
        ("e.n == 1", {"n": 1.0}, True),
        ("e.n == '1'", {"n": 1}, False),
        ("e.n != '1'", {"n": 1}, True),
        ("e.b == 1", {"b": True}, False),
        ("e.b == true", {"b": True}, True),
        ("e.s > 3", {"s": "4"}, False),
        ("e.b > 0", {"b": True}, False),
        ("1 < e.n <= 3", {"n": 3}, True),
        ("1 < e.n <= 3", {"n": 1}, False),
        ("3 > e.n", {"n": 2}, True),
        ("e.s < 'b'", {"s": "a"}, True),
        ("e.s == e.t", {"s": "a", "t": "a"}, True),
        ("e.s == e.t", {"s": "a"}, False),
        ("e.s in ['a', 'b']", {"s": "b"}, True),
        ("e.s not in ['a', 'b']", {"s": "b"}, False),
        ("e.s not in ['a']", {}, False),
        ("e.n in [1, 2]", {"n": True}, False),
        ("'a' in e.list", {"list": ["a"]}, True),
        ("'a' in e.s", {"s": "cat"}, True),
        ("1 in e.s", {"s": "1"}, False),
        ("'a' in e.n", {"n": 1}, False),
        ("e.list == e.list", {"list": [1]}, True),
        ("e.list < e.list", {"list": [1]}, False),
        ("e.s and e.n > 1 or e.b", {"b": True}, True),
        ("e.at > '2026-06-03T10:00'", {"at": at("2026-06-03T10:01")}, True),
        ("e.at >= '2026-06-03T02:00Z'", {"at": at("2026-06-03T10:00")}, True),
        ("'2026-06-04' > e.at", {"at": at("2026-06-03T10:00")}, True),
        ("e.at > 'soon'", {"at": 1}, False),
        ("e.at > 0", {"at": 1}, False),
        ("e.at == e.n", {"at": 1, "n": 1}, False),
        ("e.d == '2026-06-03'", {"d": date(2026, 6, 3)}, True),
        ("e.d in ['2026-06-02', '2026-06-03']", {"d": date(2026, 6, 3)}, True),
        ("e.d < e.at", {"d": date(2026, 6, 3), "at": 1}, False),
        ("code == '1'", {}, False),
    ],
)
def test_tests(test: str, data: dict[str, Any], expected: bool) -> None:
    assert render("{% if " + test + " %}yes{% else %}no{% endif %}", **data) == ("yes" if expected else "no")


def test_elif_and_nothing_else() -> None:
    source = "a{% if e.n == 1 %}1{% elif e.n == 2 %}2{{ e.s }}{% endif %}b"

    assert [render(source, n=n, s="x") for n in (1, 2, 3)] == ["a1b", "a2xb", "ab"]


def test_the_code_is_ours_and_stays_as_it_is() -> None:
    assert render("验证码{{ code }}", code="******") == "验证码******"


def test_unknown_fields_and_broken_sources_do_not_compile() -> None:
    with pytest.raises(KeyError, match=r"e\.unknown"):
        compile_text(parse("{{ e.unknown }}"), FIELDS)
    with pytest.raises(ValueError, match="loops"):
        compile_text(parse("{% for x in e.list %}{% endfor %}"), FIELDS)


HOSTILE: list[Any] = [
    "【招商银行】", "】【", "http://x.com", "https://x.com/a?b", "x.com", "www.x.com", "ｗｗｗ．ｘ．ｃｏｍ", "ht【】tp://x.com",
    "x.c\u200bom", "\u202ex.com\u202c", "a\r\nb", "\x00", "\ud800", "\ufeff", "{{ code }}", "{% if 1 %}", "%s%s%s%n", "{0}{1}", "例子.中国",
    "1.2.3.4/a",
    "mailto:a@b.cn", "javascript:x",
    "\U000e0041", "\u2028", "a" * 100_000, "x.com" * 20_000, "【" * 100_000, ".中国/" * 10_000,
    "http:", "//x.com", "x.", "com", "www", ".x", "1e999", "%",
]  # fmt: skip


@pytest.mark.parametrize("value", HOSTILE, ids=lambda value: ascii(value)[:30])
@pytest.mark.parametrize(
    ("source", "key"),
    [
        ("你好{{ e.s }}，", "s"), ("{{ e.s | upper }}", "s"), ("{{ e.s | lower }}", "s"), ("{{ e.s | mask }}", "s"),
        ("{{ e.s | truncate(5) }}", "s"),
        ("{{ e.any }}", "any"), ("{{ e.p }}", "p"), ("{{ e.list }}", "list"), ("{{ e.o }}", "o"),
    ],
)  # fmt: skip
def test_hostile_values_leave_no_trace(source: str, key: str, value: str) -> None:
    shaped: Any = [value, "x"] if key == "list" else {value: {"k": value}} if key == "o" else value
    started = time.process_time()
    text = render(source, **{key: shaped})

    assert time.process_time() - started < 5  # seconds; what grows with the square would take minutes
    assert sanitise(text) == text


@pytest.mark.parametrize(
    ("source", "data", "expected"),
    [
        ("{{ e.s }}{{ e.t }}", {"s": "http:", "t": "//x"}, ""),
        ("{{ e.s }}.{{ e.t }}", {"s": "x", "t": "com"}, ""),
        ("看{{ e.s }}.{{ e.t }}吧", {"s": "x", "t": "com"}, "看吧"),
        ("{{ e.s }}{% if e.b %}-{% endif %}{{ e.t }}", {"s": "www.", "t": "x", "b": False}, ""),
        ("{{ e.s }}{% if e.b %}，{% endif %}{{ e.t }}", {"s": "www.", "t": "x", "b": True}, "www.，x"),
        ("{% if e.s %}{{ e.s }}{% endif %}{% if e.t %}{{ e.t }}{% endif %}", {"s": "www.", "t": "x"}, ""),
        ("{{ e.s }}{{ e.t | default('a') }}", {"s": "www."}, ""),
        ("{{ e.s }} {{ e.t }}", {"s": "http:", "t": "//x"}, "http: //x"),
        ("{{ e.s }}:{{ e.t }}", {"s": "12", "t": "30"}, "12:30"),
        ("{{ e.n }}/{{ e.s }}", {"n": 3.5, "s": "份"}, "3.5/份"),
        ("{{ e.u }}{{ e.s }}", {"u": "https://x.com/", "s": "a.cn"}, "https://x.com/"),
        ("{{ e.s }}{{ e.u }}", {"s": "a", "u": "https://x.com/"}, "ahttps://x.com/"),
        ("https://m.example.com/{{ e.s }}/{{ e.t }}", {"s": "A1", "t": "B2"}, "https://m.example.com/A1/B2"),
    ],
)
def test_values_that_touch_make_no_link_together(source: str, data: dict[str, Any], expected: str) -> None:
    assert render(source, **data) == expected


@settings(max_examples=150, deadline=None)
@given(st.text(max_size=20), st.text(alphabet="htp:/w.x中国com【】\u200b-", max_size=12), st.text(alphabet="htp:/w.x中国com1", max_size=8))
def test_a_text_of_values_alone_is_always_clean(first: str, second: str, third: str) -> None:
    text = render("{{ e.s }}{{ e.t }}{% if e.list %}.{{ e.any }}{% endif %}", s=first, t=second, any=third, list=[1])

    assert sanitise(text) == text


# ---- contents -------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("texts", "locale", "expected"),
    [
        ({"": "默认"}, "en", "默认"),
        ({"zh_CN": "简", "zh_TW": "繁", "en": "en"}, "zh_TW", "繁"),
        ({"zh_CN": "简", "zh_TW": "繁", "en": "en"}, "zh-tw", "繁"),
        ({"zh_CN": "简", "zh_TW": "繁", "en": "en"}, "en_GB", "en"),
        ({"zh_CN": "简", "zh_TW": "繁", "en": "en"}, "zh_HK", "简"),
        ({"zh_CN": "简", "en_US": "us"}, "en_GB", "us"),
        ({"zh_CN": "简", "en": "en"}, "ja", "简"),
        ({"zh_CN": "简", "en": "en"}, "", "简"),
        ({"": "默认", "en": "en"}, "ja", "默认"),
        ({"fr": "fr", "en": "en"}, "ja", "en"),
    ],
)
def test_a_text_is_chosen_by_language(texts: dict[str, str], locale: str, expected: str) -> None:
    render_text = compile_content(Content((), "sms", texts), FIELDS, "zh_CN")

    assert [render_text(scope(locale)), render_text(scope(locale))] == [expected, expected]


def test_other_channels_render_their_tree() -> None:
    data = {"media": "VM_1001", "params": {"store": "{{ e.s }}"}, "lines": ("订单{{ e.i }}", 3), "silent": True, "none": None}
    content = Content((), "video_sms", data=data)

    rendered = compile_content(content, FIELDS, "zh_CN")(scope(s="【徐汇店】", i=5))

    assert rendered == {"media": "VM_1001", "params": {"store": "徐汇店"}, "lines": ["订单5", 3], "silent": True, "none": None}
    assert type(rendered) is dict
    assert type(rendered["params"]) is dict


def test_masked_values() -> None:
    inner = {"pin": FieldDef((), "pin", "string", secret=True), "city": FieldDef((), "city", "string")}
    cases = [
        (declared("x", "string", FieldDef((), "x", "string", secret=True)), "7788", "******"),
        (declared("x", "string", FieldDef((), "x", "string", personal=True)), "上海市徐汇区某某路100号2单元", "上海市****号2单元"),
        (declared("x", "integer", FieldDef((), "x", "integer", personal=True)), 42, "****"),
        (declared("x", "phone"), "+8613800138000", "138****8000"),
        (
            declared("x", "object", FieldDef((), "x", "object", properties=inner)),
            {"pin": "1", "city": "沪", "z": 1},
            {"pin": "******", "city": "沪", "z": 1},
        ),
        (declared("x", "list", FieldDef((), "x", "list", items=inner["pin"])), ["1"], ["******"]),
        (declared("x", "string", FieldDef((), "x", "string", secret=True)), None, None),
        (declared("x", "string"), "open", "open"),
    ]

    assert [masked(field, value) for field, value, _ in cases] == [shown for _, _, shown in cases]


@settings(max_examples=100, deadline=None)
@given(st.text(max_size=20), st.text(max_size=20))
def test_marks_change_nothing_but_the_marks(first: str, second: str) -> None:
    """What came from a value can be told, also where two values touch; without the marks the text is what leaves."""
    sources = (
        "甲{{ e.s }}乙{{ e.t }}丙",
        "{{ e.s }}{{ e.t }}",
        "{{ e.s }}.{{ e.t }}!",
        "{% if e.n %}{{ e.n }}{% else %}无{{ e.s }}{% endif %}{{ e.u }}",
    )
    for source in sources:
        asked = scope(s=first, t=second, u="https://a.example/x")
        plain = compile_text(parse(source), FIELDS, SHANGHAI)(asked)
        marked = compile_text(parse(source), FIELDS, SHANGHAI, mark=lambda text: f"\ue000{text}\ue001")(asked)

        assert marked.replace("\ue000", "").replace("\ue001", "") == plain.replace("\ue000", "").replace("\ue001", "")


def test_marks_stand_around_values_alone() -> None:
    """Filters and the author's own words included."""
    text = compile_text(parse("您的{{ e.s }}共{{ e.n | money }}元"), FIELDS, SHANGHAI, mark=lambda value: f"[{value}]")(scope(s="茶", n=3))

    assert text == "您的[茶]共[3.00]元"
