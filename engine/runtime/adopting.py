"""Adopting: what a newly published book needs of every user and the old one did not keep is built from recorded events, silently.

Traits that are new or defined differently are counted from the events that were judged before the publication; those judged after it are
counted as they come. A user is renewed as a whole: in the worker's pages, in order, or at once when something is judged about them before
their turn. So nobody is ever judged with half a trait, and no event counts twice: which of the two an event belongs to, the record of
decisions says.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from engine.core.facts import Scope, UserCell
from engine.core.plan import BookPlan
from engine.store import codec, decisions, events, marks, people
from engine.store.events import Received
from engine.store.schema import decisions as decision_rows
from engine.store.schema import events as event_rows
from engine.store.schema import marks as mark_rows
from engine.store.store import Store, Tx
from rules.model import MINUTE, Rulebook

if TYPE_CHECKING:
    from engine.runtime.books import Books

GENERATION = "#"  # among a user's traits: the adoption that they belong to. No trait is called so
PAGE = 100  # users of one transaction
_EVENTS = 1000  # of a user that are read at a time
_IN_FLIGHT = 10 * MINUTE  # an event received so long before a publication had been committed by then


@dataclass(frozen=True, slots=True)
class Adoption:
    """One publication's job. `until`, `decided`: the last event, and the last decision, before it. Of events received before `sure` it is
    known without a look at the decisions that they were judged before it."""

    generation: int
    version: int
    at: int
    traits: tuple[str, ...]
    until: int
    decided: int
    sure: int
    people: int
    looked: int = 0
    cursor: tuple[str, str] | None = None
    done: bool = False

    @property
    def progress(self) -> str:
        """For people."""
        return f"version {self.version}: {self.looked} of {self.people} users adopted"


def standing(tx: Tx, env: str, version: int | None = None) -> Adoption | None:
    """The job that is not done yet (of this version: a transaction may have read the active one just before another was published).
    Without a lock: every transaction asks."""
    found = _last(tx, env)
    return found if found is not None and not found.done and version in (None, found.version) else None


def _last(tx: Tx, env: str) -> Adoption | None:
    body = tx.run(_MARK, {"env": env, "name": marks.ADOPT}).scalar()
    return _read(body) if body is not None else None


def is_under_way(body: str | None) -> bool:
    """Whether a mark, as it is kept, is of a job that is not done yet."""
    return body is not None and not _read(body).done


def _read(body: str) -> Adoption:
    tree = codec.loads(body)
    cursor = tree["cursor"]
    return Adoption(**{**tree, "traits": tuple(tree["traits"]), "cursor": tuple(cursor) if cursor is not None else None})


_MARK = sa.select(mark_rows.c.body).where(mark_rows.c.env == sa.bindparam("env"), mark_rows.c.name == sa.bindparam("name"))


def _keep(tx: Tx, env: str, adoption: Adoption) -> None:
    marks.put(tx, env, marks.ADOPT, asdict(adoption))


def forget(tx: Tx, env: str, user: str) -> None:
    """Somebody is erased: a job that stands at this person begins its pages anew, and passes over those who are renewed."""
    job = standing(tx, env)
    if job is not None and job.cursor is not None and job.cursor[1] == user:
        _keep(tx, env, replace(job, cursor=None, looked=0))


# ---- at a publication -------------------------------------------------------------------------------------------------------------------


def begin(tx: Tx, env: str, old: Rulebook | None, plan: BookPlan, version: int, at: int) -> None:
    """A book has been put in force: note what is to be built. Nobody judges meanwhile, so that what was judged before is known."""
    last = _last(tx, env)
    unfinished = last.traits if last is not None and not last.done else ()
    traits = tuple(sorted(name for name in plan.book.traits if name in unfinished or _differs(name, old, plan.book)))
    held = people.count(tx, env)
    if not held or not (traits or plan.wakes):
        if last is not None and not last.done:
            _keep(tx, env, replace(last, done=True))
        return
    waiting = events.take(tx, env, 1)
    sure = min([at - _IN_FLIGHT, *[one.event.received for one in waiting]])
    until = tx.execute(sa.select(sa.func.max(event_rows.c.seq))).scalar() or 0
    decided = tx.execute(sa.select(sa.func.max(decision_rows.c.seq))).scalar() or 0
    _keep(tx, env, Adoption(last.generation + 1 if last is not None else 1, version, at, traits, until, decided, sure, held))


def built_anew(old: Rulebook | None, new: Rulebook) -> tuple[str, ...]:
    """Traits that a new version would count from recorded events, in order of name."""
    return tuple(sorted(name for name in new.traits if _differs(name, old, new)))


def _differs(name: str, old: Rulebook | None, new: Rulebook) -> bool:
    """Whether what a trait is made of has changed; where it stands in the book does not matter."""
    trait = new.traits[name]
    before = old.traits.get(name) if old is not None else None
    if old is None or before is None or replace(before, path=()) != replace(trait, path=()):
        return True
    return trait.of is not None and _types(old, trait.events, trait.of) != _types(new, trait.events, trait.of)


def _types(book: Rulebook, names: tuple[str, ...], field: str) -> set[str | None]:
    key = field.partition(".")[2].partition(".")[0]
    found = [book.events[name].data.get(key) if name in book.events else None for name in names]
    return {declared.type if declared is not None else None for declared in found}


# ---- one user ---------------------------------------------------------------------------------------------------------------------------


def is_renewed(cell: UserCell, adoption: Adoption) -> bool:
    """Whether the user's traits are of the book in force."""
    return bool(cell.traits.get(GENERATION) == adoption.generation)


def renewed(tx: Tx, env: str, plan: BookPlan, adoption: Adoption, cell: UserCell) -> UserCell:
    """The user with traits as if the book had always been in force, as far as events are kept."""
    copy = cell.fork()
    copy.traits = without_stale(cell.traits, adoption) | _counted(tx, env, plan, adoption, cell) | {GENERATION: adoption.generation}
    return copy


def without_stale(traits: Mapping[str, Any], adoption: Adoption) -> dict[str, Any]:
    """Traits without those that mean something else now."""
    return {name: state for name, state in traits.items() if name not in adoption.traits}


def _counted(tx: Tx, env: str, plan: BookPlan, adoption: Adoption, cell: UserCell) -> dict[str, Any]:
    found: dict[str, Any] = {}
    after = 0
    while adoption.traits:
        page = events.history(tx, env, user=cell.id, after=after, limit=_EVENTS)
        for one in page:
            event = one.event
            of_type = plan.events.get(event.type)
            traits = [trait for trait in of_type.traits if trait.name in adoption.traits] if of_type is not None else []
            if traits and one.seq <= adoption.until and _was_judged(tx, env, adoption, one):
                scope = Scope(event.received, cell.zone, event, cell)
                for trait in traits:
                    state = trait.update(found.get(trait.name), scope, event, event.received)
                    if state is not None:
                        found[trait.name] = state
        if len(page) < _EVENTS or page[-1].seq >= adoption.until:
            break
        after = page[-1].seq
    return found


def _was_judged(tx: Tx, env: str, adoption: Adoption, one: Received) -> bool:
    """Whether an event was judged before the publication. One received at about that time may have been committed later than its number."""
    if not one.done or one.event.received < adoption.sure:
        return one.done
    return any(row.seq <= adoption.decided for row in decisions.of_cause(tx, env, one.event.id, one.event.source))


# ---- everybody --------------------------------------------------------------------------------------------------------------------------


class Adopting:
    """Pages the job on. A page and the cursor behind it are one transaction, so that a killed job goes on where it stopped."""

    def __init__(self, store: Store, books: Books) -> None:
        self._store = store
        self._books = books

    def step(self, env: str) -> bool:
        """Renew one page of users. False: there is nothing to adopt."""
        return self._store.transact(lambda tx: self._page(tx, env))

    def _page(self, tx: Tx, env: str) -> bool:
        if not events.lock_inbox(tx, env):
            return False
        adoption, desk = standing(tx, env), self._books.desk(tx, env)
        if adoption is None or desk is None:
            return False
        page = people.page(tx, env, after=adoption.cursor, limit=PAGE)
        if page:
            desk.begin(adoption.at, "book", str(adoption.version))
            desk.renew([user for _, user in page])
            desk.save()
        done = len(page) < PAGE
        cursor = page[-1] if page else adoption.cursor
        _keep(tx, env, replace(adoption, cursor=None if done else cursor, looked=adoption.looked + len(page), done=done))
        return True
