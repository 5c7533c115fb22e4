"""What is stored of a decision."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from shared.model import CANCELLED, Event, Link, OnExternal, Policy, Removed
from shared.store.events import Record
from shared.sync.actions import CreateCopy, DeleteCopy, EventPlan
from shared.sync.links import Outcome, Refused, Written
from shared.sync.plan import plan_event
from shared.sync.recording import REFUSED, record_of
from shared.sync.situation import UNSEEN, Situation
from tests.unit.sync.memory import CALENDAR, SECOND, booking, weekly
from tests.unit.sync.situations import changed, edited, link_of, linked, report, situation

GONE = Removed("r1")
CREATE = CreateCopy(key="k", event_id="b1", series=booking().series)
DELETE = DeleteCopy(remote_id="r1", etag="e1")


def record(
    at: Situation, outcomes: list[Outcome] | None = None, policy: Policy | None = None, **members: Any
) -> Record | None:
    decided = plan_event(at, policy or Policy())
    given = {"run": "", "quiet": False, "others": (), "stored": at.link, **members}
    return record_of(at, decided, outcomes or [], **given)


def dead() -> Event:
    return replace(booking(), deleted=True)


def link(**members: Any) -> Link:
    return replace(link_of(booking()), **members)


def test_nothing_to_say_is_not_written() -> None:
    assert record(linked(booking(), UNSEEN)) is None
    assert record(linked(booking(), report(booking().series))) is None


def test_an_event_its_link_its_history_its_notice_and_its_marks_go_together() -> None:
    at = linked(booking(), report(changed(booking().series, title="there"), etag="e2"))
    written = record(at, others=("con_2.cal",))
    assert written is not None
    assert written.event is not None
    assert (written.event.version, written.event.series.content.title) == (2, "there")
    assert written.link is not None
    assert (written.link.etag, written.unlink) == ("e2", "")
    assert len(written.history) == 1
    assert [notice.type for notice in written.notices] == ["event.updated"]
    assert written.marks == ("con_2.cal",)


def test_what_the_person_made_is_not_spread_to_other_calendars() -> None:
    written = record(situation(None, report()), others=("con_2.cal",))
    assert written is not None
    assert [notice.type for notice in written.notices] == ["event.created"]
    assert written.marks == ()


def test_a_first_sync_is_quiet_but_keeps_its_history() -> None:
    written = record(situation(None, report()), quiet=True)
    assert written is not None
    assert (written.notices, len(written.history)) == ((), 1)


def test_a_push_writes_its_link_and_tells_nobody() -> None:
    event = edited(booking(), title="Call")
    at = linked(event, UNSEEN, base=booking())
    (write,) = plan_event(at, Policy()).writes
    written = record(at, [Written(write, report(event.series, etag="e2"))])
    assert written is not None
    assert (written.event, written.history, written.notices, written.marks) == (None, (), (), ())
    assert written.link is not None
    assert written.link.etag == "e2"


def test_a_copy_that_was_refused_is_remembered_with_the_reason() -> None:
    written = record(situation(booking(), UNSEEN), [Refused(CREATE, "Not here.")])
    assert written is not None
    assert written.link is not None
    assert (written.link.remote_id, written.link.problem) == (f"{REFUSED}b1", "Not here.")


def test_a_refused_copy_that_comes_about_after_all_replaces_its_stand_in() -> None:
    stand_in = link(remote_id=f"{REFUSED}b1", problem="Not here.")
    written = record(situation(booking(), UNSEEN), [Written(CREATE, report())], stored=stand_in)
    assert written is not None
    assert written.link is not None
    assert (written.link.remote_id, written.link.problem, written.unlink) == ("r1", "", f"{REFUSED}b1")


def test_a_copy_made_anew_gets_a_link_of_its_own_and_the_old_one_goes() -> None:
    policy = Policy(on_external_delete=OnExternal.RESTORE)
    anew = replace(report(etag="n1"), remote_id="r2")
    written = record(linked(booking(), GONE), [Written(CREATE, anew)], policy)
    assert written is not None
    assert written.link is not None
    assert (written.link.remote_id, written.link.etag, written.unlink) == ("r2", "n1", "r1")
    assert written.event is None
    assert len(written.history) == 1


def test_a_copy_that_may_not_be_made_anew_does_not_keep_the_link_of_the_one_that_is_gone() -> None:
    event = booking(weekly(**{SECOND: CANCELLED}))
    policy = Policy(on_external_delete=OnExternal.RESTORE)
    written = record(linked(event, GONE), [Refused(CREATE, "Deleted too often.")], policy)
    assert written is not None
    assert written.link is not None
    assert (written.link.remote_id, written.link.overrides, written.unlink) == (f"{REFUSED}b1", {}, "r1")


def test_a_deletion_there_ends_the_link_with_the_event() -> None:
    written = record(linked(booking(), GONE))
    assert written is not None
    assert written.event is not None
    assert (written.event.deleted, written.link, written.unlink) == (True, None, "r1")
    assert [notice.type for notice in written.notices] == ["event.deleted"]


def test_a_link_outlives_a_deletion_that_was_refused() -> None:
    at = linked(dead(), UNSEEN, base=booking())
    written = record(at, [Refused(DELETE, "Not yours.")])
    assert written is not None
    assert written.link is not None
    assert (written.link.problem, written.unlink) == ("Not yours.", "")
    done = record(at, [Written(DELETE, None)])
    assert done is not None
    assert (done.link, done.unlink, done.calendar_id) == (None, "r1", CALENDAR)


def test_a_snapshot_marks_what_it_saw_even_where_nothing_changed() -> None:
    seen = record(linked(booking(), report(booking().series)), run="run-1")
    assert seen is not None
    assert seen.link == link(seen="run-1")
    at = linked(booking(), report(booking().series))
    assert record(replace(at, link=link(seen="run-1")), run="run-1") is None


def test_a_snapshot_does_not_bring_back_a_link_that_was_just_dropped() -> None:
    written = record(linked(dead(), report(), base=booking()), [Written(DELETE, None)], run="run-1")
    assert written is not None
    assert (written.link, written.unlink) == (None, "r1")


def test_a_plan_without_anything_is_recorded_as_nothing() -> None:
    at = situation(booking(), UNSEEN)
    plan = EventPlan(event_id="b1", rule=plan_event(replace(at, held=False), Policy()).rule)
    assert record_of(at, plan, [], run="", quiet=False, others=(), stored=None) is None
