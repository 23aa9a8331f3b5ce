"""The draft: several people edit one book, and nobody's work is lost."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from engine.runtime.clock import TestClock
from engine.runtime.drafts import DraftConflict
from engine.runtime.errors import NotFound, ServiceError
from engine.runtime.service import Service
from engine.store.store import Store

BOOK = "book: {id: t, name: T, timezone: Asia/Shanghai, locale: zh_CN}\n"
MORE = "events: {a: {data: {}}}\n"


@pytest.fixture
def service(url: str) -> Iterator[Service]:
    store = Store(url)
    store.migrate()
    service = Service(store, TestClock(1_000_000), secret=b"secret")
    service.publish({"book.yaml": BOOK, "more.yaml": MORE}, "first", "test")
    yield service
    service.close()


def told(call: Any, *arguments: Any) -> DraftConflict:
    with pytest.raises(DraftConflict) as caught:
        call(*arguments)
    return caught.value


def test_without_edits_the_draft_is_what_is_in_force(service: Service) -> None:
    draft = service.drafts.read()

    assert draft.texts == {"book.yaml": BOOK, "more.yaml": MORE}
    assert (draft.base_version, draft.live_version, draft.changed) == (1, 1, ())


def test_an_edit_is_kept_over_what_is_in_force(service: Service) -> None:
    revision = service.drafts.save("more.yaml", MORE + "# more\n", 0, "wang")
    draft = service.drafts.read()

    assert draft.changed == ("more.yaml",)
    assert draft.files["more.yaml"].edited_by == "wang"
    assert draft.files["more.yaml"].revision == revision
    assert draft.files["book.yaml"].revision == 0
    assert service.active_files("live") == {"book.yaml": BOOK, "more.yaml": MORE}


def test_the_second_editor_of_a_file_is_told_and_loses_nothing(service: Service) -> None:
    first = service.drafts.save("more.yaml", "# wang\n", 0, "wang")
    conflict = told(service.drafts.save, "more.yaml", "# li\n", 0, "li")

    assert (conflict.who, conflict.text, conflict.revision) == ("wang", "# wang\n", first)
    assert service.drafts.files()["more.yaml"] == "# wang\n"

    service.drafts.save("more.yaml", "# li\n", conflict.revision, "li")

    assert told(service.drafts.save, "more.yaml", "# wang again\n", first, "wang").who == "li"


def test_two_files_have_two_editors(service: Service) -> None:
    service.drafts.save("more.yaml", "# wang\n", 0, "wang")
    service.drafts.save("book.yaml", BOOK + "# li\n", 0, "li")

    assert service.drafts.read().changed == ("book.yaml", "more.yaml")


def test_an_editor_whose_draft_was_given_up_is_told(service: Service) -> None:
    revision = service.drafts.save("more.yaml", "# wang\n", 0, "wang")
    service.drafts.discard("li")
    conflict = told(service.drafts.save, "more.yaml", "# wang, more\n", revision, "wang")

    assert (conflict.who, conflict.text, conflict.revision) == ("li", MORE, 0)


def test_files_come_and_go(service: Service) -> None:
    service.drafts.save("new/one.yaml", "# new\n", 0, "wang")
    service.drafts.remove("more.yaml", 0, "wang")
    draft = service.drafts.read()

    assert set(draft.files) == {"book.yaml", "new/one.yaml"}
    assert draft.changed == ("more.yaml", "new/one.yaml")
    assert set(draft.gone) == {"more.yaml"}
    with pytest.raises(NotFound):
        service.drafts.remove("more.yaml", draft.gone["more.yaml"].revision, "wang")


@pytest.mark.parametrize("name", ["x", "../x.yaml", "/x.yaml", ".x.yaml", "a//b.yaml", "a\nb.yaml", "a\\b.yaml", "x" * 120 + ".yaml", ""])
def test_a_name_that_is_no_file_of_a_book_is_refused(service: Service, name: str) -> None:
    with pytest.raises(ServiceError):
        service.drafts.save(name, "", 0, "wang")


def test_a_draft_stays_on_its_base_when_somebody_publishes(service: Service) -> None:
    service.drafts.save("more.yaml", "# wang\n", 0, "wang")
    service.publish({"book.yaml": BOOK + "# v2\n", "more.yaml": MORE}, "second", "li")
    draft = service.drafts.read()

    assert draft.is_behind
    assert (draft.base_version, draft.live_version) == (1, 2)
    assert draft.texts["book.yaml"] == BOOK

    assert service.drafts.rebase("wang") == ()
    after = service.drafts.read()
    assert not after.is_behind
    assert after.texts == {"book.yaml": BOOK + "# v2\n", "more.yaml": "# wang\n"}


def test_going_on_from_a_new_version_names_what_both_have_changed(service: Service) -> None:
    service.drafts.save("more.yaml", "# wang\n", 0, "wang")
    service.publish({"book.yaml": BOOK, "more.yaml": MORE + "# li\n"}, "second", "li")

    assert service.drafts.rebase("wang") == ("more.yaml",)


def test_what_is_published_is_no_edit_any_more(service: Service) -> None:
    service.drafts.save("more.yaml", MORE + "# wang\n", 0, "wang")
    service.publish(service.drafts.files(), "second", "wang")
    service.drafts.published("wang")
    draft = service.drafts.read()

    assert (draft.base_version, draft.changed) == (2, ())
    assert draft.texts["more.yaml"] == MORE + "# wang\n"


def test_an_old_version_opens_as_a_draft(service: Service) -> None:
    service.publish({"book.yaml": BOOK, "other.yaml": "# other\n"}, "second", "li")
    service.drafts.replace({"book.yaml": BOOK, "more.yaml": MORE}, "wang")
    draft = service.drafts.read()

    assert draft.texts == {"book.yaml": BOOK, "more.yaml": MORE}
    assert draft.changed == ("more.yaml", "other.yaml")
    assert draft.base_version == 2
