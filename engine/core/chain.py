"""A message and its fallback chain: the next channel after a bad receipt or silence, and the slots that come back."""

from __future__ import annotations

from collections.abc import Mapping

from engine.core.caps import give_back
from engine.core.case import Case, Work, only_a_phone, user_cell_id
from engine.core.facts import Cell, Scope, UserCell
from engine.core.occurrences import Receipt, Silence
from engine.core.outcomes import Message, Timer
from engine.core.plan import BookPlan, Look, RulePlan, VerificationPlan
from engine.core.render import TemplateError
from engine.core.texts import Cut, cut, cut_with_code
from engine.core.validity import send_until
from engine.core.watching import watch
from rules.model import Duration


def message_of(case: Case, slots: tuple[tuple[str, str, int], ...]) -> Message:
    """The message of a case that has passed every stage."""
    rule, item, look = case.rule, case.item, case.look
    assert look is not None
    assert case.to is not None
    channels, now, zone = case.channels, case.now, case.text_scope.zone
    return Message(
        f"{rule.id}|{item.occurrence}|{case.recipient_user or case.to}",
        now,
        item,
        case.recipient_user,
        case.person_phone,
        case.to,
        rule.type.id,
        channels[0].name,
        look.template,
        look.name,
        case.cut.text,
        case.cut.content,
        case.cut.parts,
        lambda: send_until(rule, item, now, zone),
        None if rule.verification is None else _verification(rule.verification, case.scope),
        () if len(channels) == 1 else tuple([channel.name for channel in channels[1:]]),
        slots,
    )


def wait_for_receipt(message: Message, rule: RulePlan, work: Work) -> None:
    """Promise to go on with the chain when no good receipt has come in time."""
    due = work.now + rule.rule.send.fallback_after.micros
    timer = Timer(fallback_id(message), "fallback", due, message=message, watch=watch(rule, message.item, work.book))
    work.set_timer(timer)


def fallback_id(message: Message) -> str:
    """The timer that waits for the message's receipt."""
    return f"fallback|{message.rule}|{message.occurrence}|{message.user or message.to}"


def on_receipt(work: Work, receipt: Receipt) -> None:
    """Judge what a provider says. A late receipt changes nothing but caps."""
    message = receipt.message
    all_rejected = message.all_rejected and receipt.status == "rejected"
    if receipt.in_time and message.rest and _still_waits(work, message):
        work.decision.cancelled.append(fallback_id(message))
        if receipt.status != "delivered":
            _go_on(work, message, all_rejected)
    elif all_rejected:
        _free_slots(work, message)


def _still_waits(work: Work, message: Message) -> bool:
    """Whether no `unless` has ended the chain since."""
    rule = work.book.rules.get(message.rule)
    cells = watch(rule, message.item, work.book) if rule is not None else ()
    return not cells or any(timer.id == fallback_id(message) for cell in cells for timer in work.cells.pending(cell))


def on_silence(work: Work, silence: Silence) -> None:
    """No good receipt came in time."""
    _go_on(work, silence.message, all_rejected=False)


def _go_on(work: Work, message: Message, all_rejected: bool) -> None:
    follower = _next_message(work, message, all_rejected)
    if follower is not None:
        work.decision.messages.append(follower)
        if follower.rest:
            wait_for_receipt(follower, work.book.rules[follower.rule], work)
    elif all_rejected:
        _free_slots(work, message)


def _next_message(work: Work, message: Message, all_rejected: bool) -> Message | None:
    rule = work.book.rules.get(message.rule)
    look = _look_of(rule, message) if rule is not None else None
    if rule is None or look is None or not _may_leave(work, message):
        return None
    person = work.user(message.user) if message.user is not None else only_a_phone(message.to, work.book)
    if person is None:
        return None
    scope = Scope(work.now, person.zone, message.item.event, person, message.item.aliases, person.locale or work.book.book.locale)
    by_name = {channel.name: channel for channel in look.channels}
    for index, name in enumerate(message.rest):
        if name not in by_name or f"channel:{name}" in work.book.stopped:
            continue
        try:
            rendered = cut(by_name[name], rule, scope, message.to, work.book)
        except TemplateError:
            continue
        return message.follower(work.now, name, rendered.text, rendered.content, rendered.parts, index, all_rejected)
    return None


def text_with_code(book: BookPlan, cells: Mapping[str, Cell | None], message: Message, code: str) -> Cut | None:
    """The message as it leaves, with its code: never kept, never logged. `cells` holds its user's. None: the book has no such content now.

    Raises TemplateError.
    """
    rule = book.rules.get(message.rule)
    look = _look_of(rule, message) if rule is not None else None
    channel = next((channel for channel in look.channels if channel.name == message.channel), None) if look is not None else None
    person = cells.get(user_cell_id(message.user)) if message.user is not None else only_a_phone(message.to, book)
    if rule is None or channel is None or not isinstance(person, UserCell):
        return None
    scope = Scope(message.at, person.zone, message.item.event, person, message.item.aliases, person.locale or book.book.locale)
    return cut_with_code(channel, rule, scope, message.to, book, code)


def _look_of(rule: RulePlan, message: Message) -> Look | None:
    return next((look for look in rule.looks if look.name == message.variant), None)


def _may_leave(work: Work, message: Message) -> bool:
    if message.send_until is not None and work.now > message.send_until:
        return False
    if {f"rule:{message.rule}", f"type:{message.type}"} & work.book.stopped:
        return False
    cell = work.cell(f"phone:{message.to}")
    return cell is None or not cell.suppressed & {message.type, "all", "blocked"}


def _free_slots(work: Work, message: Message) -> None:
    for cell_id, state, instant in message.slots:
        if work.cell(cell_id) is not None:
            cell = work.change_user(cell_id[5:]) if cell_id.startswith("user:") else work.change(cell_id, 0)
            give_back(cell, state, instant)


def _verification(plan: VerificationPlan, scope: Scope) -> dict[str, object]:
    code, purpose = plan.code, plan.purpose
    return {
        "purpose": purpose if isinstance(purpose, str) else purpose(scope),
        "digits": code.digits,
        "valid_for_seconds": (code.valid_for or Duration(10, "m")).micros // 1_000_000,
        "checks": code.checks,
    }
