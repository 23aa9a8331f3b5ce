"""Who gets the message: the occurrence's user, or whom `send.to` names; without a valid phone there is nobody."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache

from engine.core.case import Case, only_a_phone
from engine.core.facts import Scope
from engine.core.fields import Reader
from engine.core.outcomes import Verdict
from engine.core.phones import normalise
from engine.core.plan import BookPlan, RulePlan, Stage


def build(rule: RulePlan, book: BookPlan) -> Stage:
    """The stage; it also opens the scope in which consent, caps and texts are read."""
    locale = book.book.locale
    if rule.to_user is not None:
        find = _to_user(rule.to_user)
    elif rule.to_phone is not None:
        find = _to_phone(rule.to_phone)
    else:
        return _to_trigger(locale)

    def stage(case: Case) -> Verdict | None:
        missing = find(case)
        if missing is not None:
            return case.verdict("skip", "no_recipient", {"missing": missing})
        person = case.recipient
        if person is not case.user:
            zone = person.zone if person is not None else case.work.book.zone
            case.text_scope = Scope(case.now, zone, case.item.event, person, case.item.aliases)
        case.text_scope.locale = (person.locale if person is not None else None) or locale
        return None

    return stage


@lru_cache(maxsize=16)
def _to_trigger(locale: str) -> Stage:
    """The common case: the trigger's user is the recipient, and the scope of the conditions is that of the text."""

    def stage(case: Case) -> Verdict | None:
        user = case.user
        if user is None:
            return case.verdict("skip", "no_recipient", {"missing": "user" if case.item.user is None else "phone"})
        case.recipient = user
        case.to = user.phone
        if user.phone is None:
            return case.verdict("skip", "no_recipient", {"missing": "phone"})
        case.text_scope.locale = user.locale or locale
        return None

    return stage


def _to_user(read: Reader) -> Callable[[Case], str | None]:
    def find(case: Case) -> str | None:
        user = read(case.scope)
        if not isinstance(user, str) or not user:
            return "user"
        case.recipient_user = user
        case.recipient = case.work.user(user)
        case.to = case.recipient.phone if case.recipient is not None else None
        return None if case.to is not None else "phone"

    return find


def _to_phone(read: Reader) -> Callable[[Case], str | None]:
    def find(case: Case) -> str | None:
        phone = normalise(read(case.scope))
        if phone is None:
            return "phone"
        case.recipient_user = None
        case.to = phone
        case.recipient = only_a_phone(phone, case.work.book)
        return None

    return find
