"""A message and its fallback chain: the next channel after a bad receipt or silence, and the slots that come back."""

from __future__ import annotations

from engine.core.case import Case, Work, only_a_phone
from engine.core.caps import give_back
from engine.core.facts import Scope
from engine.core.occurrences import Receipt, Silence
from engine.core.outcomes import Message, Timer
from engine.core.plan import Look, RulePlan
from engine.core.render import TemplateError
from engine.core.texts import cut
from engine.core.validity import send_until
from engine.core.watching import watch
from rules.model import Duration


def message_of(case: Case, slots: tuple[tuple[str, str, int], ...]) -> Message:
    """The message of a case that has passed every stage."""
    rule, item, look = case.rule, case.item, case.look
    assert look is not None
    assert case.to is not None
    first = case.channels[0]
    return Message(
        id=f"{rule.id}|{item.occurrence}|{case.recipient_user or case.to}",
        at=case.now,
        rule=rule.id,
        occurrence=item.occurrence,
        user=case.recipient_user,
        phone=case.person_phone,
        to=case.to,
        type=rule.type.id,
        channel=first.name,
        template=look.template,
        variant=look.name,
        text=case.cut.text,
        content=case.cut.content,
        parts=case.cut.parts,
        send_until=send_until(rule, item, case.now, case.text_scope.zone),
        verification=_verification(rule, case.scope),
        item=item,
        position=0,
        rest=tuple([channel.name for channel in case.channels[1:]]),
        slots=slots,
        all_rejected=True,
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
    if receipt.in_time and message.rest:
        work.decision.cancelled.append(fallback_id(message))
        if receipt.status != "delivered":
            _go_on(work, message, all_rejected)
    elif all_rejected:
        _free_slots(work, message)


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
        values = {slot: getattr(message, slot) for slot in Message.__slots__}
        values |= {
            "id": f"{rule.id}|{message.occurrence}|{message.user or message.to}|{message.position + index + 1}",
            "at": work.now,
            "channel": name,
            "text": rendered.text,
            "content": rendered.content,
            "parts": rendered.parts,
            "position": message.position + index + 1,
            "rest": message.rest[index + 1 :],
            "all_rejected": all_rejected,
        }
        return Message(**values)
    return None


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


def _verification(rule: RulePlan, scope: Scope) -> dict[str, object] | None:
    if rule.verification is None:
        return None
    code, purpose = rule.verification.code, rule.verification.purpose
    return {
        "purpose": purpose if isinstance(purpose, str) else purpose(scope),
        "digits": code.digits,
        "valid_for_seconds": (code.valid_for or Duration(10, "m")).micros // 1_000_000,
        "checks": code.checks,
    }
