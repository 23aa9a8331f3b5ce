"""Message types, caps, templates and what a rule sends."""

from __future__ import annotations

from typing import Any, cast

from rules import values
from rules.entries.conditions import scalar_or_ref
from rules.model import CHANNELS, Cap, CodeSpec, Content, Duration, MessageType, Path, QuietHours, Ref, Send, Template, To, Tree


def message_type(name: str, tree: dict[str, Any], path: Path) -> MessageType:
    """One entry of `message_types`."""
    return MessageType(
        path,
        name,
        caps=caps(tree.get("caps", []), (*path, "caps")),
        code=code(tree["code"]) if "code" in tree else None,
        valid_for=values.duration(tree.get("valid_for")),
        needs_consent=tree.get("needs_consent"),
        quiet_hours=quiet_hours(tree, path),
        ending=tree.get("ending", ""),
    )


def caps(tree: list[dict[str, Any]], path: Path) -> tuple[Cap, ...]:
    """A list of caps."""
    return tuple(_cap(item, (*path, index)) for index, item in enumerate(tree))


def _cap(tree: dict[str, Any], path: Path) -> Cap:
    window = values.window(tree["per"])
    assert window is not None
    by = tree.get("by", "user")
    return Cap(path, int(tree["max"]), window, tuple(by) if isinstance(by, list) else (by,))


def quiet_hours(entry: dict[str, Any], path: Path) -> QuietHours | None:
    """The quiet hours of a message type or of a `send`."""
    if "quiet_hours" not in entry:
        return None
    tree = entry["quiet_hours"]
    start, end = values.time_of_day(tree["from"]), values.closing_time(tree["to"])
    assert start is not None
    assert end is not None
    return QuietHours((*path, "quiet_hours"), start, end, tree.get("then", "defer"))


def code(tree: dict[str, Any]) -> CodeSpec:
    """How a verification code is made."""
    return CodeSpec(_integer(tree, "digits"), values.duration(tree.get("valid_for")), _integer(tree, "checks"))


def _integer(tree: dict[str, Any], key: str) -> int | None:
    return int(tree[key]) if key in tree else None


def template(name: str, tree: dict[str, Any], path: Path) -> Template:
    """One entry of `templates`, or (with the name "") the content that a `send` holds in place."""
    contents = {channel: _content(channel, tree[channel], (*path, channel)) for channel in sorted(CHANNELS) if channel in tree}
    return Template(path, name, contents)


def _content(channel: str, tree: Any, path: Path) -> Content:
    if channel != "sms":
        return Content(path, channel, data=frozen(tree))
    return Content(path, channel, texts={"": tree} if isinstance(tree, str) else {name: tree[name] for name in sorted(tree)})


def frozen(tree: Any) -> Tree:
    """The tree as written, with tuples for lists."""
    if isinstance(tree, dict):
        return {name: frozen(value) for name, value in tree.items()}
    if isinstance(tree, list):
        return tuple(frozen(item) for item in tree)
    return cast(Tree, tree)


def send(tree: dict[str, Any], path: Path) -> Send:
    """What a rule sends."""
    channel = tree.get("channel", [])
    in_place = template("", tree, path)
    return Send(
        path,
        tree["type"],
        template=tree.get("template") or (in_place if in_place.contents else None),
        channels=tuple(channel) if isinstance(channel, list) else (channel,),
        to=To((*path, "to"), tree["to"].get("user"), tree["to"].get("phone")) if "to" in tree else None,
        valid_for=values.duration(tree.get("valid_for")),
        fallback_after=values.duration(tree.get("fallback_after")) or Duration(2, "m"),
        purpose=_purpose(tree),
        quiet_hours=quiet_hours(tree, path),
        code=code(tree["code"]) if "code" in tree else None,
    )


def _purpose(tree: dict[str, Any]) -> str | Ref | None:
    return cast("str | Ref | None", scalar_or_ref(tree["purpose"])) if "purpose" in tree else None
