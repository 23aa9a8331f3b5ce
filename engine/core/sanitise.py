"""What a customer or a merchant wrote, made fit to stand in a signed text: no signature, no link, nothing that hides.

Removed are 【 and 】; characters that show nothing (controls, line and paragraph separators, bidi controls, zero-width and other ignorable
characters, tags, variation selectors and joiners except within an emoji, lone surrogates); and URLs:

- a scheme with `://`, and `mailto:`, `javascript:`, `vbscript:`, `data:type/`;
- a name that starts with `www.`;
- a dotted name with a known top-level domain in it, with user, port, path and query; what stands before it in another script stays
  (官网x.com里 becomes 官网里), as no domain without its end is one;
- an IPv4 address with a port or a path.

Names are compared in NFKC and lower case, so ｗｗｗ．ｘ．ｃｏｍ and ⓗttp：／／x are found too. `。` is a dot only where a domain is
likelier than the end of a sentence. Where cutting a link joins a new one, somebody meant to, and all dots, colons and slashes go too.
"""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache

from engine.core.tlds import SCRIPT_TLDS, TLDS

# ---- characters -----------------------------------------------------------------------------------------------------------------

_BRACKETS = "【】︻︼"  # the vertical forms are the same to whoever normalises
_INVISIBLE = (
    r"\x00-\x1f\x7f-\x9f\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b\u200c\u200e\u200f\u2028-\u202e\u2060-\u206f\u3164"
    r"\ufe00-\ufe0d\ufeff\uffa0\ufff0-\ufffb\ufffe\uffff\ud800-\udfff"
    r"\U0001bca0-\U0001bca3\U0001d173-\U0001d17a\U000e0000-\U000e0fff"
)
# Of the emoji those that no normalisation turns into letters (№, ™ and 🈚 are left out).
_EMOJI = (
    r"\u2190-\u21ff\u2300-\u23ff\u25a0-\u27bf\u2900-\u297f\u2b00-\u2bff\u3030\u303d"
    r"\U0001f170-\U0001f18f\U0001f1e6-\U0001f1ff\U0001f300-\U0001faff"
)
_JOINERS = r"\u200d\ufe0e\ufe0f"  # of an emoji: ZWJ, and the choice between text and picture
# What reads as a dot, a colon or a slash, alone or in NFKC. "…" and its kin are left out: no name has an empty label.
_DOTS = r".。．｡․﹒︒⒈-⒛㏂㏇㏘\U0001f100"
_COLONS = ":：﹕︓∶꞉ː⩴"
_SLASHES = r"/\\／＼﹨⁄∕⧸⟋╱℀℁℅℆"

_remove = re.compile(f"[{_BRACKETS}{_INVISIBLE}]|(?<![{_EMOJI}{_JOINERS}])[{_JOINERS}]+").sub
# None: nothing to remove, the common case. Anything else has to be looked at.
suspect = re.compile(f"[{_BRACKETS}{_INVISIBLE}{_JOINERS}{_DOTS}{_COLONS}{_SLASHES}]").search

# Where NFKC is not what we compare by.
_SAME = {
    **dict.fromkeys("∶꞉ː", ":"),
    **dict.fromkeys("\\＼﹨⁄∕⧸⟋╱", "/"),
    **dict.fromkeys("。｡︒", "。"),
    **dict.fromkeys("\u200d\ufe0e\ufe0f", ""),
    **{mark: mark for mark in "…‥︙︰"},
}
_MAX_FOLDS = 20_000


class _Folds(dict[str, str]):
    """A character as it is compared: NFKC, lower case, one kind of dot, colon and slash."""

    def __missing__(self, character: str) -> str:
        folded = _SAME.get(character)
        if folded is None:
            folded = unicodedata.normalize("NFKC", character).lower()
        if len(self) < _MAX_FOLDS:
            self[character] = folded
        return folded


_folds = _Folds()

# ---- links ----------------------------------------------------------------------------------------------------------------------

_TAIL = r"[a-z0-9\-._~:/?#@$&*+=%\[\]|]*"  # after the host; a comma, a bracket or another script ends it
_MARKS_OF_WORDS = r"\u0300-\u036f\u0900-\u0dff\u0e00-\u0eff\u3099\u309a"  # accents, Indic and Thai vowels, kana voicing
_anchors = re.compile(
    r"(?P<scheme>://)"
    r"|(?P<ip>(?<![0-9.])[0-9]{1,3}(?:\.[0-9]{1,3}){3}(?=:[0-9]|/))"
    r"|(?P<opaque>(?<![a-z0-9])(?:mailto|javascript|vbscript|data(?=:[a-z]+/)):(?=\S))"
    r"|(?P<www>(?<![a-z0-9])www[.。](?=[^\W_]))"
    r"|[.。](?=(?P<label>xn--[a-z0-9\-]+|[a-z]{2,}(?![a-z0-9]))|(?P<word>[^\W0-9_]))"
).finditer
_tail = re.compile(_TAIL).match
_rest = re.compile(rf"(?:\.[a-z0-9\-]+)*(?:\.(?=[:/]))?(?::[0-9]+)?(?:[/?#@]{_TAIL})?").match
_www_rest = re.compile(rf"(?:[.。][a-z0-9\-]+)+(?:\.(?=[:/]))?(?::[0-9]+)?(?:[/?#@]{_TAIL})?").match
_word = re.compile(rf"(?:[^\W_]|[{_MARKS_OF_WORDS}])+").match
_host = re.compile(rf"(?:[^\W_]|[{_MARKS_OF_WORDS}.\-])+").match
_HOST = frozenset("abcdefghijklmnopqrstuvwxyz0123456789.-_")
_SCHEME = frozenset("abcdefghijklmnopqrstuvwxyz0123456789.-+")
_USER = _HOST | frozenset("%+~:!$&*=")
_SLASH = frozenset("/")
_ALNUM = frozenset("abcdefghijklmnopqrstuvwxyz0123456789")
_MARKS = frozenset(".。:/")  # without them nothing is a link
_DIGITS = frozenset("0123456789")
# After 。 and a name in another script these are a domain; the others (`me`, `it`, `is`) more likely begin a sentence.
_COMMON = frozenset(
    {"com", "cn", "net", "org", "top", "xyz", "vip", "cc", "io", "app", "shop", "site", "club", "gov", "edu", "info", "biz"}
)

_ROUNDS = 2  # one to cut, one that finds nothing more


def sanitise(text: str) -> str:
    """The text without signature brackets, hidden characters and links. Idempotent; linear in the length."""
    if suspect(text) is None:
        return text
    return _sanitised_before(text) if len(text) <= _SHORT else _sanitised(text)


def _sanitised(text: str) -> str:
    for _ in range(_ROUNDS):
        cleaned = _cut_links(_remove("", text))
        if cleaned == text:
            return text
        text = cleaned
    # Cutting made a new link: somebody nested them on purpose.
    return _remove("", "".join(character for character in text if not _MARKS & set(_folds[character])))


# A broadcast says the same to everybody: its link is looked at once.
_SHORT = 300
_sanitised_before = lru_cache(maxsize=1024)(_sanitised)


def _cut_links(text: str) -> str:
    folded = list(map(_folds.__getitem__, text))
    skeleton = "".join(folded)
    spans = _links(skeleton)
    if not spans:
        return text
    if set(map(len, folded)) != {1}:
        spans = _to_source(spans, folded)
    kept = []
    at = 0
    for start, stop in spans:
        kept.append(text[at:start])
        at = stop
    return "".join([*kept, text[at:]])


def _to_source(spans: list[tuple[int, int]], folded: list[str]) -> list[tuple[int, int]]:
    """Spans of the skeleton as spans of the text; a character of which any part is cut, goes."""
    owners = [index for index, piece in enumerate(folded) for _ in piece]
    found: list[tuple[int, int]] = []
    for start, stop in spans:
        first, last = owners[start], owners[stop - 1] + 1
        first = max(first, found[-1][1]) if found else first
        found.append((first, max(first, last)))
    return found


def _links(s: str) -> list[tuple[int, int]]:
    """The spans of a skeleton that are links, in order, not overlapping."""
    spans: list[tuple[int, int]] = []
    end = 0  # before it everything is decided
    for anchor in _anchors(s):
        at = anchor.start()
        if at < end:
            continue
        kind = anchor.lastgroup
        found: tuple[int, int] | None
        if kind == "label":
            label, after = anchor["label"], anchor.end("label")
            if label in TLDS or label.startswith("xn--"):
                found = _dotted(s, at, end, after)
            else:
                found = _dotted_word(s, at, end) if _is_foreign(s, after) else None
        elif kind == "word":
            found = _dotted_word(s, at, end) if _is_foreign(s, at + 1) else None
        elif kind == "www":
            rest = _www_rest(s, at + 3)
            found = _with_front(s, at, end), anchor.end() if rest is None else rest.end()
        elif kind == "scheme":
            found = _schemed(s, at, end)
        else:
            found = at, _tail_end(s, anchor.end())
        if found is not None:
            spans.append(found)
            end = found[1]
    return spans


def _schemed(s: str, colon: int, end: int) -> tuple[int, int] | None:
    start = _back(s, colon, end, _SCHEME)
    if not any(character.isalpha() for character in s[start:colon]):
        return None
    stop = _tail_end(s, colon + 3)
    if "." not in s[colon + 3 : stop]:
        # No host in ASCII: one in another script, whose end in a text without blanks nobody can tell. All that hangs together goes.
        host = _host(s, colon + 3)
        stop = _tail_end(s, host.end() if host is not None else stop)
    return start, stop


def _is_foreign(s: str, at: int) -> bool:
    """Whether a word here goes on in another script: `vermögensberater` begins with ASCII."""
    return s[at : at + 1] > "\x7f"


def _dotted_word(s: str, dot: int, end: int) -> tuple[int, int] | None:
    """The same for the domains of other scripts."""
    word = _word(s, dot + 1)
    if word is None:
        return None
    name = word[0]
    # Composed here once more: of characters alone 한국 cannot be.
    is_domain = name in SCRIPT_TLDS or unicodedata.normalize("NFKC", name) in SCRIPT_TLDS
    return _dotted(s, dot, end, word.end()) if is_domain else None


def _dotted(s: str, dot: int, end: int, stop: int) -> tuple[int, int] | None:
    """The link around a dot and the known top-level domain after it, up to `stop`; None where it is more likely something else."""
    before = s[dot - 1] if dot > end else ""
    # At the very beginning the name may stand in the author's text before this value.
    if dot > 0 and not (before.isalnum() or before in ("-", "_") or unicodedata.category(before or " ") in ("So", "Mn", "Mc", "Sk")):
        return None
    in_script = not s[dot + 1 : stop].isascii()
    if s[dot] == "。":
        # Between scripts it ends a sentence: 好的。it is on its way, 请联系。公司
        if in_script and s[stop : stop + 1] not in ("/", ":"):
            return None
        if not in_script and before not in _ALNUM and s[dot + 1 : stop] not in _COMMON:
            return None
    elif in_script:
        name = s[_back(s, dot, end, _HOST) : dot]
        if 0 < len(name) <= 2 and _DIGITS.issuperset(name):  # a list: 1.中国 2.美国
            return None
    rest = _rest(s, stop)
    return _with_front(s, dot, end), stop if rest is None else rest.end()


def _with_front(s: str, at: int, end: int) -> int:
    """Where the link begins: before its first labels, the user, slashes and the scheme."""
    start = _back(s, at, end, _HOST)
    if start > end and s[start - 1] == "@":
        start = _back(s, start - 1, end, _USER)
    slashes = _back(s, start, end, _SLASH)
    if end < slashes < start and s[slashes - 1] == ":":
        return _back(s, slashes - 1, end, _SCHEME)
    return slashes


def _tail_end(s: str, at: int) -> int:
    tail = _tail(s, at)
    return at if tail is None else tail.end()


def _back(s: str, at: int, end: int, allowed: frozenset[str]) -> int:
    while at > end and s[at - 1] in allowed:
        at -= 1
    return at


# ---- links that are meant -------------------------------------------------------------------------------------------------------

_is_link = re.compile(
    r"https?://"
    r"(?:[^\W_](?:[\w\-]*[^\W_])?\.)*[^\W_](?:[\w\-]*[^\W_])?"  # the host; no user before it, whose name could pass for the host
    r"(?::[0-9]{1,5})?"
    r"(?:[/?#][^\s\"<>\\^`{|}\[\]]*)?",
    re.IGNORECASE,
).fullmatch


def is_link(text: str) -> bool:
    """Whether this is one plain http(s) URL and nothing else: no spaces, controls, brackets, user or password."""
    return len(text) <= 2000 and _remove("", text) == text and _is_link(text) is not None
